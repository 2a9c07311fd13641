import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { drawCallFault, drawDelayMs, drawWayMs, noFaults } from '../../scripts/local-upstash/faults.ts';
import { type LocalUpstash, startLocalUpstash } from '../../scripts/local-upstash/local-upstash.ts';
import { type RedisServer, startRedisServer } from '../../scripts/local-upstash/redis-server.ts';

describe('faults of the local REST endpoint', () => {
  let server: RedisServer;
  let upstash: LocalUpstash;

  beforeAll(async () => {
    server = await startRedisServer();
    upstash = await startLocalUpstash({ redisPort: server.port, token: 't' });
  });
  afterEach(async () => {
    Object.assign(upstash.faults, noFaults());
    await call('flushall');
  });
  afterAll(async () => {
    await upstash.close();
    await server.stop();
  });

  /** Sends one command. @returns status and body, or `closed` if the socket was closed. */
  const call = (path: string) =>
    fetch(`${upstash.url}/${path}`, { headers: { authorization: 'Bearer t' } }).then(
      async (response) => [response.status, await response.json()],
      () => 'closed',
    );

  test('a call that fails is answered 500, and does not run', async () => {
    upstash.faults.nextCalls.push('fail');

    expect(await call('incr/n')).toEqual([500, { error: expect.any(String) }]);
    expect(await call('get/n')).toEqual([200, { result: null }]);
  });

  test('a call that is dropped has no answer, and does not run', async () => {
    upstash.faults.nextCalls.push('drop');

    expect(await call('incr/n')).toBe('closed');
    expect(await call('get/n')).toEqual([200, { result: null }]);
  });

  test('a call that loses its answer has run', async () => {
    upstash.faults.nextCalls.push('lose-answer');

    expect(await call('incr/n')).toBe('closed');
    expect(await call('get/n')).toEqual([200, { result: '1' }]);
  });

  test('an error text is the answer to every call, and no call runs, until it is removed', async () => {
    upstash.faults.errorText = 'OOM command not allowed';

    expect(await call('incr/n')).toEqual([400, { error: 'OOM command not allowed' }]);
    upstash.faults.errorText = null;
    expect(await call('get/n')).toEqual([200, { result: null }]);
  });

  test('a replica can answer a script that only reads, with its own data', async () => {
    const replica = await startRedisServer();
    upstash.faults.replicaPort = replica.port;
    const script = (text: string) =>
      fetch(upstash.url, {
        method: 'POST',
        headers: { authorization: 'Bearer t' },
        body: JSON.stringify(['EVAL', text, '1', 'n', '7']),
      }).then((response) => response.json());

    await script("return redis.call('SET', KEYS[1], ARGV[1])");

    expect(await script("return redis.call('GET', KEYS[1])")).toEqual({ result: null });
    expect(await call('get/n')).toEqual([200, { result: '7' }]);
    await replica.kill();
  });

  test('every answer can be late', async () => {
    upstash.faults.latencyMs = 60;
    const startedAt = performance.now();

    await call('ping');

    expect(performance.now() - startedAt).toBeGreaterThan(55);
  });

  test('a call has the network delay twice', async () => {
    upstash.faults.wayMs = { least: 40, most: 40 };
    const startedAt = performance.now();

    await call('ping');

    expect(performance.now() - startedAt).toBeGreaterThan(75);
  });

  test('announcements have the network delay once, and keep their order', async () => {
    const abort = new AbortController();
    const headers = { authorization: 'Bearer t' };
    const { body } = await fetch(`${upstash.url}/subscribe/news`, {
      headers: { ...headers, accept: 'text/event-stream' },
      signal: abort.signal,
    });
    const stream = readUntil(body);
    await stream.until('subscribe,news,1');
    upstash.faults.wayMs = { least: 10, most: 30 };
    const startedAt = performance.now();
    const numbers = Array.from({ length: 20 }, (_, index) => 100 + index);
    const commands = numbers.map((number) => ['PUBLISH', 'news', String(number)]);
    await fetch(`${upstash.url}/pipeline`, { method: 'POST', headers, body: JSON.stringify(commands) });

    const announced = (await stream.until(',119')).match(/(?<=message,news,)\d+/g);
    expect(announced?.map(Number)).toEqual(numbers);
    expect(performance.now() - startedAt).toBeGreaterThan(18);
    abort.abort();
  });

  test('a network delay is drawn evenly from its range, and is 0 without a range', () => {
    expect(drawWayMs({ ...noFaults(), wayMs: { least: 2, most: 6 }, random: () => 0.5 })).toBe(4);
    expect(drawWayMs(noFaults())).toBe(0);
  });

  test('the shares decide the fault of a call, after the faults listed for the next calls', () => {
    const faults = { ...noFaults(), failShare: 0.1, dropShare: 0.2, loseAnswerShare: 0.3 };
    const drawn = [0, 0.09, 0.11, 0.29, 0.31, 0.59, 0.61, 0.99].map((random) =>
      drawCallFault({ ...faults, random: () => random }),
    );

    expect(drawn).toEqual(['fail', 'fail', 'drop', 'drop', 'lose-answer', 'lose-answer', null, null]);
    expect(drawCallFault({ ...faults, nextCalls: ['drop'], random: () => 0 })).toBe('drop');
  });

  test('the delay is the fixed part plus a share of the random part', () => {
    expect(drawDelayMs({ ...noFaults(), latencyMs: 50, jitterMs: 20, random: () => 0.5 })).toBe(60);
  });
});

/** Reads a stream up to a given text. */
function readUntil(body: ReadableStream<Uint8Array> | null) {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  return {
    async until(wanted: string): Promise<string> {
      while (!text.includes(wanted)) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) throw new Error(`the stream ended without ${wanted}: ${text}`);
        text += decoder.decode(value, { stream: true });
      }
      return text;
    },
  };
}
