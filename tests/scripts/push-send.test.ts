import { afterEach, describe, expect, test } from 'vitest';
import { parseRetryAfter } from '../../scripts/push/push-events.ts';
import { createLeapingClock } from '../support/scripts/leaping-clock.ts';
import {
  type Misbehaviour,
  type PublishServer,
  startPublishServer,
} from '../support/scripts/publish-server.ts';
import { numbered, push } from '../support/scripts/push-steps.ts';

const servers: PublishServer[] = [];
const serve = async (...misbehaves: Misbehaviour[]) => {
  const server = await startPublishServer(...misbehaves);
  servers.push(server);
  return server;
};
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

const texts = (server: PublishServer) => server.stored.map((event) => event.data);
const oneTo = (last: number) => Array.from({ length: last }, (_, index) => String(index + 1));

describe('a push', () => {
  test('stores every line once and in order, each batch with its own key', async () => {
    const server = await serve();

    const { tally, failure } = await push(server, numbered(25));

    expect(failure).toBeNull();
    expect(texts(server)).toEqual(oneTo(25));
    expect(server.requests.map((request) => request.key)).toEqual(['test-1', 'test-2', 'test-3']);
    expect(tally).toEqual({ events: 25, batches: 3, retries: 0, duplicates: 0 });
  });

  test('stores nothing twice when answers are lost', async () => {
    const lost: Misbehaviour = { kind: 'stores, then drops the answer' };
    const server = await serve(lost, lost, { kind: 'drops the request' });

    const { tally, failure } = await push(server, numbered(15));

    expect(failure).toBeNull();
    expect(texts(server)).toEqual(oneTo(15));
    expect(server.requests.map((request) => request.key)).toEqual([
      'test-1',
      'test-1',
      'test-1',
      'test-1',
      'test-2',
    ]);
    expect(tally).toEqual({ events: 15, batches: 2, retries: 3, duplicates: 10 });
  });

  test('retries a request without an answer in time', async () => {
    const server = await serve({ kind: 'never answers' });

    const { tally } = await push(server, 'a\n', { sender: { timeoutMs: 300 } });

    expect(tally.events).toBe(1);
    expect(tally.retries).toBeGreaterThan(0);
    expect(texts(server)).toEqual(['a']);
  });

  test.each([429, 500, 502, 503, 504])('retries after %i', async (status) => {
    const server = await serve({ kind: 'refuses', status });

    expect((await push(server, 'a\n')).tally).toMatchObject({ events: 1, retries: 1 });
  });

  test('waits at least what Retry-After says', async () => {
    const server = await serve({ kind: 'refuses', status: 503, retryAfter: '7' });
    const clock = createLeapingClock();

    await push(server, 'a\n', { clock });

    expect(clock.waits).toEqual([7_000]);
  });

  test('waits a random part of 0.5 s, doubling to 30 s', async () => {
    const server = await serve(...Array<Misbehaviour>(8).fill({ kind: 'refuses', status: 503 }));
    const clock = createLeapingClock(0.5);

    await push(server, 'a\n', { clock });

    expect(clock.waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  test('gives up after its retries, and says that nothing is stored', async () => {
    const server = await serve(...Array<Misbehaviour>(3).fill({ kind: 'refuses', status: 503 }));

    const { tally, failure } = await push(server, 'a\n', { sender: { retries: 2 } });

    expect(tally).toMatchObject({ events: 0, retries: 2 });
    expect(failure).toBe(
      'line 1: The server answered 503: not now. Gave up after 3 tries.\nNothing from line 1 is stored.',
    );
  });

  /** Fails as fetch does when nobody listens. */
  const nobody = () => Promise.reject(new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }));
  const withCode = (code: string) => Object.assign(new Error(code), { code });

  test('gives up early where nobody listens at an address that nobody has named', async () => {
    const server = await serve();

    const { failure } = await push(server, 'a\n', { sender: { firstRetries: 4, fetch: nobody } });

    expect(failure).toContain('(ECONNREFUSED)');
    expect(failure).toContain('Gave up after 5 tries.');
    expect(server.requests).toHaveLength(0);
  });

  test('is patient with a server that has answered before', async () => {
    const server = await serve();
    let requests = 0;
    const restarting: typeof fetch = (input, init) => {
      requests += 1;
      return requests > 1 && requests < 12 ? nobody() : fetch(input, init);
    };

    const { tally } = await push(server, numbered(11), { sender: { firstRetries: 4, fetch: restarting } });

    expect(tally).toMatchObject({ events: 11, batches: 2, retries: 10 });
  });

  test('is patient with a server that answers before it is gone', async () => {
    const server = await serve({ kind: 'refuses', status: 503 });
    let requests = 0;
    const restarting: typeof fetch = (input, init) => {
      requests += 1;
      return requests > 1 && requests < 12 ? nobody() : fetch(input, init);
    };

    const { tally } = await push(server, 'a\n', { sender: { firstRetries: 4, fetch: restarting } });

    expect(tally).toMatchObject({ events: 1, retries: 11 });
  });

  test('does not wait for an hour', async () => {
    const server = await serve({ kind: 'refuses', status: 429, retryAfter: '3600' });
    const clock = createLeapingClock();

    expect((await push(server, 'a\n', { clock })).failure).toContain(
      'It asks to wait 3600 s; the limit is 600 s.',
    );
    expect(clock.waits).toEqual([]);
  });

  test('stops when it is interrupted while it waits, and sends nothing more', async () => {
    const server = await serve({ kind: 'refuses', status: 503 });
    const interrupt = new AbortController();

    const { failure } = await push(server, 'a\n', {
      sender: { signal: interrupt.signal, onRetry: () => interrupt.abort() },
    });

    expect(failure).toContain('line 1: The server answered 503');
    expect(server.requests).toHaveLength(1);
  });

  test('sends its token', async () => {
    const server = await serve();

    await push(server, 'a\n', { sender: { token: 'secret' } });

    expect(server.requests[0]?.token).toBe('Bearer secret');
  });
});

describe('a push whose connection was never made', () => {
  const failing = (code: string) => () =>
    Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }));

  test.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'http:// or https://'],
  ])('by %s fails at once, with what to do, and says that nothing is stored', async (code, advice) => {
    const server = await serve();

    const { tally, failure } = await push(server, 'a\n', { sender: { fetch: failing(code) } });

    expect(tally.retries).toBe(0);
    expect(failure).toContain(`(${code})`);
    expect(failure).toContain(advice);
    expect(failure).toContain('Nothing from line 1 is stored.');
  });

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])(
    'by %s is retried, and says that nothing is stored',
    async (code) => {
      const server = await serve();
      const sender = { fetch: failing(code), retries: 2, firstRetries: 2 };

      const { tally, failure } = await push(server, 'a\n', { sender });

      expect(tally.retries).toBe(2);
      expect(failure).toContain('Nothing from line 1 is stored.');
    },
  );
});

describe('a push that is refused', () => {
  test.each([
    [400, 'events[3]: type: "a b" is not a name'],
    [413, 'events[3] is too large'],
    [422, 'line 4: data.load: expected number'],
  ])('with %i names the line of the input', async (status, detail) => {
    const server = await serve();
    const input = `${numbered(10)}\n\n${numbered(10)}`;
    let batches = 0;
    const fail = () => {
      batches += 1;
      if (batches === 1) server.misbehaves.push({ kind: 'refuses', status, detail });
    };

    const { failure } = await push(server, input, { sender: { fetch: counting(fail) } });

    expect(failure).toContain(`line 16: The server answered ${status}: ${detail}.`);
    expect(failure).toContain('Nothing from lines 13 to 22 is stored. All events before line 13 are stored.');
    expect(texts(server)).toEqual(oneTo(10));
  });

  test('does not retry', async () => {
    const server = await serve({ kind: 'refuses', status: 401, detail: 'the token is not known' });

    const { tally, failure } = await push(server, numbered(2));

    expect(failure).toContain(
      'lines 1 to 2: The server answered 401: the token is not known. Set PUBLISH_TOKEN',
    );
    expect(server.requests).toHaveLength(1);
    expect(tally.retries).toBe(0);
  });

  test('does not claim that nothing is stored when an answer was lost', async () => {
    const server = await serve({ kind: 'stores, then drops the answer' }, { kind: 'refuses', status: 401 });

    const { failure } = await push(server, 'a\n');

    expect(failure).toContain('The server may have stored line 1: its answer was lost.');
    expect(failure).toContain('with the same options and --key test.');
  });

  test('names the address of a redirect, and does not follow it', async () => {
    const location = 'https://feed.example/api/events';
    const server = await serve({ kind: 'answers', status: 308, body: '', location });

    expect((await push(server, 'a\n')).failure).toContain(location);
    expect(server.requests).toHaveLength(1);
  });

  test('asks whether a 200 without ids is from a Steadfeed app', async () => {
    const server = await serve({ kind: 'answers', status: 200, body: '<html>' });

    expect((await push(server, 'a\n')).failure).toContain('Is --url the address of a Steadfeed app?');
  });

  test('says that nothing is stored when its first line is not valid', async () => {
    const server = await serve();

    const { failure } = await push(server, Buffer.from([0xff, 0x0a]));

    expect(failure).toBe('line 1 is not valid UTF-8. Convert the input to UTF-8.\nNothing is stored.');
  });

  test('has stored everything before a line that is not valid', async () => {
    const server = await serve();
    const input = Buffer.concat([Buffer.from(numbered(12)), Buffer.from([0xff, 0x0a])]);

    const { tally, failure } = await push(server, input);

    expect(failure).toContain('line 13 is not valid UTF-8.');
    expect(texts(server)).toEqual(oneTo(12));
    expect(tally.events).toBe(12);
  });
});

describe('Retry-After', () => {
  test('is seconds, or a date, or nothing', () => {
    const nowMs = Date.UTC(2026, 0, 1);

    expect(parseRetryAfter('3', nowMs)).toBe(3_000);
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:05 GMT', nowMs)).toBe(5_000);
    expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', nowMs)).toBe(0);
    expect(parseRetryAfter('soon', nowMs)).toBeNull();
    expect(parseRetryAfter(null, nowMs)).toBeNull();
  });
});

/** The real fetch; `then` runs after each answer. */
function counting(then: () => void): typeof fetch {
  return async (...args) => {
    const response = await fetch(...args);
    then();
    return response;
  };
}
