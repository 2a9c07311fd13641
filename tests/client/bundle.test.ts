import { expect, test } from 'vitest';
import { measureBundle } from './bundle-sizes.ts';

const sizes = await measureBundle();

test('the client’s core carries no package, no schemas, nothing of server or log', () => {
  expect(sizes.files.filter((id) => /node_modules|lib\/(server|log)\/|event-types/.test(id))).toEqual([]);
});

test('the client’s core stays within 16 KB, gzipped', () => {
  expect(sizes.gzip).toBeLessThan(16 * 1_024);
});
