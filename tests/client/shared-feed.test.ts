import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import { createFeed } from '../../lib/client/feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { canShare } from '../../lib/client/tabs/share.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { badServers } from '../support/client/bad-servers.ts';
import { feedServer, type Misbehaviour } from '../support/client/feed-server.ts';
import { eventually } from '../support/node/eventually.ts';

/* Feeds of one process as tabs of one browser: Node's own locks and channels, real sockets, and a page that is not. */
beforeAll(() => {
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('location', { href: 'http://page.example/' });
});
afterAll(() => vi.unstubAllGlobals());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(misbehave?: Misbehaviour) {
  const server = await feedServer(misbehave);
  server.publish(3);
  closing.push(server.close);
  const open = (options: FeedOptions = {}) => {
    const feed = connectFeed({ url: server.url, after: '0-0', ...options });
    closing.push(() => feed.close());
    return feed;
  };
  return { server, open };
}

const becomes = (what: string, isSo: () => boolean) => eventually(what, 5_000, isSo);
const has = (feed: Feed, count: number) =>
  becomes(`${count} events`, () => count === feed.getSnapshot().events.length);
const roleBecomes = (feed: Feed, role: string) => becomes(role, () => feed.getSnapshot().role === role);

const tokenOf = (sub: string, more: object = {}) => `e30.${btoa(JSON.stringify({ sub, ...more }))}.signature`;
const getToken = (sub: string) => () => tokenOf(sub);
/** A claim `exp` that many seconds from now. */
const expIn = (seconds: number) => ({ exp: Date.now() / 1_000 + seconds });

/** An app that is busy with each event until it is released. */
function slowApp() {
  const seqs: number[] = [];
  const releases: (() => void)[] = [];
  const onEvent = ({ id }: FeedEvent) => {
    seqs.push(Number(id.split('-')[1]));
    return new Promise<void>((resolve) => void releases.push(resolve));
  };
  const release = () => {
    for (const each of releases.splice(0)) each();
  };
  return { seqs, onEvent, release };
}

test('two feeds hold one stream, and show the same', async () => {
  const { server, open } = await setUp();
  const [first, second] = [open(), open()];
  await has(first, 3);
  server.publish(2);
  await has(first, 5);
  await has(second, 5);
  await roleBecomes(second, 'follower');
  expect(server.streams).toBe(1);
  expect(second.getSnapshot()).toMatchObject({
    status: 'streaming',
    transport: 'stream',
    lag: expect.any(Number),
  });
});

test('with share: false each holds its own', async () => {
  const { server, open } = await setUp();
  const feeds = [open({ share: false }), open({ share: false })];
  for (const feed of feeds) await has(feed, 3);
  expect(server.streams).toBe(2);
  expect(feeds.map((feed) => feed.getSnapshot().role)).toEqual(['alone', 'alone']);
});

test('a feed that is made without a share holds its own, whatever its option says', async () => {
  const { server, open } = await setUp();
  await has(open(), 3);
  const feed = createFeed({ url: server.url, after: '0-0', share: true }, null);
  closing.push(() => feed.close());
  feed.setEnabled(true);
  await has(feed, 3);
  expect([server.streams, feed.getSnapshot().role]).toEqual([2, 'alone']);
});

test('a feed of another subject gets nothing from others, and holds its own stream', async () => {
  const { server, open } = await setUp();
  const feeds = [
    open({ getToken: getToken('a') }),
    open({ getToken: getToken('a') }),
    open({ getToken: getToken('b') }),
  ];
  for (const feed of feeds) await has(feed, 3);
  await becomes('two streams', () => server.streams === 2);
  const { asked } = server;
  expect(new Set(server.tokens)).toEqual(new Set([`Bearer ${tokenOf('a')}`, `Bearer ${tokenOf('b')}`]));
  expect(asked.filter((url) => url.includes('/api/stream'))).toHaveLength(2);
});

test('a feed whose new token is of another subject joins the feeds of that subject', async () => {
  const { server, open } = await setUp((stream, count) =>
    stream.request.headers.authorization === `Bearer ${tokenOf('a')}`
      ? badServers.answers401(stream, count)
      : stream.begin(),
  );
  const subjects = ['a', 'b'];
  const moving = open({ getToken: () => tokenOf(subjects.shift() ?? 'b') });
  const other = open({ getToken: getToken('b') });
  await has(other, 3);
  await has(moving, 3);
  // Whichever of the two was there first leads.
  const roles = () => [moving, other].map((feed) => feed.getSnapshot().role).toSorted();
  await becomes('one leads the other', () => `${roles()}` === 'follower,leader');
  await becomes('one stream', () => server.streams === 1);
});

test('a feed that cannot get a token reads by itself, and shares when it can', async () => {
  const { server, open } = await setUp();
  let isThere = false;
  const late = () => (isThere ? Promise.resolve(tokenOf('a')) : Promise.reject(new Error('not yet')));
  const first = open({ getToken: late, backoffMs: 10, maxBackoffMs: 20 });
  const second = open({ getToken: getToken('a') });
  await roleBecomes(second, 'leader');
  isThere = true;
  await has(first, 3);
  await roleBecomes(first, 'follower');
  await becomes('one stream', () => server.streams === 1);
});

test('a channel that may be private is shared only where the app or a token says whose it is', () => {
  expect(canShare(undefined, ['feed', 'public:news'], false)).toBe(true);
  expect(canShare(undefined, ['feed', 'staff'], false)).toBe(false);
  expect(canShare(undefined, ['feed', 'staff'], true)).toBe(true);
  expect(canShare(true, ['feed', 'staff'], false)).toBe(true);
  expect(canShare(false, ['feed'], true)).toBe(false);
});

test('a closed feed leaves no lock', async () => {
  const { open } = await setUp();
  const feed = open();
  await roleBecomes(feed, 'leader');
  feed.close();
  await eventually('no lock is held', 5_000, async () => (await navigator.locks.query()).held?.length === 0);
});

describe('an app that is slow', () => {
  test('in one tab does not hold up the other tabs', async () => {
    const { server, open } = await setUp();
    const first = open({ onEvent: () => new Promise(() => {}) });
    await roleBecomes(first, 'leader');
    const second = open();
    await has(second, 3);
    server.publish(2);
    await has(second, 5);
    await roleBecomes(first, 'follower');
    await becomes('one stream', () => server.streams === 1);
  });

  test('in all tabs does not make them take the lead from each other again and again', async () => {
    const { server, open } = await setUp();
    for (let each = 0; each < 3; each += 1) open({ onEvent: () => new Promise(() => {}) });
    await pause(3_000);
    const streams = server.asked.filter((url) => url.includes('/api/stream'));
    expect(streams.length).toBeLessThanOrEqual(4);
  });

  test('keeps the lead, and its back-pressure, where there is no other tab', async () => {
    const { server, open } = await setUp();
    const app = slowApp();
    const only = open({ onEvent: app.onEvent });
    await has(only, 3);
    server.publish(2);
    await pause(1_500);
    expect(only.getSnapshot()).toMatchObject({ role: 'leader', status: 'streaming' });
    expect(app.seqs).toEqual([1, 2, 3]);
    app.release();
    await becomes('all five', () => app.seqs.length === 5);
    expect(server.asked).toHaveLength(1);
  });

  test.each([[true], [false]])('gets one event at a time, each once, in order (share: %j)', async (share) => {
    const { server, open } = await setUp();
    const first = open();
    await has(first, 3);
    const app = slowApp();
    const second = open({ share, after: first.getSnapshot().cursor ?? '', onEvent: app.onEvent });
    await roleBecomes(second, share ? 'follower' : 'alone');
    await becomes('streaming', () => second.getSnapshot().status === 'streaming');
    for (let each = 0; each < 4; each += 1) {
      server.publish(1);
      await pause(50);
    }
    expect(app.seqs).toEqual([4]);
    app.release();
    await becomes('the next', () => app.seqs.length > 1);
    expect(app.seqs[1]).toBe(5);
    await becomes('all', () => {
      app.release();
      return app.seqs.length >= 4;
    });
    expect(app.seqs).toEqual([4, 5, 6, 7]);
    expect(second.getSnapshot().role).toBe(share ? 'follower' : 'alone');
  });

  test('gets from the log the events of updates that were dropped', async () => {
    const { server, open } = await setUp();
    const first = open();
    await has(first, 3);
    const app = slowApp();
    const second = open({ onEvent: app.onEvent });
    await has(second, 3);
    const { polls } = server;
    for (let count = 4; count <= 300; count += 1) {
      server.publish(1);
      // Each in a message of its own.
      while (first.getSnapshot().events.length < count) await pause(1);
    }
    await pause(100);
    expect([app.seqs.length, server.polls]).toEqual([3, polls]);
    await becomes('all', () => {
      app.release();
      return app.seqs.length >= 300;
    });
    expect(app.seqs).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(server.polls).toBeGreaterThan(polls);
  });
});

describe('a token', () => {
  test('that allows other channels makes another group', async () => {
    const { server, open } = await setUp();
    const tokens = [['feed'], ['feed', 'staff']].map((channels) => tokenOf('a', { channels }));
    const feeds = tokens.map((token) => open({ getToken: () => token }));
    for (const feed of feeds) await has(feed, 3);
    expect(feeds.map((feed) => feed.getSnapshot().role)).toEqual(['leader', 'leader']);
    expect(new Set(server.tokens)).toEqual(new Set(tokens.map((token) => `Bearer ${token}`)));
  });

  test('that has expired goes to the server, and its tab shares with nobody', async () => {
    const { server, open } = await setUp();
    const first = open({ getToken: () => tokenOf('a', expIn(600)) });
    await has(first, 3);
    const old = tokenOf('a', expIn(-40));
    const second = open({ getToken: () => old });
    await has(second, 3);
    expect(second.getSnapshot().role).toBe('alone');
    expect(server.tokens).toContain(`Bearer ${old}`);
  });

  const wide = () => tokenOf('a', { channels: ['feed', 'staff'] });
  const narrow = () => tokenOf('a', { channels: ['staff'] });
  /** A server that reads the feed to whom the wide token is, and to nobody else. */
  const refuseNarrow: Misbehaviour = (stream, count) =>
    stream.request.headers.authorization === `Bearer ${narrow()}`
      ? badServers.answers403(stream, count)
      : stream.begin();

  test.each([
    ['after', [wide, narrow]],
    ['ahead of', [narrow, wide]],
  ] as const)(
    'that allows less is refused by the server %s one that leads, and gets nothing',
    async (_, order) => {
      const { server, open } = await setUp(refuseNarrow);
      const received: unknown[] = [];
      for (const getToken of order) {
        const feed = open({ getToken, onEvent: () => void (getToken === narrow && received.push(1)) });
        if (getToken === wide) await has(feed, 3);
        else await becomes('refused', () => feed.getSnapshot().status === 'stopped');
      }
      server.publish(2);
      await pause(100);
      expect(received).toEqual([]);
    },
  );

  test('of a follower is renewed; with one that allows less, the tab leaves and gets nothing more', async () => {
    const { server, open } = await setUp(refuseNarrow);
    const first = open({ getToken: wide });
    await has(first, 3);
    const tokens = [tokenOf('a', { channels: ['feed', 'staff'], ...expIn(1) })];
    const second = open({ getToken: () => tokens.shift() ?? narrow() });
    await has(second, 3);
    await becomes('refused', () => second.getSnapshot().status === 'stopped');
    server.publish(2);
    await has(first, 5);
    await pause(100);
    expect(second.getSnapshot()).toMatchObject({ events: { length: 3 }, problem: { status: 403 } });
  });

  test('of a follower is renewed when it expires; with another person’s token, the tab leaves', async () => {
    const { server, open } = await setUp();
    const first = open({ getToken: () => tokenOf('a', expIn(600)) });
    await has(first, 3);
    const tokens = [tokenOf('a', expIn(1)), tokenOf('b', expIn(600))];
    const [, next] = tokens;
    const second = open({ getToken: () => tokens.shift() ?? null });
    await roleBecomes(second, 'follower');
    await roleBecomes(second, 'leader');
    server.publish(2);
    await has(second, 5);
    expect(first.getSnapshot().role).toBe('leader');
    expect(server.tokens.at(-1)).toBe(`Bearer ${next}`);
    expect(tokens).toEqual([]);
  });

  test('of a follower that has expired holds up updates until the next token is there', async () => {
    const { server, open } = await setUp();
    const first = open({ getToken: () => tokenOf('a', expIn(600)) });
    await has(first, 3);
    const next = Promise.withResolvers<string>();
    let asked = 0;
    const getToken = () => (++asked === 1 ? tokenOf('a', expIn(1)) : next.promise);
    const second = open({ getToken });
    await becomes('a new one is asked for', () => asked === 2);
    server.publish(2);
    await has(first, 5);
    await pause(50);
    expect(second.getSnapshot().events).toHaveLength(3);
    next.resolve(tokenOf('a', expIn(600)));
    await has(second, 5);
    expect([asked, second.getSnapshot().role]).toEqual([2, 'follower']);
  });

  test('of a follower that is renewed for the same person changes nothing', async () => {
    const { server, open } = await setUp();
    const first = open({ getToken: () => tokenOf('a', expIn(600)) });
    await has(first, 3);
    const tokens = [tokenOf('a', expIn(1)), tokenOf('a', expIn(600))];
    const second = open({ getToken: () => tokens.shift() ?? null });
    await roleBecomes(second, 'follower');
    await becomes('it was renewed', () => tokens.length === 0);
    server.publish(2);
    await has(second, 5);
    expect(second.getSnapshot()).toMatchObject({ role: 'follower', entries: { length: 5 } });
    expect(server.streams).toBe(1);
  });

  test('of a leader that the server finds expired is renewed; with another person’s token, the tab leaves', async () => {
    const { server, open } = await setUp();
    const subjects = ['a', 'b'];
    const first = open({ getToken: () => tokenOf(subjects.shift() ?? 'b'), minStreamMs: 0 });
    await has(first, 3);
    const second = open({ getToken: getToken('a') });
    await roleBecomes(second, 'follower');
    server.handOver('token');
    await roleBecomes(second, 'leader');
    await becomes('each reads for its own', () => server.streams === 2);
    await roleBecomes(first, 'leader');
    server.publish(2);
    for (const feed of [first, second]) await has(feed, 5);
  });
});
