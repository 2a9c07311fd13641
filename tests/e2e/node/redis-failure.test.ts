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

/** Settings of a Redis that is not there: nobody listens on port 9. */
const gone = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: secrets.redisToken };

const native = { accept: 'text/event-stream' };

/** An endpoint that takes connections and never answers. */
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
  test('leaves open streams open: they beat on, and go on from where they were', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, HEARTBEAT_SECONDS: '1' });
    await using reader = await startResumingReader(app);
    await store(app, [1]);
    await reader.until(1);
    await stand.killRedis();
    const beats = () => reader.frames.filter((name) => name === 'heartbeat').length;
    const beatsBefore = beats();
    await eventually('heartbeats go on', 8_000, () => beats() >= beatsBefore + 3);
    await stand.startRedis('kept');
    await eventually('publishing works again', 8_000, async () => (await publish(app, [2])).status === 201);
    await reader.until(2);
    expect(reader.data).toEqual([1, 2]);
    expect(reader.gaps).toEqual([]);
    expect(reader.connections()).toBe(1);
  });

  test('is told to publishers as 503 with a time to come back, in words of our own', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    await store(app, [1]);
    await stand.killRedis();
    const answer = await publish(app, [2]);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(readProblem(answer)).toMatchObject({ type: 'urn:steadfeed:problem:log-unavailable' });
    await stand.startRedis('kept');
    await eventually('publishing works again', 8_000, async () => (await publish(app, [2])).status === 201);
  });
});

describe.concurrent('a Redis that comes back empty', () => {
  test('is told to open streams as a gap, after which they go on', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, TAIL_CHECK_SECONDS: '1' });
    await using reader = await startResumingReader(app);
    await store(app, [1, 2, 3]);
    await reader.until(3);
    await stand.killRedis();
    await stand.startRedis('empty');
    await eventually('the gap is told', 20_000, () => reader.gaps.length > 0);
    expect(reader.gaps).toEqual([expect.objectContaining({ reason: 'restarted', missed: null })]);
    await store(app, [4]);
    await reader.until(4);
    expect(reader.data).toEqual([1, 2, 3, 4]);
    expect(reader.gaps).toHaveLength(1);
  });
});

describe.concurrent('a Redis that is not there', () => {
  test('is told as 503, within the second a stream waits for its log', async () => {
    await using app = await startApp(gone);
    const startedAt = performance.now();
    using reader = await openSse(app);
    // After that second, which begins with the request, its answer would have been 200.
    expect(reader.status).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(reader.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(reader.headers['retry-after']).toMatch(/^[34]$/);
    expect(await app.health()).toMatchObject({ status: 'log-unavailable', streams: 0 });
  });

  test('is told inside a 200 to a native EventSource, which would give up for ever', async () => {
    await using app = await startApp(gone);
    using reader = await openSse(app, { headers: native });
    expect(reader.status).toBe(200);
    expect(JSON.parse((await reader.frame('refused')).data)).toMatchObject({ status: 503 });
    expect(reader.retryMs()).toBeGreaterThanOrEqual(2_000);
    expect(reader.retryMs()).toBeLessThanOrEqual(4_000);
    expect(await reader.over).toBe('ended');
  });

  test.for(['/', '/api/health'])(
    'is told to readers, publishers and on the page, whose first request was %s',
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
  test('makes a stream begin after a second, and end with a time to come back', async () => {
    await using mute = await startMute();
    await using app = await startApp(mute.env);
    const startedAt = performance.now();
    using reader = await openSse(app);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(reader.status).toBe(200);
    expect(await reader.over).toBe('ended');
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(reader.retryMs()).toBeGreaterThanOrEqual(250);
    expect(reader.frames).toEqual([]);
  });

  test('is told as 503 to who polls or publishes', async () => {
    await using mute = await startMute();
    await using app = await startApp(mute.env);
    const answers = await Promise.all([ask(app, '/api/events?rewind=1'), publish(app, [1])]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(readProblem(answer)).toMatchObject({ detail: 'Redis did not answer in time.' });
    }
  });
});
