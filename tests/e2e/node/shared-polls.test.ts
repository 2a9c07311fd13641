import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { FeedPage } from '../../../lib/core/event.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type CachingProxy, startCachingProxy } from '../../support/node/caching-proxy.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { secrets, signReadToken } from '../../support/node/secrets.ts';
import { pollShort } from '../../support/node/short-pollers.ts';
import { openSse } from '../../support/node/sse-reader.ts';

/** How long after a publish a poll can miss it: nginx counts in whole seconds and stores an answer for up to two. */
const staleMs = 2_000 + 500;

/** The cursor after the first `count` events of `channel`. */
async function cursorAfter(app: App, count: number, channel = 'feed', headers = {}): Promise<string> {
  const path = `/api/events?channel=${channel}&rewind=all&limit=${count}`;
  return (JSON.parse((await ask(app, path, { headers })).text) as FeedPage).cursor;
}

/** The number of requests to the origin for a path. */
async function countAtOrigin(proxy: CachingProxy, path: string): Promise<number> {
  return (await proxy.requests()).filter((each) => each.path === path && each.reachedOrigin).length;
}

describe.concurrent('behind a caching proxy', () => {
  test('1,000 readers that poll cost the origin at most two requests a second, and get a new event soon', async () => {
    await using app = await startApp({ POLL_MODE: 'short' });
    await store(app, [1]);
    await using proxy = await startCachingProxy(app);
    const polling = pollShort(proxy, await cursorAfter(app, 1), 1_000, 7_000);
    await sleep(3_000);
    await store(app, [2]);
    const publishedAt = performance.now();
    const pollers = await polling;

    const asked = (await proxy.requests()).filter((each) => each.reachedOrigin).length;
    expect(asked).toBeGreaterThanOrEqual(3);
    expect(asked).toBeLessThanOrEqual(2 * 7);
    expect(pollers.reduce((sum, each) => sum + each.polls, 0)).toBeGreaterThan(1_000);
    for (const { got } of pollers) {
      expect(got.map(({ id }) => id.split('-')[1])).toEqual(['2']);
      expect((got[0]?.missedAt ?? Infinity) - publishedAt).toBeLessThanOrEqual(staleMs);
    }
  });

  test('a full page is read from the origin once', async () => {
    await using app = await startApp();
    await store(app, range(1, 5));
    await using proxy = await startCachingProxy(app);
    const path = `/api/events?after=${await cursorAfter(app, 1)}&limit=2`;
    for (const _ of range(1, 5)) expect((await ask(proxy, path)).status).toBe(200);
    expect(await countAtOrigin(proxy, path)).toBe(1);
  });

  test('the replay of a channel that has ended is read from the origin once, for all readers', async () => {
    await using app = await startApp();
    await store(app, range(1, 5), { channel: 'public:job.7' });
    await store(app, ['the last one'], { channel: 'public:job.7', end: true });
    await using proxy = await startCachingProxy(app);
    const path = '/api/events?channel=public:job.7&rewind=all';

    for (const _ of range(1, 20)) {
      const page = JSON.parse((await ask(proxy, path)).text) as FeedPage;
      expect(page.events).toHaveLength(6);
      expect(page.ended).toBe(true);
      await sleep(200);
    }

    expect(await countAtOrigin(proxy, path)).toBe(1);
  });

  test('an answer that is not the same for every reader always comes from the origin', async ({ expect }) => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    await store(app, range(1, 5));
    await store(app, range(1, 5), { channel: 'private' });
    await using proxy = await startCachingProxy(app);
    const token = await signReadToken(['private']);
    const after = await cursorAfter(app, 1);
    const bearer = { authorization: `Bearer ${token}` };
    const closed = `/api/events?channel=private&after=${await cursorAfter(app, 1, 'private', bearer)}`;
    const cases: readonly (readonly [status: number, path: string, headers?: Record<string, string>])[] = [
      [400, '/api/events?after=nonsense'],
      [401, '/api/events?channel=private'],
      [401, `${closed}&limit=3`],
      [200, closed, bearer],
      [200, `${closed}&limit=2`, bearer],
      [200, `${closed}&limit=1`, { cookie: `feed_token=${token}` }],
      [200, `${closed}&token=${token}`],
      [200, `/api/events?after=${after}&limit=4`, bearer],
      [200, `/api/events?channel=feed&channel=public:a&after=feed@${after}`],
      [200, `/api/events?after=${after}&wait=1`],
      [200, `/api/events?after=${after}&limit=2&type=message`],
      [200, '/api/events?rewind=all&limit=2'],
      [200, '/api/health'],
      [404, '/api/none'],
      [405, '/api/health?again'],
    ];
    for (const [status, path, headers = {}] of cases) {
      const method = status === 405 ? 'POST' : 'GET';
      for (const _ of range(1, 3))
        expect((await ask(proxy, path, { method, headers })).status, path).toBe(status);
      expect.soft(await countAtOrigin(proxy, path), path).toBe(3);
    }
  });

  test('the answer to a token does not go to a reader without a token, or with another token', async () => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    await store(app, range(1, 5), { channel: 'private' });
    await using proxy = await startCachingProxy(app);
    const [token, other] = [await signReadToken(['private']), await signReadToken(['other'])];
    const whole = `after=${await cursorAfter(app, 1, 'private', { cookie: `feed_token=${token}` })}&limit=2`;
    for (const query of ['rewind=2', whole]) {
      const path = `/api/events?channel=private&${query}`;
      for (const sent of [{ authorization: `Bearer ${token}` }, { cookie: `feed_token=${token}` }]) {
        const [name = ''] = Object.keys(sent);
        const wrong = { [name]: Object.values(sent).join().replace(token, other) };
        const first = await ask(proxy, path, { headers: sent });
        expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
        expect((await ask(proxy, path)).status).toBe(401);
        const tag = { 'if-none-match': first.headers.get('etag') ?? '' };
        expect((await ask(proxy, path, { headers: tag })).status).toBe(401);
        expect((await ask(proxy, path, { headers: { ...wrong, ...tag } })).status).toBe(403);
        // nginx does not store this answer, so it does not pass the tag on.
        expect((await ask(proxy, path, { headers: { ...sent, ...tag } })).status).toBe(200);
      }
    }
  });

  test('an address with a token comes from the origin each time, and is refused after the token expires', async () => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    await store(app, range(1, 5), { channel: 'private' });
    await using proxy = await startCachingProxy(app);
    const path = '/api/events?channel=private&rewind=2';
    // The server accepts a token for 30 s after its `exp`.
    const withToken = `${path}&token=${await signReadToken(['private'], -26)}`;
    expect((await ask(proxy, withToken)).status).toBe(200);
    expect((await ask(proxy, path)).status).toBe(401);
    const isOver = async () => (await ask(proxy, withToken)).status === 401;
    await eventually('it is refused', 30_000, isOver);
  });

  test('the stream of a reader with a token does not go to another reader', async () => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    await store(app, range(1, 5), { channel: 'private' });
    await using proxy = await startCachingProxy(app);
    const query = 'channel=private&rewind=2';
    const headers = { authorization: `Bearer ${await signReadToken(['private'])}` };
    using first = await openSse(proxy, { query, headers });
    await first.frame('message');
    using second = await openSse(proxy, { query });
    expect([first.status, second.status]).toEqual([200, 401]);
  });

  test('the stored page of a public channel is the same, whether the first reader had a token or not', async () => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    await store(app, range(1, 5));
    await using proxy = await startCachingProxy(app);
    const path = `/api/events?after=${await cursorAfter(app, 1)}&limit=2`;
    const headers = { cookie: `feed_token=${await signReadToken(['private'])}` };
    const texts = [];
    for (const init of [{ headers }, {}, { headers }]) texts.push((await ask(proxy, path, init)).text);
    expect(new Set(texts).size).toBe(1);
    // nginx does not store the answer to a token. It stores the second answer and uses it for the third request.
    expect(await countAtOrigin(proxy, path)).toBe(2);
  });

  test('a page for one allowed origin is not given to another origin', async () => {
    await using app = await startApp({ ALLOWED_ORIGINS: 'https://a.test,https://b.test' });
    await store(app, range(1, 5));
    await using proxy = await startCachingProxy(app);
    const path = `/api/events?after=${await cursorAfter(app, 1)}&limit=2`;
    for (const origin of ['https://a.test', 'https://b.test', 'https://a.test']) {
      const answer = await ask(proxy, path, { headers: { origin } });
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    }
    const stranger = await ask(proxy, path, { headers: { origin: 'https://c.test' } });
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
    expect(await countAtOrigin(proxy, path)).toBe(3);
  });
});
