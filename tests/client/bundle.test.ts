import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';

async function bundle() {
  const input = new URL('../../lib/client/connect-feed.ts', import.meta.url).pathname;
  const built = await rolldown({ input, platform: 'browser' });
  const { output } = await built.generate({ minify: true });
  return { code: output[0].code, modules: output[0].moduleIds };
}

test('the client’s core carries no React, no SWR, no schemas, nothing of server or log', async () => {
  const { modules } = await bundle();
  const packages = modules
    .filter((id) => id.includes('node_modules'))
    .map((id) => id.split('node_modules/')[1]?.split('/')[0]);
  expect([...new Set(packages)]).toEqual(['eventsource-parser']);
  expect(modules.filter((id) => /lib\/(server|log)\/|event-types/.test(id))).toEqual([]);
});

test('the client’s core stays within 18 KB, gzipped', async () => {
  const { code } = await bundle();
  expect(gzipSync(code).length).toBeLessThan(18 * 1_024);
});
