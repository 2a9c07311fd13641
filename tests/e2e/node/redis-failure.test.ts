import { createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type AppEnvironment, startApp } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { publish, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

/** The settings of a Redis that does not exist: nothing listens on port 9. */
const gone = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: secrets.redisToken };

const native = { accept: 'text/event-stream' };

/** An endpoint that accepts connections and never answers. */
async function startMute(): Promise<AsyncDisposable & { readonly env: AppEnvironment }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  const port = await listenOnFreePort(server);
  return {
    env: { ...gone, UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.concurrent('a Redis that crashes and comes back with its data', () => {
  test('does not end open streams: heartbeats go on, and later events arrive without a gap', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, HEARTBEAT_SECONDS: '1' });
    await using reader = await startResumingReader(app);
    await store(app, [1]);
    await reader.until(1);
    await stand.killRedis();
    const beats = () => reader.frames.filter((name) => name === 'heartbeat').length;
    const beatsBefore = beats();
    await eventually('heartbeats go on', 30_000, () => beats() >= beatsBefore + 3);
    await stand.startRedis('kept');
    await eventually('publishing works again', 30_000, async () => (await publish(app, [2])).status === 201);
    await reader.until(2);
    expect(reader.data).toEqual([1, 2]);
    expect(reader.gaps).toEqual([]);
    expect(reader.connections()).toBe(1);
  });

  test('makes publishing answer 503 with Retry-After, without the driver’s words', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    await store(app, [1]);
    await stand.killRedis();
    const answer = await publish(app, [2]);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(readProblem(answer)).toMatchObject({ type: 'urn:steadfeed:problem:log-unavailable' });
    await stand.startRedis('kept');
    await eventually('publishing works again', 30_000, async () => (await publish(app, [2])).status === 201);
  });
});

describe.concurrent('a Redis that comes back empty', () => {
  test('gives open streams a gap, and they go on after it', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, TAIL_CHECK_SECONDS: '1' });
    await using reader = await startResumingReader(app);
    await store(app, [1, 2, 3]);
    await reader.until(3);
    await stand.killRedis();
    await stand.startRedis('empty');
    await eventually('the gap arrives', 30_000, () => reader.gaps.length > 0);
    expect(reader.gaps).toEqual([expect.objectContaining({ reason: 'restarted', missed: null })]);
    await store(app, [4]);
    await reader.until(4);
    expect(reader.data).toEqual([1, 2, 3, 4]);
    expect(reader.gaps).toHaveLength(1);
  });
});

describe.concurrent('a Redis that cannot be reached', () => {
  test('makes a stream request answer 503 within the second that a stream waits for its log', async () => {
    await using app = await startApp(gone);
    const startedAt = performance.now();
    using reader = await openSse(app);
    // After that second, which starts with the request, the answer would be 200.
    expect(reader.status).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(reader.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(reader.headers['retry-after']).toMatch(/^[34]$/);
    expect(await app.health()).toMatchObject({ status: 'log-unavailable', streams: 0 });
  });

  test('is reported inside a 200 to a native EventSource, which would never reconnect after a 503', async () => {
    await using app = await startApp(gone);
    using reader = await openSse(app, { headers: native });
    expect(reader.status).toBe(200);
    expect(JSON.parse((await reader.frame('refused')).data)).toMatchObject({ status: 503 });
    expect(reader.retryMs()).toBeGreaterThanOrEqual(2_000);
    expect(reader.retryMs()).toBeLessThanOrEqual(4_000);
    expect(await reader.over).toBe('ended');
  });

  test.for(['/', '/api/health'])(
    'is reported to readers, to publishers and on the page, after a first request to %s',
    async (first) => {
      await using app = await startApp(gone);
      await ask(app, first);
      for (const answer of [await ask(app, '/api/events?rewind=1'), await publish(app, [1])]) {
        expect(answer.status).toBe(503);
        expect(readProblem(answer)).toMatchObject({ detail: 'Redis cannot be reached.' });
      }
      const page = await ask(app, '/');
      expect(page.status).toBe(200);
      expect(page.text).toContain('Redis cannot be reached.');
    },
  );
});

describe.concurrent('a Redis that never answers', () => {
  test('makes a stream start after a second, and end with a time to come back', async () => {
    await using mute = await startMute();
    await using app = await startApp(mute.env);
    const startedAt = performance.now();
    using reader = await openSse(app);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(reader.status).toBe(200);
    expect(await reader.over).toBe('ended');
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(reader.retryMs()).toBeGreaterThanOrEqual(250);
    expect(reader.frames).toEqual([]);
  });

  test('makes polls and publishing answer 503', async () => {
    await using mute = await startMute();
    await using app = await startApp(mute.env);
    const signal = AbortSignal.timeout(20_000);
    const answers = await Promise.all([ask(app, '/api/events?rewind=1', { signal }), publish(app, [1])]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(readProblem(answer)).toMatchObject({ detail: 'Redis did not answer in time.' });
    }
  });
});

describe.concurrent('a Redis that takes 5.5 s for each answer', () => {
  test('lets streams say hello, with and without a rewind, and delivers what is published', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    await store(app, [1, 2]);
    stand.upstash.faults.latencyMs = 5_500;
    const startedAt = performance.now();

    const readers = await Promise.all(['', 'rewind=2'].map((query) => openSse(app, { query })));
    const hellos = await Promise.all(readers.map((reader) => reader.frame('hello', 9_000)));
    for (const { at } of hellos) expect(at - startedAt).toBeGreaterThan(5_500);
    const published = await publish(app, [3]);

    expect(published.status).toBe(201);
    const dataOf = ({ frames }: (typeof readers)[number]) =>
      frames.filter(({ event }) => event === 'message').map(({ data }) => JSON.parse(data).data);
    const seen = () => JSON.stringify(readers.map(dataOf));
    await eventually('both readers get the event', 10_000, () => seen() === '[[3],[1,2,3]]');
    for (const reader of readers) reader.destroy();
  });

  test('answers polls and publishing', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    stand.upstash.faults.latencyMs = 5_500;
    const answers = await Promise.all([ask(app, '/api/events?after=0-0'), publish(app, [1])]);
    expect(answers.map(({ status }) => status)).toEqual([200, 201]);
  });
});

describe.concurrent('a Redis whose plan has reached its limit', () => {
  test.for(['ERR ', ''])(
    'is asked once, while readers, publishers and pages are told to wait: %s',
    async (prefix) => {
      await using stand = await startRedisStand();
      await using app = await startApp(stand.env);
      using reader = await openSse(app);
      await reader.frame('hello');
      stand.upstash.faults.errorText = `${prefix}max requests limit exceeded. Limit: 500000, Usage: 500001.`;
      stand.upstash.cutSubscriptions();
      await eventually('the limit is noticed', 8_000, async () => (await publish(app, [1])).status === 503);
      stand.upstash.resetCounts();

      const polls = Array.from({ length: 5 }, () => ask(app, '/api/events?rewind=50'));
      for (const answer of await Promise.all([...polls, publish(app, [1])])) {
        expect(answer.status).toBe(503);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(40);
        expect(readProblem(answer)).toMatchObject({ detail: 'Redis has reached a limit of its plan.' });
      }
      const page = await ask(app, '/');
      expect(Number(/tries again every (?:<!-- -->)?(\d+)/.exec(page.text)?.[1])).toBeGreaterThan(40);
      expect(await app.health()).toMatchObject({ status: 'log-unavailable' });
      await new Promise((resolve) => setTimeout(resolve, 3_000));

      expect(stand.upstash.counts.requests).toBe(0);
    },
  );
});
