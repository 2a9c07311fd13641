import { Redis as UpstashRedis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LocalUpstash, startLocalUpstash } from '../../scripts/local-upstash/local-upstash.ts';
import { type RedisServer, startRedisServer } from '../../scripts/local-upstash/redis-server.ts';

const token = 'the-token';
const asJson = { authorization: `Bearer ${token}` };

describe('the local REST endpoint', () => {
  let server: RedisServer;
  let upstash: LocalUpstash;
  let sdk: UpstashRedis;

  beforeAll(async () => {
    server = await startRedisServer();
    upstash = await startLocalUpstash({ redisPort: server.port, token });
    sdk = new UpstashRedis({ url: upstash.url, token, enableTelemetry: false });
  });
  beforeEach(async () => {
    await sdk.flushall();
    upstash.resetCounts();
  });
  afterAll(async () => {
    await upstash.close();
    await server.stop();
  });

  /** Sends one request. @returns its status and JSON body. */
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(upstash.url + path, { headers: asJson, ...init });
    return [response.status, await response.json()];
  };
  const post = (body: unknown, path = '/', headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: JSON.stringify(body), headers: { ...asJson, ...headers } });

  test('the SDK reads back what it wrote: text, numbers, objects, many keys at once', async () => {
    await sdk.set('text', 'grüße 👋');
    await sdk.set('number', 42);
    await sdk.set('object', { a: [1, null, 'x'] });

    expect(await sdk.mget('text', 'number', 'object', 'none')).toEqual([
      'grüße 👋',
      42,
      { a: [1, null, 'x'] },
      null,
    ]);
    expect(await sdk.incrby('number', 8)).toBe(50);
    expect(await sdk.eval('return { KEYS[1], ARGV[1], { 1, "b" } }', ['k'], ['v'])).toEqual([
      'k',
      'v',
      [1, 'b'],
    ]);
  });

  test('the SDK reads streams', async () => {
    const id = await sdk.xadd('stream', '*', { field: 'value' });

    expect(await sdk.xrange('stream', '-', '+')).toEqual({ [id]: { field: 'value' } });
    expect(await sdk.xread('stream', '0')).toEqual([['stream', [[id, ['field', 'value']]]]]);
  });

  test('replies have the shape of RESP2, although ioredis changes some of them', async () => {
    await post(['HSET', 'h', 'a', '1', 'b', '2']);
    await post(['ZADD', 'z', '1.5', 'a']);

    expect(await post(['HGETALL', 'h'])).toEqual([200, { result: ['a', '1', 'b', '2'] }]);
    expect(await post(['ZRANGE', 'z', '0', '-1', 'WITHSCORES'])).toEqual([200, { result: ['a', '1.5'] }]);
    expect(await post([['MULTI']], '/pipeline')).toEqual([
      200,
      [{ error: expect.stringContaining('MULTI') }],
    ]);
    expect(await sdk.hgetall('h')).toEqual({ a: 1, b: 2 });
  });

  test('a pipeline answers each command, also one that fails', async () => {
    const pipeline = sdk.pipeline().set('k', 'v').lpush('k', 1).get('k');

    expect(await pipeline.exec({ keepErrors: true })).toMatchObject([
      { result: 'OK' },
      { error: expect.stringMatching(/^WRONGTYPE /) },
      { result: 'v' },
    ]);
  });

  test('a transaction runs as one, and continues after a command that failed', async () => {
    const [status, replies] = await post(
      [
        ['SET', 'k', 'v'],
        ['INCR', 'k'],
        ['GET', 'k'],
      ],
      '/multi-exec',
    );

    expect([status, replies]).toEqual([
      200,
      [{ result: 'OK' }, { error: 'ERR value is not an integer or out of range' }, { result: 'v' }],
    ]);
  });

  test.each([[['SET', 'k']], [['BLPOP', 'k', '0']]])(
    'a transaction with %j is discarded as a whole',
    async (bad) => {
      const [status, reply] = await post([['SET', 'k', 'v'], bad], '/multi-exec');

      expect(status).toBe(400);
      expect(reply).toEqual({ error: expect.stringMatching(/^EXECABORT /) });
      expect(await sdk.get('k')).toBeNull();
    },
  );

  test('a path is a command, and the body and the query are its last arguments', async () => {
    expect(await send('/SET/a%2Fb/with%20blank')).toEqual([200, { result: 'OK' }]);
    expect(await send('/get/a%2Fb')).toEqual([200, { result: 'with blank' }]);
    expect(await send('/set/k?EX=100', { method: 'POST', body: '{"a":1}' })).toEqual([200, { result: 'OK' }]);
    expect(await send('/get/k')).toEqual([200, { result: '{"a":1}' }]);
    expect(await send('/ttl/k')).toEqual([200, { result: 100 }]);
  });

  test('strings are base64 on request, except "OK"', async () => {
    const base64 = { 'upstash-encoding': 'base64' };

    expect(await post(['SET', 'k', 'ü'], '/', base64)).toEqual([200, { result: 'OK' }]);
    expect(await post(['GET', 'k'], '/', base64)).toEqual([200, { result: 'w7w=' }]);
    expect(
      await post(
        [
          ['MGET', 'k', 'none'],
          ['STRLEN', 'k'],
        ],
        '/pipeline',
        base64,
      ),
    ).toEqual([200, [{ result: ['w7w=', null] }, { result: 2 }]]);
  });

  test('bytes that are not UTF-8 survive in base64, and are replaced without it', async () => {
    await sdk.eval('return redis.call("SET", KEYS[1], string.char(255, 0, 254))', ['k'], []);

    expect(await post(['GET', 'k'], '/', { 'upstash-encoding': 'base64' })).toEqual([
      200,
      { result: '/wD+' },
    ]);
    expect(await post(['GET', 'k'])).toEqual([200, { result: '\ufffd\0\ufffd' }]);
  });

  test('the token can be in the header or in the query; without it nothing runs', async () => {
    expect(await send(`/set/k/v?_token=${token}`, { headers: {} })).toEqual([200, { result: 'OK' }]);
    const refused = [401, { error: 'WRONGPASS invalid or missing auth token' }];
    for (const headers of [{}, { authorization: 'Bearer' }, { authorization: 'Bearer other' }]) {
      expect(await send('/flushall', { headers })).toEqual(refused);
    }
    expect(await sdk.get('k')).toBe('v');
  });

  test('an error of Redis is a 400 with its text', async () => {
    expect(await post(['GET'])).toEqual([400, { error: "ERR wrong number of arguments for 'get' command" }]);
    expect((await post(['EVAL', 'return redis.call("GET")', 0]))[0]).toBe(400);
  });

  test.each([
    ['BLPOP', 'k', '0'],
    ['brpop', 'k', '0'],
    ['BLMOVE', 'a', 'b', 'LEFT', 'LEFT', '0'],
    ['XREAD', 'BLOCK', '0', 'STREAMS', 's', '$'],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'block', '0', 'STREAMS', 's', '>'],
    ['MONITOR'],
    ['SUBSCRIBE', 'c'],
    ['MULTI'],
    ['WATCH', 'k'],
    ['WAIT', '1', '0'],
    ['DEBUG', 'SLEEP', '1'],
    ['CLIENT', 'LIST'],
    ['CONFIG', 'GET', '*'],
    ['SELECT', '1'],
  ])('%s is refused, as the service refuses it', async (...command) => {
    const error = expect.stringMatching(`^ERR Command is not available: '${command[0]?.toUpperCase()}'`);

    expect(await post(command)).toEqual([400, { error }]);
  });

  test('a read that does not block is accepted', async () => {
    await sdk.xadd('s', '1-1', { a: 'b' });

    expect(await post(['XREAD', 'COUNT', '1', 'STREAMS', 's', '0'])).toEqual([
      200,
      { result: [['s', [['1-1', ['a', 'b']]]]] },
    ]);
  });

  test('malformed requests are refused as Upstash refuses them', async () => {
    for (const body of ['', 'no json', '{}', '[]', '[["GET"]]', '[null]', '"x"']) {
      expect(await send('/', { method: 'POST', body })).toEqual([
        400,
        { error: expect.stringMatching(/^ERR /) },
      ]);
    }
    expect(await send('/', { method: 'DELETE' })).toEqual([405, { error: expect.stringMatching(/^ERR /) }]);
  });

  test('a request over 10 MiB is refused', async () => {
    const [status, reply] = await post(['SET', 'k', 'x'.repeat(10 * 1_024 * 1_024)]);

    expect([status, reply]).toEqual([
      400,
      { error: expect.stringMatching(/^ERR max request size exceeded/) },
    ]);
  });

  test('commands are counted as Upstash bills them', async () => {
    await post([['SET', 'a', '1'], ['GET', 'a'], ['PING']], '/pipeline');
    await post(['EVAL', 'redis.call("GET", "a") return redis.call("GET", "a")', 0]);
    await send('/get/a');

    expect(upstash.counts).toMatchObject({ requests: 3, commands: 4 });
    expect(Object.fromEntries(upstash.counts.byName)).toEqual({ SET: 1, GET: 2, PING: 1, EVAL: 1 });
  });

  test('calls work again after Redis restarts', async () => {
    const first = await startRedisServer();
    const endpoint = await startLocalUpstash({ redisPort: first.port, token });
    const client = new UpstashRedis({ url: endpoint.url, token, retry: { retries: 0 } });
    await client.set('k', 'v');
    await first.kill();
    await expect(client.get('k')).rejects.toThrow(/ERR /);

    const second = await startRedisServer({ port: first.port });

    await expect.poll(() => client.get('k').catch(() => 'not yet'), { timeout: 30_000 }).toBeNull();
    await endpoint.close();
    await second.stop();
  });
});
