import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { canShare } from '../../lib/client/tab-group.ts';
import { eventually } from '../platform/eventually.ts';
import { badServers } from './bad-servers.ts';
import { feedServer, type Misbehaviour } from './feed-server.ts';

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

const tokenOf = (sub: string) => `e30.${btoa(JSON.stringify({ sub }))}.signature`;
const getToken = (sub: string) => () => tokenOf(sub);

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

test('a feed of another subject hears nothing, and holds its own stream', async () => {
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

test('a feed whose new token is of another subject goes over to the others of that one', async () => {
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

test('a feed whose token cannot be had reads for itself, and shares once it can', async () => {
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
