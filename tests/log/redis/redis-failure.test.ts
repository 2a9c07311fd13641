import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { newEvents } from '../../support/log/log-steps.ts';
import { secretToken, useRedisStack } from '../../support/log/redis-stack.ts';

const secretData = 'data-of-a-reader';
const request = {
  events: [{ channel: 'secret-channel', type: 'message', data: `"${secretData}"` }],
  key: { name: 'secret-key', fingerprint: 'f' },
};

/** The FeedError a promise rejects with. */
async function refusalOf(work: Promise<unknown>): Promise<FeedError> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof FeedError)) throw new Error(`not refused with a FeedError: ${inspect(error)}`);
  return error;
}

/** A URL whose port nobody listens on. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  const port = await listenOnFreePort(server);
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('failures of the Redis log', () => {
  const stack = useRedisStack();

  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'full', 'OOM', 60],
    ['ERR DB capacity quota exceeded', 'full', 'ERR', 60],
    ['ERR max single record size exceeded', 'one key', 'ERR', 60],
    ["READONLY You can't write against a read only replica.", 'read-only', 'READONLY', 30],
    ["NOPERM this user has no permissions to run the 'eval' command", 'read-only', 'NOPERM', 30],
    ['ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.', 'limit of its plan', 'ERR', 60],
    ['ERR max requests limit exceeded. Limit: 500000, Usage: 500000.', 'limit of its plan', 'ERR', 60],
    ['max requests limit exceeded. Limit: 500000, Usage: 500000.', 'limit of its plan', 'refused', 60],
    ['ERR max concurrent connections exceeded', 'limit of its plan', 'ERR', 60],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'other data', 'WRONGTYPE', 30],
    ['Unauthorized', 'token', 'refused', 30],
    ['NOSCRIPT No matching script.', 'answered with an error', 'NOSCRIPT', null],
    ['something else: OOM ERR max x exceeded', 'answered with an error', 'refused', null],
  ])('%s is reported without the text of Redis, with its time', async (text, words, label, seconds) => {
    stack().upstash.faults.errorText = `${text} (secret detail)`;

    const error = await refusalOf(stack().open().append(request));

    expect(error).toMatchObject({ code: 'log-unavailable', cause: { message: label } });
    expect(error.message).toMatch(/^Redis .*\.$/);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('secret');
    expect(error.retryAfterSeconds).toBe(seconds);
  });

  test.each(['ERR ', ''])(
    'a request that the service finds too large gives too-large: %s',
    async (prefix) => {
      // A retry cannot help.
      stack().upstash.faults.errorText = `${prefix}max request size exceeded. Limit: 1048576 bytes, Actual: 1277695 bytes.`;

      expect((await refusalOf(stack().open().append(request))).code).toBe('too-large');
    },
  );

  test('an answer that does not come in time is reported', async () => {
    stack().upstash.faults.latencyMs = 2_000;

    const error = await refusalOf(stack().open({ timeoutMs: 50 }).append(request));

    expect(error).toMatchObject({ code: 'log-unavailable', cause: { message: 'TimeoutError' } });
    expect(error.message).toContain('in time');
  });

  test('a wrong token is reported, and the error does not contain it', async () => {
    const log = createRedisLog({ url: stack().upstash.url, token: 'another-token', retention: 1 });

    const error = await refusalOf(log.append(request));

    expect(error.message).toContain('token');
    expect(inspect(error, { depth: 10 })).not.toContain('another-token');
  });

  test.each(['fail', 'drop', 'lose-answer', 'refuse', 'late', 'dead', 'reused'] as const)(
    'no error contains token, URL, key, channel, data or script: %s',
    async (accident) => {
      const { faults, url } = stack().upstash;
      const log = stack().open({ timeoutMs: accident === 'late' ? 50 : 5_000 });
      if (accident === 'refuse') faults.errorText = `WRONGTYPE ${url} ${secretToken} ${secretData}`;
      else if (accident === 'late') faults.latencyMs = 2_000;
      else if (accident === 'reused')
        await log.append({ ...request, key: { ...request.key, fingerprint: 'g' } });
      else if (accident !== 'dead') faults.nextCalls.push(accident);
      const dead = createRedisLog({ url: await deadUrl(), token: secretToken, retention: 1 });

      const error = await refusalOf((accident === 'dead' ? dead : log).append(request));

      const all = `${inspect(error, { depth: 10 })} ${JSON.stringify(error)} ${inspect(error.cause, { depth: 10 })}`;
      for (const secret of [secretToken, '127.0.0.1', 'http:', 'secret-', secretData, 'XADD', 'redis.call']) {
        expect(all).not.toContain(secret);
      }
    },
  );

  test('reads and subscriptions fail in the same way', async () => {
    const log = createRedisLog({ url: await deadUrl(), token: secretToken, retention: 1 });
    const lost = new Promise((resolve) => {
      log.follow('feed', resolve, new AbortController().signal);
    });

    const unavailable = { code: 'log-unavailable', cause: { message: 'ECONNREFUSED' } };
    expect(await refusalOf(log.read('feed', { kind: 'newest' }, 1))).toMatchObject(unavailable);
    expect(await refusalOf(log.ends(['feed']))).toMatchObject(unavailable);
    expect(await refusalOf(log.ends([]))).toMatchObject(unavailable);
    expect(await lost).toMatchObject({ kind: 'lost', cause: unavailable });
  });

  test('once Redis answers again, so does the log', async () => {
    const log = stack().open();
    stack().upstash.faults.errorText = 'LOADING Redis is loading the dataset in memory';
    await refusalOf(log.append({ events: newEvents('feed', 1), key: null }));
    stack().upstash.faults.errorText = null;

    expect((await log.append({ events: newEvents('feed', 1), key: null })).ids).toHaveLength(1);
  });

  test.each([
    ['', secretToken],
    ['redis://example.com:6379', secretToken],
    ['not a url', secretToken],
    [' https://example.com', secretToken],
    ['https://.example', secretToken],
    ['https://example.com', ''],
    ['https://example.com', 'two words'],
    ['https://example.com', 'line\n'],
  ])(
    'an invalid URL or token gives misconfigured, and the error does not contain it: %s, %s',
    (url, token) => {
      const open = () => createRedisLog({ url, token, retention: 1 });

      expect(open).toThrow(expect.objectContaining({ code: 'misconfigured' }));
      expect(open).not.toThrow(/example|two words|secret/);
    },
  );
});
