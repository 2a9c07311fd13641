import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { type Clock, systemClock } from '../../lib/core/clock.ts';
import { feedServer } from '../support/client/feed-server.ts';
import { eventually } from '../support/node/eventually.ts';

/* A channel that ends, over real sockets. Feeds of one process are tabs of one browser, with Node's own locks. */
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

/** The machine's clock, which counts the timers that run. */
function countingClock(): Clock & { running(): number } {
  const running = new Set<object>();
  return {
    ...systemClock,
    running: () => running.size,
    after(ms, run) {
      const timer = {};
      running.add(timer);
      const cancel = systemClock.after(ms, () => {
        running.delete(timer);
        run();
      });
      return () => {
        running.delete(timer);
        cancel();
      };
    },
  };
}

/** A server with three events, and feeds that read it. */
async function setUp() {
  const server = await feedServer();
  server.publish(3);
  closing.push(server.close);
  const clock = countingClock();
  const open = (options: FeedOptions = {}) => {
    const feed = connectFeed({
      url: server.url,
      ...(options.initial === undefined && { after: '0-0' }),
      share: false,
      minStreamMs: 0,
      clock,
      ...options,
    });
    closing.push(() => feed.close());
    return feed;
  };
  return { server, clock, open };
}

const becomes = (feed: Feed, status: string) =>
  eventually(status, 30_000, () => feed.getSnapshot().status === status);
const has = (feed: Feed, count: number) =>
  eventually(`${count} events`, 30_000, () => feed.getSnapshot().events.length === count);
const seqs = (feed: Feed) => feed.getSnapshot().events.map(({ id }) => Number(id.split('-')[1]));

describe('a feed of a channel that ends', () => {
  test.each(['auto', 'stream', 'poll'] as const)(
    'has every event once, and then neither a request nor a timer: transport %s',
    async (transport) => {
      const { server, clock, open } = await setUp();
      const feed = open({ transport });
      await has(feed, 3);
      server.finish();
      await becomes(feed, 'ended');
      expect(seqs(feed)).toEqual([1, 2, 3, 4]);
      await eventually('no socket', 30_000, () => server.streams === 0);
      await eventually('no timer', 30_000, () => clock.running() === 0);
      const asked = server.asked.length;
      for (const kind of ['online', 'offline']) window.dispatchEvent(new Event(kind));
      document.dispatchEvent(new Event('visibilitychange'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([server.asked.length, clock.running()]).toEqual([asked, 0]);
      expect(feed.getSnapshot()).toMatchObject({ transport: null, retryAt: null, isPolling: false });
    },
  );

  test('that is being handed over in the same moment has every event once', async () => {
    const { server, open } = await setUp();
    const feed = open();
    await has(feed, 3);
    server.handOver();
    server.finish();
    await becomes(feed, 'ended');
    expect(seqs(feed)).toEqual([1, 2, 3, 4]);
  });

  test('that is cut in the same moment has every event once', async () => {
    const { server, open } = await setUp();
    const feed = open({ backoffMs: 10 });
    await has(feed, 3);
    server.log.finish();
    server.cutAll();
    await becomes(feed, 'ended');
    expect(seqs(feed)).toEqual([1, 2, 3, 4]);
  });

  test('that starts at its end asks for a stream, gets 204, and asks for one page', async () => {
    const { server, open } = await setUp();
    server.finish();
    const feed = open({ after: `1040-4~aaaaaa` });
    await becomes(feed, 'ended');
    expect(server.asked.map((url) => url.split('?')[0])).toEqual(['/api/stream', '/api/events']);
    expect(feed.getSnapshot()).toMatchObject({ cursor: '1040-4~aaaaaa', problem: null, pollingReason: null });
  });

  test('that a server has rendered after its end asks for nothing', async () => {
    const { server, clock, open } = await setUp();
    server.finish();
    const page = await (await fetch(`${server.url}/api/events?after=0-0`)).json();
    const asked = server.asked.length;
    const feed = open({ initial: JSON.stringify(page) });
    expect(feed.getSnapshot().status).toBe('ended');
    expect(seqs(feed)).toEqual([1, 2, 3, 4]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([server.asked.length, clock.running()]).toEqual([asked, 0]);
  });

  test('still loads its history, and tells when the user asks again that the log began anew', async () => {
    const { server, open } = await setUp();
    server.finish();
    const feed = open({ after: '1040-4~aaaaaa' });
    await becomes(feed, 'ended');
    expect(await feed.older()).toBe(true);
    expect(seqs(feed)).toEqual([1, 2, 3, 4]);
    server.log.replace();
    feed.retry();
    await becomes(feed, 'streaming');
    await eventually('a gap', 30_000, () => feed.getSnapshot().gaps.length === 1);
    expect(feed.getSnapshot().gaps).toMatchObject([{ reason: 'restarted' }]);
  });

  test('shared by three tabs leaves no lock and no timer, and one tab has asked', async () => {
    const { server, clock, open } = await setUp();
    const tabs = [1, 2, 3].map(() => open({ share: true }));
    for (const tab of tabs) await has(tab, 3);
    await eventually('one stream', 30_000, () => server.streams === 1);
    server.finish();
    for (const tab of tabs) await becomes(tab, 'ended');
    for (const tab of tabs) expect(seqs(tab)).toEqual([1, 2, 3, 4]);
    await eventually('no timer', 30_000, () => clock.running() === 0);
    await eventually('no lock', 30_000, async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      return held.length + pending.length === 0;
    });
    expect(tabs.map((tab) => tab.getSnapshot().role)).toEqual(['alone', 'alone', 'alone']);
  });
});
