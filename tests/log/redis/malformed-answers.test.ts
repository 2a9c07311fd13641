import { createServer, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readSettings } from '../../../lib/config/settings.ts';
import { serverClock } from '../../../lib/core/clock.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { createRuntime } from '../../../lib/server/runtime.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { newEvents } from '../../support/log/log-steps.ts';

/** A text that no error may contain. */
const secret = 'secret-of-a-proxy';
const html = `<!doctype html><h1>502 Bad Gateway</h1><p>${secret}`;

type Answer = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string | Buffer;
};

const json = (result: unknown): Answer => ({ body: JSON.stringify({ result }) });

/** Answers that are wrong for every command. */
const wrongForAll: Readonly<Record<string, Answer>> = {
  'no body': { body: '' },
  'no content': { status: 204, body: '' },
  'not JSON': { body: `OK ${secret}` },
  'half of a JSON text': { body: '{"result":[["abcdef","1-1"' },
  'the page of a proxy, as success': { body: html, headers: { 'content-type': 'text/html' } },
  'the page of a proxy, as 502': { status: 502, body: html },
  'a refusal without a body': { status: 503, body: '' },
  'a refusal of null': { status: 500, body: 'null' },
  'a refusal without an error': { status: 400, body: '{}' },
  'a refusal whose error is no text': { status: 400, body: `{"error":{"message":"${secret}"}}` },
  'an unknown error, as success': { body: `{"error":"ERR odd ${secret}"}` },
  null: { body: 'null' },
  'a number': { body: '7' },
  'a text': { body: `"${secret}"` },
  'an empty array': { body: '[]' },
  'an object without a result': { body: '{}' },
  'the result null': json(null),
  'the result true': json(true),
  'the result 0': json(0),
  'a text as result': json(secret),
  'an object as result': json({ 0: 'stored', 1: '1-1', length: 2, [secret]: 1 }),
  'an array of null as result': json([null]),
  'an array of numbers as result': json([1, 2, 3]),
  'an array that is too deep': json([[[['abcdef', '1-1', '1-1']]]]),
  'text that is called gzip': { body: secret, headers: { 'content-encoding': 'gzip' } },
  'JSON in UTF-16': { body: Buffer.from('{"result":[[]]}', 'utf16le') },
};

const wrongForAppend: Readonly<Record<string, Answer>> = {
  'no outcome': json([]),
  'no ids': json(['stored']),
  'an empty text of ids': json(['stored', '']),
  'too few ids': json(['stored', '1763841234567-1']),
  'too many ids': json(['stored', '1763841234567-1 1763841234567-1 1763841234567-1']),
  'an id of 0': json(['stored', '1763841234567-1 0-0']),
  'a text that is no id': json(['stored', `1763841234567-1 ${secret}`]),
  'an id that is a number': json(['stored', 1763841234567]),
  'an id beyond 2^53': json(['stored', '1763841234567-1 1763841234567-9007199254740993']),
  'an unknown outcome': json([secret, '1763841234567-1 1763841234567-1']),
  'a limit that the request does not have': json(['limited', '1000.000', '1']),
  'a limit without a time': json(['limited']),
  'a limit that is a channel': json(['limited', '1000.000', '2']),
  'the end of a channel that the request does not have': json(['ended', '1-1', '3']),
  'the end of a channel without an id': json(['ended', secret, '1']),
  'too many subjects without a number': json(['full', secret, '1']),
  'too many subjects of no channel': json(['full', '7']),
  'a page': json([['abcdef', '1-1', '1-1', '']]),
};

const entry = '{"type":"message","data":1}';
const wrongForRead: Readonly<Record<string, Answer>> = {
  'no page': json([]),
  'two pages': json([[], []]),
  'a page of null': json([null]),
  'a page that is a text': json(['abcdef']),
  'a page without ids': json([['abcdef']]),
  'a page without a last id': json([['abcdef', '1-1']]),
  'a page that does not say whether it has ended': json([['abcdef', '1-1', '1-1']]),
  'an epoch that is none': json([[secret, '1-1', '1-1', '']]),
  'ids that are numbers': json([['abcdef', 1, 1, '']]),
  'a first id that is none': json([['abcdef', '', '1-1', '']]),
  'a last id of 0': json([['abcdef', '1-1', '0-0', '']]),
  'an end in other words': json([['abcdef', '1-1', '1-1', secret]]),
  'an event without its text': json([['abcdef', '1-1', '1-1', '', '1-1']]),
  'an event without an id': json([['abcdef', '1-1', '1-1', '', '', entry]]),
  'an event that another program wrote': json([['abcdef', '1-1', '1-1', '', '1-1', `{"x":"${secret}"}`]]),
  'an event whose data is cut off': json([['abcdef', '1-1', '1-1', '', '1-1', entry.slice(0, -1)]]),
  'a subject that is none': json([
    ['abcdef', '1-1', '1-1', '', '1-1', `{"type":"t","subject":"${secret} x","data":1}`],
  ]),
  'attributes in another order': json([
    ['abcdef', '1-1', '1-1', '', '1-1', '{"type":"t","end":true,"subject":"a","data":1}'],
  ]),
  'a stored request': json(['stored', '1763841234567-1']),
};

/** The same pages, as the state of one channel: its answer has one page, which also says whether there is more. */
const wrongForLatest: Readonly<Record<string, Answer>> = {
  'a page of a read': json([['abcdef', '1-1', '1-1', '', '']]),
  'a page without a last id': json(['abcdef', '1-1']),
  'a page that does not say whether there is more': json(['abcdef', '1-1', '1-1', '']),
  'more in other words': json(['abcdef', '1-1', '1-1', '', secret]),
  'an epoch that is none': json([secret, '1-1', '1-1', '', '']),
  'ids that are numbers': json(['abcdef', 1, 1, '', '']),
  'an event without its text': json(['abcdef', '1-1', '1-1', '', '', '1-1']),
  'an event that another program wrote': json(['abcdef', '1-1', '1-1', '', '', '1-1', `{"x":"${secret}"}`]),
};

const wrongForForget: Readonly<Record<string, Answer>> = {
  'no answer': json([]),
  'another word': json(['stored']),
};

const wrongForPing: Readonly<Record<string, Answer>> = {
  'another word': json('PANG'),
  'a page': json([[]]),
};

let url = '';
let answer: Answer = { body: '' };
const respond = (response: ServerResponse) => {
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
  response.end(answer.body);
};
const server = createServer((request, response) => request.resume().on('end', () => respond(response)));

beforeAll(async () => {
  url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  answer = { body: '' };
});

const token = 'token-of-the-test';
const openLog = () => createRedisLog({ url, token, retention: 10 });
const events = [...newEvents('feed', 1), ...newEvents('other', 1)];

const calls = {
  append: () => openLog().append({ events, key: null }),
  read: () => openLog().read('feed', { kind: 'newest' }, 10),
  latest: () => openLog().latest('feed', 0, 10),
  forget: () => openLog().forget('feed'),
  ends: () => openLog().ends(['feed']),
  ping: () => openLog().ends([]),
};

/** The error of the call, which must say what is wrong and show nothing of the answer. */
async function expectWorded(call: () => Promise<unknown>): Promise<void> {
  const error = await call().then(
    (found) => inspect(found),
    (caught: unknown) => caught,
  );
  if (!(error instanceof FeedError)) throw new Error(`not refused with a FeedError: ${inspect(error)}`);
  expect(error.code).toBe('log-unavailable');
  expect(error.message).toMatch(/^Redis [a-z].*\.$/);
  const all = `${inspect(error, { depth: 10 })} ${inspect(error.cause, { depth: 10 })}`;
  for (const text of [secret, token, '127.0.0.1', 'JSON.parse', 'redis.call', 'undefined'])
    expect(all).not.toContain(text);
}

describe.each(Object.entries(calls))('a malformed answer to %s', (name, call) => {
  const own = {
    append: wrongForAppend,
    read: wrongForRead,
    latest: wrongForLatest,
    forget: wrongForForget,
    ends: wrongForRead,
    ping: wrongForPing,
  };
  const wrong = { ...wrongForAll, ...own[name as keyof typeof calls] };

  test.each(Object.entries(wrong))('is reported in our words: %s', async (_, malformed) => {
    answer = malformed;

    await expectWorded(call);
  });
});

test('the well-formed answers beside them are accepted', async () => {
  answer = json(['stored', '1763841234567-1 1763841234567-7']);
  expect((await calls.append()).ids.map(({ seq }) => seq)).toEqual([1, 7]);
  answer = json([['abcdef', '1-1', '1-1', '', '1-1', entry]]);
  expect((await calls.read()).events).toHaveLength(1);
  answer = json(['abcdef', '1-1', '1-1', 'ended', 'more', '1-1', entry]);
  expect(await calls.latest()).toMatchObject({ state: { ended: true }, more: true, events: [{ data: '1' }] });
  answer = json(['forgotten']);
  await calls.forget();
  answer = { body: gzipSync('{"result":[[]]}'), headers: { 'content-encoding': 'gzip' } };
  expect((await calls.ends()).get('feed')).toBeNull();
  answer = json('PONG');
  expect((await calls.ping()).size).toBe(0);
});

describe.each(Object.entries(wrongForAll))('a subscription that is answered by %s', (_, malformed) => {
  test('is lost, with a reason in our words', async () => {
    answer = malformed;
    const log = openLog();

    await expectWorded(
      () =>
        new Promise((resolve, reject) => {
          const end = (signal: { readonly kind: string; readonly cause?: unknown }) =>
            signal.kind === 'lost' ? reject(signal.cause) : resolve(signal);
          log.follow('feed', end, new AbortController().signal);
        }),
    );
    log.close();
  });
});

describe.each(Object.entries(wrongForAll))('over HTTP, %s', (_, malformed) => {
  test('makes publishing and reading answer 503, and the server logs no unexpected error', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    answer = malformed;
    const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
    const runtime = createRuntime(readSettings(env), serverClock);
    const route = eventsRoute(() => runtime);
    const headers = { 'content-type': 'application/json' };
    const publish = new Request('http://localhost/api/events', {
      method: 'POST',
      headers,
      body: '{"data":1}',
    });

    for (const request of [publish, new Request('http://localhost/api/events?rewind=5')]) {
      const response = await route(request);
      const text = await response.text();
      expect([response.status, text]).toEqual([503, expect.stringContaining('"detail":"Redis ')]);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(text).not.toContain(secret);
    }
    expect(errors).not.toHaveBeenCalled();
    runtime.log.close();
    errors.mockRestore();
  });
});
