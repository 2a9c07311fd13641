import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { version } from '../../lib/core/sse-frames.ts';

test('the version that is told is the one of package.json', () => {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

  expect(version).toBe(JSON.parse(file).version);
});
