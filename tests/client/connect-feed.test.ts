import { afterEach, describe, expect, test } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { systemClock, wait } from '../../lib/core/clock.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import { badServers } from '../support/client/bad-servers.ts';
import { feedServer, type Misbehaviour } from '../support/client/feed-server.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

/** Real sockets, so short waits; but a busy machine may take its time to send a first byte. */
const quick = {
  firstByteMs: 4_000,
  helloMs: 4_000,
  probeMs: 100,
  maxProbeMs: 200,
  backoffMs: 10,
  maxBackoffMs: 40,
  minPollMs: 20,
  minStreamMs: 0,
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(misbehave?: Misbehaviour, options: FeedOptions = {}, heartbeatMs?: number) {
  const server = await feedServer(misbehave, heartbeatMs);
  server.publish(3);
  const feed = connectFeed({ url: server.url, after: '0-0', ...quick, ...options });
  closing.push(() => feed.close(), server.close);
  return { server, feed };
}

/** Waits for a condition of the feed, not longer than 30 s. */
function until(feed: Feed, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const look = () => {
      if (condition()) return resolve();
      if (Date.now() - started < 30_000) return setTimeout(look, 2);
      const { events, entries, ...rest } = feed.getSnapshot();
      reject(new Error(`not within 30 s: ${JSON.stringify({ ...rest, held: events.length })}`));
    };
    look();
  });
}

const seqs = (feed: Feed) => feed.getSnapshot().events.map((event) => Number(event.id.split('-')[1]));
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const has = (feed: Feed, count: number) => () => feed.getSnapshot().events.length >= count;

/** Counts how often a feed calls its listeners for a new snapshot. */
function countCalls(feed: Feed): { count: number; readonly end: () => void } {
  const end = feed.subscribe(() => {
    calls.count += 1;
  });
  const calls = { count: 0, end };
  return calls;
}

describe('throttleMs', () => {
  async function setUpThrottled(options: FeedOptions = {}, throttleMs = 200) {
    const clock = createManualClock();
    const { server, feed } = await setUp(undefined, { clock, throttleMs, ...options });
    await until(feed, has(feed, 3));
    await clock.advance(200);
    return { clock, server, feed, calls: countCalls(feed) };
  }

  test('the first event after a pause calls the listeners at once, and those that follow it call them together', async () => {
    const { clock, server, feed, calls } = await setUpThrottled();
    server.publish(1);
    await until(feed, has(feed, 4));
    expect(calls.count).toBe(1);
    for (const seq of [5, 6, 7]) {
      server.publish(1);
      await until(feed, has(feed, seq));
    }
    await clock.advance(199);
    expect(calls.count).toBe(1);
    await clock.advance(1);
    expect(calls.count).toBe(2);
    await clock.advance(1_000);
    expect(calls.count).toBe(2);
  });

  test('another status calls the listeners at once, with the events that waited', async () => {
    const statuses: string[] = [];
    const { server, feed, calls } = await setUpThrottled({
      onStatus: (status) => void statuses.push(status),
    });
    server.publish(1);
    await until(feed, has(feed, 4));
    server.publish(1);
    await until(feed, has(feed, 5));
    expect(calls.count).toBe(1);
    feed.setEnabled(false);
    expect(calls.count).toBe(2);
    expect(statuses.at(-1)).toBe('paused');
  });

  test('the first event after a change of the status calls the listeners at once', async () => {
    const { clock, server, feed } = await setUpThrottled();
    const told: number[] = [];
    feed.subscribe(() => told.push(feed.getSnapshot().events.length));
    feed.setEnabled(false);
    await clock.advance(1_000);
    feed.setEnabled(true);
    await until(feed, () => feed.getSnapshot().status === 'streaming');
    server.publish(1);
    await until(feed, has(feed, 4));
    expect(told.at(-1)).toBe(4);
  });

  test('a gap calls the listeners at once', async () => {
    const { server, feed } = await setUpThrottled();
    const gaps: number[] = [];
    feed.subscribe(() => gaps.push(feed.getSnapshot().gaps.length));
    server.publish(1);
    await until(feed, has(feed, 4));
    for (let lost = 0; lost < 5; lost += 1) server.log.append();
    server.log.trim(8);
    server.publish(1);
    await until(feed, () => feed.getSnapshot().gaps.length === 1);
    expect(gaps).toEqual([0, 1]);
  });

  test('no timer stays when the last listener has gone', async () => {
    const { clock, server, feed, calls } = await setUpThrottled();
    server.publish(1);
    await until(feed, has(feed, 4));
    server.publish(1);
    await until(feed, has(feed, 5));
    calls.end();
    feed.close();
    expect(clock.pending()).toBe(0);
    expect(calls.count).toBe(1);
  });

  test('a new listener is not called for what was there before it', async () => {
    const { server, feed } = await setUp();
    await until(feed, has(feed, 3));
    const calls = countCalls(feed);
    server.heartbeat();
    // The heartbeat changes nothing that could be waited for.
    await wait(systemClock, 50);
    server.publish(1);
    await until(feed, has(feed, 4));
    expect(calls.count).toBe(1);
  });

  test('onEvent gets each event at once', async () => {
    const seen: string[] = [];
    const { server, feed } = await setUpThrottled({ onEvent: ({ id }) => void seen.push(id) });
    server.publish(1);
    await until(feed, has(feed, 4));
    server.publish(1);
    await until(feed, has(feed, 5));
    expect(seen).toHaveLength(5);
  });

  test('with 0, the default, each update calls the listeners', async () => {
    const { server, feed, calls } = await setUpThrottled({}, 0);
    for (const seq of [4, 5, 6]) {
      server.publish(1);
      await until(feed, has(feed, seq));
    }
    expect(calls.count).toBe(3);
  });
});

describe('an honest server', () => {
  test('events come in order, each once', async () => {
    const { server, feed } = await setUp();
    await until(feed, has(feed, 3));
    server.publish(500);
    await until(feed, has(feed, 503));
    expect(seqs(feed)).toEqual(upTo(503));
    expect(feed.getSnapshot().status).toBe('streaming');
  });

  test('a replay of 1,000 events is one call of onEvents, however the network cuts it', async () => {
    const clock = createManualClock();
    const calls: (readonly FeedEvent[])[] = [];
    const onEvents = (events: readonly FeedEvent[]) => void calls.push(events);
    const { server, feed } = await setUp(undefined, { enabled: false, clock, onEvents });
    server.publish(997);
    feed.setEnabled(true);
    await until(feed, has(feed, 1_000));
    await clock.advance(100);
    expect(calls.map((events) => events.length)).toEqual([1_000]);
    expect(calls[0]?.map(({ id }) => Number(id.split('-')[1]))).toEqual(upTo(1_000));
  });

  test('a cut stream resumes from its cursor', async () => {
    const { server, feed } = await setUp();
    await until(feed, has(feed, 3));
    server.cutAll();
    server.publish(2);
    await until(feed, has(feed, 5));
    expect(seqs(feed)).toEqual(upTo(5));
    expect(feed.getSnapshot().reconnects).toBe(1);
  });

  test('a handover costs nothing: no event, no failure, and in the end one stream', async () => {
    const { server, feed } = await setUp();
    await until(feed, has(feed, 3));
    server.handOver();
    server.publish(5);
    await until(feed, () => feed.getSnapshot().handovers === 1 && server.streams === 1);
    server.publish(1);
    await until(feed, has(feed, 9));
    expect(seqs(feed)).toEqual(upTo(9));
    expect(feed.getSnapshot()).toMatchObject({ status: 'streaming', reconnects: 0, handovers: 1 });
  });

  test('what a browser’s timer should have done is done when anything comes', async () => {
    let passedMs = 0;
    const elapsed = () => performance.now() + passedMs;
    const clock = { ...systemClock, elapsed, after: () => () => undefined };
    const { server, feed } = await setUp(undefined, { clock, minStreamMs: 30_000 });
    await until(feed, has(feed, 3));
    server.handOver();
    await until(feed, () => feed.getSnapshot().status === 'handing over');
    passedMs = 30_000;
    server.heartbeat();
    await until(feed, () => feed.getSnapshot().handovers === 1);
  });

  test('a loss is said in its place', async () => {
    const { server, feed } = await setUp(undefined, { enabled: false });
    server.publish(7);
    server.log.trim(4);
    feed.setEnabled(true);
    await until(feed, has(feed, 6));
    const [first] = feed.getSnapshot().entries;
    expect(first).toMatchObject({ kind: 'gap', gap: { missed: 4, exact: true, reason: 'trimmed' } });
    expect(seqs(feed)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('a feed that is switched off and on within a turn opens one stream', async () => {
    const { server, feed } = await setUp();
    feed.setEnabled(false);
    feed.setEnabled(true);
    await until(feed, has(feed, 3));
    expect(server.asked).toHaveLength(1);
  });

  test.each([
    { setting: 'the default', options: {}, seconds: 5 },
    { setting: '100 ms', options: { heartbeatMs: 100 }, seconds: 2 },
    { setting: '12,300 ms', options: { heartbeatMs: 12_300 }, seconds: 13 },
    { setting: '600,000 ms', options: { heartbeatMs: 600_000 }, seconds: 300 },
  ])(
    'asks the server for a heartbeat of $seconds s where the setting is $setting',
    async ({ options, seconds }) => {
      const { server, feed } = await setUp(undefined, options);
      await until(feed, has(feed, 3));
      expect(server.asked[0]).toContain(`heartbeat=${seconds}`);
    },
  );

  test('a closed feed holds no connection', async () => {
    const { server, feed } = await setUp();
    await until(feed, has(feed, 3));
    feed.close();
    await until(feed, () => server.streams === 0);
    expect(feed.getSnapshot()).toMatchObject({ status: 'stopped', retryAt: null });
  });

  test('an app that is slow to take events holds up reading, and gets each once', async () => {
    const taken: string[] = [];
    const releases: (() => void)[] = [];
    const onEvent = (event: { readonly id: string }) => {
      taken.push(event.id);
      return new Promise<void>((resolve) => {
        releases.push(resolve);
      });
    };
    const { server, feed } = await setUp(undefined, { onEvent });
    await until(feed, () => taken.length === 1 || taken.length === 3);
    server.publish(2);
    const held = taken.length;
    await until(feed, () => {
      for (const release of releases.splice(0)) release();
      return taken.length === 5;
    });
    expect(held).toBeLessThan(5);
    expect(new Set(taken).size).toBe(5);
  });

  test('it holds up polling too: one page at a time', async () => {
    const taken: string[] = [];
    let release = () => {};
    const isDone = new Promise<void>((resolve) => {
      release = resolve;
    });
    const onEvent = (event: { readonly id: string }) => {
      taken.push(event.id);
      return isDone;
    };
    const { server, feed } = await setUp(undefined, { onEvent, transport: 'poll' });
    await until(feed, () => taken.length === 3);
    server.publish(2);
    const asked = server.asked.length;
    await until(feed, () => server.asked.length > asked);
    expect(taken).toHaveLength(3);
    release();
    await until(feed, () => taken.length === 5);
    expect(new Set(taken).size).toBe(5);
  });
});

describe('streams that are only slow or oddly cut', () => {
  const odd = ['sendsHalfACrlf', 'sendsByteByByte', 'slowFirstByte'] as const;
  test.each(odd)('%s: events come in order, each once, by stream', async (name) => {
    const { feed } = await setUp(badServers[name]);
    await until(feed, has(feed, 3));
    expect(seqs(feed)).toEqual([1, 2, 3]);
    expect(feed.getSnapshot()).toMatchObject({ transport: 'stream', reconnects: 0 });
  });

  test('compresses: each event comes by stream as it is published', async () => {
    const { server, feed } = await setUp(badServers.compresses);
    for (let count = 4; count <= 8; count += 1) {
      await until(feed, has(feed, count - 1));
      server.publish();
    }
    await until(feed, has(feed, 8));
    expect(seqs(feed)).toEqual(upTo(8));
    expect(server.asked).toHaveLength(1);
  });
});

describe('servers whose streams do not come through', () => {
  /** Their first bytes are waited for in vain. */
  const brief = { firstByteMs: 150 };
  const broken = [
    'buffersEverything',
    'buffersFirst8KiB',
    'compressesAndHolds',
    'acceptsAndNeverAnswers',
    'answersHtml',
    'cutsInsideAFrame',
    'cutsEachStreamSoon',
    'sendsGarbage',
  ] as const;

  test.each(broken)('%s: the feed polls, and loses nothing', async (name) => {
    const { server, feed } = await setUp(badServers[name], brief);
    await until(feed, () => server.polls > 0);
    server.publish(4);
    await until(feed, has(feed, 7));
    expect(seqs(feed)).toEqual(upTo(7));
  });

  test('once streams come through, the feed climbs back without a gap', async () => {
    let isBad = true;
    const { server, feed } = await setUp(
      (stream, count) => (isBad ? badServers.buffersEverything(stream, count) : stream.begin()),
      brief,
    );
    await until(
      feed,
      () => feed.getSnapshot().transport === 'poll' && feed.getSnapshot().events.length === 3,
    );
    isBad = false;
    server.publish(2);
    await until(feed, () => feed.getSnapshot().transport === 'stream');
    server.publish(2);
    await until(feed, has(feed, 7));
    expect(seqs(feed)).toEqual(upTo(7));
  });

  test('with transport "stream" it waits instead', async () => {
    const { server, feed } = await setUp(badServers.answersHtml, { transport: 'stream' });
    await until(feed, () => server.asked.length > 4);
    expect(server.polls).toBe(0);
  });

  test('with transport "poll" it never streams', async () => {
    const { server, feed } = await setUp(undefined, { transport: 'poll' });
    await until(feed, has(feed, 3));
    expect(server.asked.every((url) => url.startsWith('/api/events'))).toBe(true);
  });
});

describe('a reader without a cursor starts at the moment of connecting', () => {
  const now = { after: undefined, checkMs: 700, backoffMs: 800 } as unknown as FeedOptions;

  /** An old event, and two that are published once the first request has arrived. */
  async function setUpNow(misbehave: Misbehaviour, options: FeedOptions = {}) {
    const { server, feed } = await setUp(misbehave, { ...now, ...options, enabled: false });
    server.ageEvents(60_000);
    feed.setEnabled(true);
    await until(feed, () => server.asked.length > 0);
    server.publish(2);
    return { server, feed };
  }

  test.each(['saysNoHello', 'acceptsAndNeverAnswers', 'buffersFirst8KiB'] as const)(
    'though its stream is held back, and only polls answer: %s',
    async (name) => {
      const { server, feed } = await setUpNow(badServers[name], { firstByteMs: 1_500 });
      await until(feed, has(feed, 2));
      expect(seqs(feed)).toEqual([4, 5]);
      expect(server.asked[0]).toMatch(/^\/api\/stream\?channel=feed&heartbeat=5&quiet=0$/);
    },
  );

  test('though its first stream breaks before the hello', async () => {
    const { feed } = await setUpNow(
      (stream, count) => (count === 1 ? setTimeout(stream.cut, 200) : stream.begin()),
      {
        transport: 'stream',
      },
    );
    await until(feed, has(feed, 2));
    expect(seqs(feed)).toEqual([4, 5]);
  });

  test('though its first poll fails', async () => {
    const { server, feed } = await setUp(undefined, { ...now, transport: 'poll', enabled: false });
    let failures = 0;
    server.answerPolls((response) => {
      failures += 1;
      if (failures > 1) return false;
      setTimeout(() => response.writeHead(500).end(), 600);
      return true;
    });
    server.ageEvents(60_000);
    feed.setEnabled(true);
    await until(feed, () => failures === 1);
    server.publish(2);
    await until(feed, has(feed, 2));
    expect(seqs(feed)).toEqual([4, 5]);
  });
});

describe('servers that fail', () => {
  test('bytes without a hello are the log’s failure: it waits, and does not poll', async () => {
    const { server, feed } = await setUp(badServers.saysNoHello, { helloMs: 60 });
    await until(feed, () => server.asked.length >= 3);
    expect(server.polls).toBe(0);
  });

  test('a silent stream is cut after 2.5 heartbeats, and resumed', async () => {
    const { feed, server } = await setUp(
      (stream, count) => (count === 1 ? badServers.dropsSilently(stream, count) : stream.begin()),
      {},
      40,
    );
    await until(feed, () => feed.getSnapshot().reconnects === 1 && feed.getSnapshot().transport === 'stream');
    expect(server.asked.length).toBeGreaterThanOrEqual(2);
    expect(seqs(feed)).toEqual([1, 2, 3]);
  });

  test('a Retry-After is waited out', async () => {
    const { server, feed } = await setUp((stream, count) =>
      count === 1 ? badServers.answers503(stream, count) : stream.begin(),
    );
    const begun = Date.now();
    await until(feed, () => feed.getSnapshot().status === 'waiting');
    expect(feed.getSnapshot().problem?.detail).toBe('the log cannot be reached');
    await until(feed, has(feed, 3));
    expect(Date.now() - begun).toBeGreaterThan(990);
    expect(server.polls).toBe(0);
  });

  test('403 stops, in the server’s words, until the reader tries again', async () => {
    const { server, feed } = await setUp((stream, count) =>
      count === 1 ? badServers.answers403(stream, count) : stream.begin(),
    );
    await until(feed, () => feed.getSnapshot().status === 'stopped');
    expect(feed.getSnapshot().problem?.detail).toBe('the token does not allow channel "feed"');
    expect(server.asked).toHaveLength(1);
    feed.retry();
    await until(feed, has(feed, 3));
  });

  test('401 asks for a token once more, and reads with it', async () => {
    let version = 0;
    const getToken = () => `token-${++version}`;
    const { server, feed } = await setUp(
      (stream, count) => (count === 1 ? badServers.answers401(stream, count) : stream.begin()),
      { getToken },
    );
    await until(feed, has(feed, 3));
    expect(server.tokens).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('401 for the new token too stops', async () => {
    const { server, feed } = await setUp(badServers.answers401, { getToken: () => 'token' });
    await until(feed, () => feed.getSnapshot().status === 'stopped');
    expect(server.asked).toHaveLength(2);
    expect(feed.getSnapshot().problem?.status).toBe(401);
  });
});
