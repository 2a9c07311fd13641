import { expect, test } from 'vitest';
import { measureBundle } from '../support/client/bundle-sizes.ts';

const whole = await measureBundle('whole');
const withoutTabs = await measureBundle('withoutTabs');

test('the client’s core carries one package, the parser of streams', () => {
  const packages = whole.files.flatMap((id) => /node_modules\/([^/]+)/.exec(id)?.[1] ?? []);
  expect(new Set(packages)).toEqual(new Set(['eventsource-parser']));
});

test('the client’s core carries no schemas, nothing of server or log', () => {
  expect(whole.files.filter((id) => /lib\/(server|log)\/|event-types/.test(id))).toEqual([]);
});

test('the whole client stays within 21.8 KB, gzipped', () => {
  expect(whole.gzip).toBeLessThan(21.8 * 1_024);
});

test('a client that does not share between tabs stays within 17.6 KB, and carries nothing of it', () => {
  expect(withoutTabs.gzip).toBeLessThan(17.6 * 1_024);
  expect(withoutTabs.files.filter((id) => id.includes('lib/client/tabs/'))).toEqual([]);
});

test('an app that reads no state carries nothing of it', () => {
  expect(whole.files.filter((id) => /lib\/(client\/latest\/|core\/latest)/.test(id))).toEqual([]);
});

test('the texts that tell a person what a request may hold stay with the server', () => {
  expect(whole.code).not.toMatch(/allowed (is|are)/);
});
