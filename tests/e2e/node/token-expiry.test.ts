import { expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { secrets, signReadToken } from '../../support/node/secrets.ts';

/** The server takes a token for 30 s longer than it says, for clocks differ: this leaves between 2 and 3 s. */
const expiredSeconds = -27;

/**
 * Reads a private channel with tokens that live for a moment. Ends with the scope that holds it by `using`.
 * @param by how they are sent. As cookies they are not told to the client, which only asks for the next to be set.
 * @param channelsOf what a token may read ahead of which there were `count`.
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

/** As a browser would send it. */
function withCookie(init: RequestInit = {}, token = ''): RequestInit {
  const headers = new Headers(init.headers);
  headers.set('cookie', `feed_token=${token}`);
  return { ...init, headers };
}

const ways = ['header', 'cookie'] as const;

test.concurrent.each(ways)(
  'a reader whose token (%s) ends is handed over with the next: every event comes once',
  async (by) => {
    await using app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret });
    using reader = startReader(app, by);
    await eventually('it streams', 10_000, () => reader.feed.getSnapshot().status === 'streaming');
    let last = 0;
    // Published across the end of three tokens.
    while (reader.tokens.length < 4) {
      last += 1;
      await store(app, [last], { channel: 'private' });
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (last > 2_000) throw new Error(`${reader.tokens.length} tokens were asked for`);
    }
    await eventually('all has come', 10_000, () => reader.data.length >= last);
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
  await eventually('it reads', 10_000, () => reader.data.length === 1);
  await eventually('it is refused', 10_000, () => reader.feed.getSnapshot().status === 'stopped');
  await store(app, [2], { channel: 'private' });
  await eventually('no stream is open', 10_000, async () => (await app.health()).streams === 0);
  expect(reader.feed.getSnapshot().problem).toMatchObject({ status: 403 });
  expect(reader.data).toEqual([1]);
});
