import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { serverClock } from '../../lib/core/clock.ts';
import { checkReadAccess } from '../../lib/server/http/access.ts';
import { root } from '../support/root.ts';

/** Node finds the packages from here. */
const folder = join(root, 'node_modules/.cache/steadfeed', `example-${process.pid}`);
const secret = 'a-secret-of-thirty-two-characters';

beforeEach(() => {
  mkdirSync(folder, { recursive: true });
  vi.stubEnv('READ_TOKEN_SECRET', secret);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

/** The route of the example in the documentation; its user signs in with a plain name. */
async function loadExample(): Promise<(request: Request) => Promise<Response>> {
  const text = readFileSync(join(root, 'docs/private-channels.md'), 'utf8');
  const [, example = ''] = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(text) ?? [];
  const users =
    'export const userOf = async (r) => r.headers.has("user") ? { id: r.headers.get("user") } : null;';
  writeFileSync(join(folder, 'user.mjs'), users);
  const module = stripTypeScriptTypes(
    example.replace('../../../lib/user.ts', './user.mjs').replaceAll('../../../lib/', `${root}lib/`),
  );
  writeFileSync(join(folder, 'route.mjs'), module);
  const { POST } = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'route.mjs')).href);
  return POST;
}

test('the cookie of the example in the documentation opens its user’s channels and no others', async () => {
  const post = await loadExample();
  const answer = await post(new Request('https://app.test/', { method: 'POST', headers: { user: '7' } }));
  const [cookie = '', ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ');
  const request = new Request('https://app.test/api/events', { headers: { cookie } });
  const read = (channel: string, afterSeconds = 0) =>
    checkReadAccess(request, [channel], {
      settings: { readTokenSecret: secret },
      clock: { ...serverClock, now: () => Date.now() + afterSeconds * 1_000 },
    });

  expect(attributes).toEqual(['Max-Age=900', 'Path=/api', 'HttpOnly', 'Secure', 'SameSite=Lax']);
  await read('order.7.new');
  await expect(read('order.70.new')).rejects.toMatchObject({ code: 'forbidden' });
  await expect(read('order.7.new', 931)).rejects.toMatchObject({ code: 'unauthorized' });
});

test('a user who is not signed in gets no cookie from it', async () => {
  const post = await loadExample();
  const answer = await post(new Request('https://app.test/', { method: 'POST' }));

  expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, null]);
});
