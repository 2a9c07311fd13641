import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { feedServer } from '../support/client/feed-server.ts';
import { eventually } from '../support/node/eventually.ts';

/* Lives of one page: real sockets, and a page and a storage that are not. */
const stored = new Map<string, string>();
const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
};
beforeAll(() => {
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('location', { href: 'http://page.example/' });
});
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  stored.clear();
  vi.stubGlobal('sessionStorage', storage);
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const until = (what: string, isSo: () => boolean) => eventually(what, 30_000, isSo);
const seqs = (feed: Feed) => feed.getSnapshot().events.map(({ id }) => Number(id.split('-')[1]));
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
const shows = (feed: Feed, wanted: readonly number[]) =>
  until(`events ${wanted}`, () => `${seqs(feed)}` === `${wanted}`);
const isLive = (feed: Feed) => until('a stream', () => feed.getSnapshot().status === 'streaming');

const tokenOf = (sub: string) => `e30.${btoa(JSON.stringify({ sub, channels: ['*'] }))}.signature`;

async function setUp() {
  const server = await feedServer();
  closing.push(server.close);
  /** One life of the page: its feed, and the events that its callback got. */
  const load = (options: FeedOptions = {}, asks: Pick<FeedOptions, 'persist'> = { persist: 'session' }) => {
    const told: number[] = [];
    const onEvent = ({ id }: { readonly id: string }) => void told.push(Number(id.split('-')[1]));
    const feed = connectFeed({ url: server.url, share: false, onEvent, ...asks, ...options });
    closing.push(() => feed.close());
    return { feed, told };
  };
  /** The life ends as by a reload: nobody closes the feed. */
  const leave = (feed: Feed) => {
    window.dispatchEvent(new Event('pagehide'));
    const text = [...stored.values()].join();
    feed.close();
    expect([...stored.values()].join()).toBe(text);
  };
  const streams = () => server.asked.filter((url) => url.startsWith('/api/stream'));
  return { server, load, leave, streams };
}

test('after a reload the list shows what it had, and goes on without a hole or a repeat', async () => {
  const { server, load, leave } = await setUp();
  server.publish(2);
  const first = load();
  await isLive(first.feed);
  server.publish(5);
  await shows(first.feed, upTo(7, 3));
  leave(first.feed);
  server.publish(4);

  const second = load();
  await shows(second.feed, upTo(11, 3));
  server.publish(1);
  await shows(second.feed, upTo(12, 3));
  expect([first.told, second.told]).toEqual([upTo(7, 3), upTo(12, 8)]);
  expect(second.feed.getSnapshot()).toMatchObject({ gaps: [], hasOlder: true });
});

test('a feed that rewinds does so once: after a reload it goes on', async () => {
  const { server, load, leave, streams } = await setUp();
  server.publish(3);
  const first = load({ rewind: '60s' });
  await shows(first.feed, upTo(3));
  leave(first.feed);
  const second = load({ rewind: '60s' });
  await shows(second.feed, upTo(3));
  expect(second.told).toEqual([]);
  expect(streams().map((url) => /after|rewind/.exec(url)?.[0])).toEqual(['rewind', 'after']);
});

test('what was lost while the page was away is a gap, with the exact number', async () => {
  const { server, load, leave } = await setUp();
  server.publish(3);
  const first = load({ rewind: '60s' });
  await shows(first.feed, upTo(3));
  leave(first.feed);
  server.publish(5);
  server.log.trim(6);
  const second = load();
  await shows(second.feed, [7, 8]);
  expect(second.feed.getSnapshot().gaps).toMatchObject([{ missed: 3, exact: true, reason: 'trimmed' }]);
});

test('what was lost after the first start is a gap, even if the page left before its first event', async () => {
  const { server, load, leave } = await setUp();
  const first = load({ rewind: 'all' });
  await isLive(first.feed);
  leave(first.feed);
  server.publish(5);
  server.log.trim(3);
  const second = load({ rewind: 'all' });
  await shows(second.feed, [4, 5]);
  expect(second.feed.getSnapshot().gaps).toMatchObject([{ missed: 3, exact: true, reason: 'trimmed' }]);
});

test('the list is bounded by the limit, however often the page is loaded again', async () => {
  const { server, load, leave } = await setUp();
  server.publish(20);
  for (let life = 0; life < 3; life += 1) {
    const { feed } = load({ rewind: '60s', limit: 5 });
    await shows(feed, upTo(20 + life, 16 + life));
    server.publish(1);
    await shows(feed, upTo(21 + life, 17 + life));
    leave(feed);
  }
});

test('a feed that does not ask for it stores nothing, and begins anew', async () => {
  const { server, load, leave } = await setUp();
  server.publish(3);
  const first = load({ rewind: '60s' }, {});
  await shows(first.feed, upTo(3));
  leave(first.feed);
  expect(stored.size).toBe(0);
});

test('a feed that is made again without a reload goes on too', async () => {
  const { server, load } = await setUp();
  server.publish(3);
  const first = load({ rewind: '60s' });
  await shows(first.feed, upTo(3));
  first.feed.close();
  server.publish(1);
  const second = load();
  await shows(second.feed, upTo(4));
  expect(second.told).toEqual([4]);
});

test('a feed that is switched off and on while it looks for its place opens one stream', async () => {
  const { server, load, streams } = await setUp();
  server.publish(3);
  const { feed } = load({ rewind: '60s' });
  feed.setEnabled(false);
  feed.setEnabled(true);
  await shows(feed, upTo(3));
  expect(streams()).toHaveLength(1);
  feed.setEnabled(false);
  feed.setEnabled(true);
  server.publish(1);
  await shows(feed, upTo(4));
});

describe('the storage', () => {
  test('holds a cursor and ids, never an event or a token', async () => {
    const { server, load, leave } = await setUp();
    server.publish(3);
    const { feed } = load({ rewind: '60s', getToken: () => tokenOf('a') });
    await shows(feed, upTo(3));
    leave(feed);
    const [value = ''] = stored.values();
    expect(stored.size).toBe(1);
    expect(JSON.parse(value)).toEqual({
      reader: expect.stringMatching(/^steadfeed \d+ [0-9a-f]{32}$/),
      cursor: feed.getSnapshot().cursor,
      oldest: { feed: feed.getSnapshot().events[0]?.id },
    });
    expect([...stored.keys(), value].join()).not.toContain(tokenOf('a').split('.')[1]);
  });

  test.each<[string, FeedOptions]>([
    ['another user', { getToken: () => tokenOf('b') }],
    ['a user who is signed out', {}],
    ['a reader of another type', { getToken: () => tokenOf('a'), types: ['x'] }],
    ['a page that says where to begin', { getToken: () => tokenOf('a'), after: '0-0' }],
  ])('gives nothing to %s', async (_, options) => {
    const { server, load, leave, streams } = await setUp();
    server.publish(3);
    const first = load({ rewind: '60s', getToken: () => tokenOf('a') });
    await shows(first.feed, upTo(3));
    leave(first.feed);
    const other = load(options);
    await isLive(other.feed);
    expect(streams().at(-1)).toMatch(options.after === undefined ? /^(?!.*after=)/ : /after=0-0/);
    expect(server.asked.filter((url) => url.includes('before='))).toEqual([]);
  });

  test('gives nothing to a reader of another server, and keeps both places', async () => {
    const [one, other] = [await setUp(), await setUp()];
    one.server.publish(3);
    other.server.publish(9);
    const first = one.load({ rewind: '60s' });
    await shows(first.feed, upTo(3));
    one.leave(first.feed);
    const second = other.load();
    await isLive(second.feed);
    expect(seqs(second.feed)).toEqual([]);
    other.leave(second.feed);
    expect(stored.size).toBe(2);
    await shows(one.load().feed, upTo(3));
  });

  test('keeps no place of the user before, once another one has read', async () => {
    const { server, load, leave } = await setUp();
    server.publish(3);
    for (const sub of ['a', 'b']) {
      const { feed } = load({ rewind: '60s', getToken: () => tokenOf(sub) });
      await shows(feed, upTo(3));
      leave(feed);
    }
    expect(stored.size).toBe(1);
  });

  const broken = [
    '',
    'x',
    'null',
    '7',
    '{}',
    '{"reader":null,"cursor":"0-0","oldest":{}}',
    'with another cursor',
    'with other ids',
  ];
  test.each(broken)('with a broken or foreign value is ignored: %s', async (value) => {
    const { server, load, leave } = await setUp();
    server.publish(3);
    const first = load({ rewind: '60s' });
    await shows(first.feed, upTo(3));
    leave(first.feed);
    for (const [key, text] of stored) {
      const place = JSON.parse(text);
      const values: Record<string, string> = {
        'with another cursor': JSON.stringify({ ...place, cursor: 'feed@1-1~nonsense,x' }),
        'with other ids': JSON.stringify({ ...place, oldest: { feed: '../..' } }),
      };
      stored.set(key, values[value] ?? value);
    }
    const second = load({ rewind: '60s' });
    await isLive(second.feed);
    server.publish(1);
    await until('the next event', () => seqs(second.feed).at(-1) === 4);
  });

  test.each([
    [
      'is full',
      {
        ...storage,
        setItem() {
          throw new DOMException('full', 'QuotaExceededError');
        },
      },
    ],
    ['is switched off', undefined],
  ])('that %s costs nothing but the place', async (_, broken) => {
    vi.stubGlobal('sessionStorage', broken);
    const { server, load, leave } = await setUp();
    server.publish(3);
    const first = load({ rewind: '60s' });
    await shows(first.feed, upTo(3));
    leave(first.feed);
    expect(stored.size).toBe(0);
    await shows(load({ rewind: '60s' }).feed, upTo(3));
  });
});

test('a token that cannot be had yet is asked for again, as without a place', async () => {
  const { server, load } = await setUp();
  server.publish(3);
  let asked = 0;
  const getToken = () => {
    asked += 1;
    return asked < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(tokenOf('a'));
  };
  const { feed } = load({ rewind: '60s', getToken, backoffMs: 1, maxBackoffMs: 5 });
  await shows(feed, upTo(3));
});
