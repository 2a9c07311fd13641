import { expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { secrets, signReadToken } from '../../support/node/secrets.ts';

/** The server accepts a token for 30 s after its `exp`, because clocks differ. This leaves 2 to 3 s. */
const expiredSeconds = -27;

/**
 * Reads a private channel with tokens that soon expire. It ends with its scope (`using`).
 * @param by how tokens are sent. The client never sees a token in a cookie; it only asks for a new one to be set.
 * @param channelsOf the channels that a token may read, by the number of tokens before it.
 */
function startReader(
  app: App,
  by: 'header' | 'cookie' = 'header',
  channelsOf: (count: number) => readonly string[] = () => ['private'],
) {
  const tokens: string[] = [];
  const data: unknown[] = [];
  const statuses: string[] = [];
  const feed = connectFeed({
    url: app.url,
    channels: ['private'],
    rewind: 'all',
    async getToken() {
      const token = await signReadToken(channelsOf(tokens.length), expiredSeconds);
      tokens.push(token);
      return by === 'header' ? token : null;
    },
    fetch: by === 'header' ? fetch : (input, init) => fetch(input, withCookie(init, tokens.at(-1))),
    onEvent: (event) => void data.push(event.data),
    onStatus: (status) => void statuses.push(status),
  });
  return { feed, data, tokens, statuses, [Symbol.dispose]: () => feed.close() };
}

/** Adds the cookie that a browser would send. */
function withCookie(init: RequestInit = {}, token = ''): RequestInit {
  const headers = new Headers(init.headers);
  headers.set('cookie', `feed_token=${token}`);
  return { ...init, headers };
}

const ways = ['header', 'cookie'] as const;

test.concurrent.each(ways)(
  'a reader whose token (%s) expires hands over with the next token, and gets every event once',
  async (by) => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    using reader = startReader(app, by);
    await eventually('it streams', 30_000, () => reader.feed.getSnapshot().status === 'streaming');
    let last = 0;
    // Three tokens expire during this.
    while (reader.tokens.length < 4) {
      last += 1;
      await store(app, [last], { channel: 'private' });
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (last > 2_000) throw new Error(`the client asked for only ${reader.tokens.length} tokens`);
    }
    await eventually('all events have arrived', 30_000, () => reader.data.length >= last);
    expect(reader.data).toEqual(range(1, last));
    const snapshot = reader.feed.getSnapshot();
    expect(snapshot).toMatchObject({ gaps: [], discontinuities: 0, reconnects: 0, problem: null });
    expect(snapshot.handovers).toBeGreaterThanOrEqual(2);
    expect(new Set(reader.statuses)).toEqual(new Set(['streaming', 'handing over']));
    const old = { headers: { authorization: `Bearer ${reader.tokens[0]}` } };
    expect((await ask(app, '/api/events?channel=private', old)).status).toBe(401);
  },
);

test.concurrent('a reader whose next token allows less is refused, and gets nothing more', async () => {
  await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
  using reader = startReader(app, 'header', (count) => (count === 0 ? ['private'] : ['other']));
  await store(app, [1], { channel: 'private' });
  await eventually('it reads', 30_000, () => reader.data.length === 1);
  await eventually('it is refused', 30_000, () => reader.feed.getSnapshot().status === 'stopped');
  await store(app, [2], { channel: 'private' });
  await eventually('no stream is open', 30_000, async () => (await app.health()).streams === 0);
  expect(reader.feed.getSnapshot().problem).toMatchObject({ status: 403 });
  expect(reader.data).toEqual([1]);
});
