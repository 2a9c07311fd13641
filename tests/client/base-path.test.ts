import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** The address, without its query, of the first request of a feed in an app that was built with these settings of Next. */
async function firstAddress(basePath: string, pathEnd: string, url?: string): Promise<string> {
  vi.stubEnv('FEED_BASE_PATH', basePath);
  vi.stubEnv('FEED_PATH_END', pathEnd);
  vi.resetModules();
  const { connectFeed } = await import('../../lib/client/connect-feed.ts');
  const { promise, resolve } = Promise.withResolvers<string>();
  const never: typeof fetch = (input) => {
    resolve(String(input));
    return new Promise(() => {});
  };
  const feed = connectFeed({ fetch: never, share: false, ...(url !== undefined && { url }) });
  const address = await promise;
  feed.close();
  return address.split('?')[0] ?? '';
}

test.each([
  ['', '', '/api/stream'],
  ['/app', '', '/app/api/stream'],
  ['', '/', '/api/stream/'],
  ['/app', '/', '/app/api/stream/'],
])(
  'in an app with the base path "%s" and the path end "%s" a feed asks %s',
  async (basePath, pathEnd, address) => {
    expect(await firstAddress(basePath, pathEnd)).toBe(address);
  },
);

test('a feed with a url of its own follows that one alone', async () => {
  expect(await firstAddress('/app', '/', 'https://feed.test/other/')).toBe(
    'https://feed.test/other/api/stream',
  );
});
