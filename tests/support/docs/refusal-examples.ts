import { vi } from 'vitest';
import { canRead } from '../../../lib/config/access.ts';
import { readSettings } from '../../../lib/config/settings.ts';
import type { FeedErrorCode } from '../../../lib/core/feed-error.ts';
import { defaultRules, maxAppend } from '../../../lib/log/event-log.ts';
import { unavailable } from '../../../lib/log/redis/failures.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { createRuntime } from '../../../lib/server/runtime.ts';
import { declareMachine, machine } from '../declared-type.ts';
import { about } from '../log/log-steps.ts';
import { makeClosedStand, sign } from '../server/closed-stand.ts';
import { createManualClock } from '../server/manual-clock.ts';
import { makeStand, type Stand } from '../server/stand.ts';

/** A request that the real route refuses, and the code of the refusal. */
export type RefusalExample = {
  readonly code: FeedErrorCode;
  /** The document's words for the request, and for the setting or state that it needs. */
  readonly request: string;
  readonly ask: () => Response | Promise<Response>;
};

declareMachine();

const jsonType = { 'content-type': 'application/json' };

const get =
  (path: string, headers: Record<string, string> = {}) =>
  () =>
    makeStand().ask(path, { headers });

const post = (body: BodyInit, headers: Record<string, string> = jsonType, stand = makeStand()) =>
  stand.ask('events', { method: 'POST', headers, body });

const publish = (body: unknown) => () => post(JSON.stringify(body));

/** Sends a request to a server whose slots are all taken. */
async function askFull(env: Record<string, string>, path: string): Promise<Response> {
  const stand = makeStand({ env });
  const headers = { 'x-real-ip': '192.0.2.1' };
  await stand.ask('stream', { headers });
  return stand.ask(path, { headers });
}

/** Sends a request to a server whose log does not answer. */
function askWithoutLog(path: string, accept = '*/*'): Promise<Response> {
  const stand = makeStand();
  const fail = () => Promise.reject(unavailable('cannot be reached.', 'ECONNREFUSED'));
  Object.assign(stand.log, { read: fail, ends: fail });
  return answerOf(stand, stand.ask(path, { headers: { accept } }));
}

/** Sends two publish requests to one server. @returns the second answer. */
function publishTwice(first: unknown, second: unknown): () => Promise<Response> {
  return async () => {
    const stand = makeStand();
    await post(JSON.stringify(first), jsonType, stand);
    return post(JSON.stringify(second), jsonType, stand);
  };
}

/** Publishes to a channel that has as many subjects as it may have. */
async function publishOneSubjectMore(): Promise<Response> {
  const stand = makeStand();
  const { maxSubjects } = defaultRules(1);
  for (let from = 0; from < maxSubjects; from += maxAppend) {
    const length = Math.min(maxAppend, maxSubjects - from);
    const events = Array.from({ length }, (_, n) => about(`host-${from + n}`, n, { channel: 'hosts' }));
    await stand.log.append({ events, key: null });
  }
  return post('{"channel":"hosts","subject":"one-more","data":1}', jsonType, stand);
}

/** Sends a request to a server whose app cannot decide. The test file must have mocked `lib/config/access.ts` as a spy. */
function askUndecided(): Promise<Response> {
  vi.spyOn(console, 'error').mockImplementationOnce(() => undefined);
  vi.mocked(canRead).mockRejectedValueOnce(new Error('the database of the sessions is down'));
  return makeStand().ask('events');
}

/** The answer to a request that waits. It advances the clock until the answer is there. */
async function answerOf(stand: Stand, asked: Promise<Response>): Promise<Response> {
  const answer: { response: Response | null } = { response: null };
  void asked.then((response) => {
    answer.response = response;
  });
  while (answer.response === null) await stand.clock.advance(1_000);
  return answer.response;
}

/** Sends a body that does not end. */
async function askSlowly(): Promise<Response> {
  const stand = makeStand();
  const body = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
  const init = { method: 'POST', headers: jsonType, body, duplex: 'half' };
  return answerOf(stand, stand.ask('events', init));
}

/** Sends two requests with the same key and different events. @returns the second answer. */
async function reuseKey(): Promise<Response> {
  const clock = createManualClock();
  const log = createSqliteLog({ file: ':memory:', retention: 100 });
  const route = eventsRoute(() => runtime);
  const runtime = createRuntime(readSettings({}), clock, log);
  const send = (data: number) =>
    route(
      new Request('http://feed.test/api/events', {
        method: 'POST',
        headers: { ...jsonType, 'idempotency-key': 'k1' },
        body: JSON.stringify({ data }),
      }),
    );
  await send(1);
  const answer = await send(2);
  log.close();
  return answer;
}

async function publishTooMuch(): Promise<Response> {
  const stand = makeStand({ env: { PUBLISH_TOKEN: 't', PUBLISH_RATE: '10' } });
  const headers = { ...jsonType, authorization: 'Bearer t' };
  const events = Array.from({ length: 500 }, (_, data) => ({ data }));
  await post(JSON.stringify(events), headers, stand);
  return post('{"data":1}', headers, stand);
}

async function readPrivate(claims: Record<string, unknown> | null): Promise<Response> {
  const stand = await makeClosedStand();
  const headers: Record<string, string> =
    claims === null ? {} : { authorization: `Bearer ${await sign(stand, claims)}` };
  return stand.ask('events?channel=order.a', { headers });
}

/** Causes an unexpected error. The server logs it, and its answer has no details of it. */
async function failUnexpectedly(): Promise<Response> {
  const noted = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const route = eventsRoute(() => {
    throw new TypeError('a fault in the server');
  });
  const answer = await route(new Request('http://feed.test/api/events'));
  noted.mockRestore();
  return answer;
}

function stopping(): Promise<Response> {
  const stand = makeStand();
  stand.runtime.stopping.abort();
  return stand.ask('stream');
}

const onVercel = (env: Record<string, string>) =>
  eventsRoute(() => createRuntime(readSettings(env), createManualClock()))(
    new Request('http://feed.test/api/events'),
  );

const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

/** Refusals of all codes. The first one of a code is the example of that code. */
export const refusalExamples: readonly RefusalExample[] = [
  { code: 'bad-request', request: '`GET /api/events?limit=0`', ask: get('events?limit=0') },
  { code: 'bad-request', request: '`GET /api/events?chanel=a`', ask: get('events?chanel=a') },
  { code: 'bad-request', request: '`GET /api/stream?limit=5`', ask: get('stream?limit=5') },
  {
    code: 'bad-request',
    request: '`POST /api/events?channel=a`',
    ask: () => makeStand().ask('events?channel=a', { method: 'POST', headers: jsonType, body: '{"data":1}' }),
  },
  { code: 'bad-request', request: '`?rewind=5d`', ask: get('stream?rewind=5d') },
  { code: 'bad-request', request: '`?after=0-0&after=0-0`', ask: get('stream?after=0-0&after=0-0') },
  { code: 'bad-request', request: '`?after=7`', ask: get('stream?after=7') },
  { code: 'bad-request', request: '`?after=7-1~ABC`', ask: get('stream?after=7-1~ABC') },
  { code: 'bad-request', request: '`?after=-x@7-1`', ask: get('stream?after=-x@7-1') },
  {
    code: 'bad-request',
    request: '`?channel=a&channel=b&after=7-1`',
    ask: get('stream?channel=a&channel=b&after=7-1'),
  },
  {
    code: 'bad-request',
    request: '`?channel=a&after=a@7-1,a@7-2`',
    ask: get('stream?channel=a&after=a@7-1,a@7-2'),
  },
  { code: 'bad-request', request: '`?lastEventId=7`', ask: get('stream?lastEventId=7') },
  { code: 'bad-request', request: '`?last-event-id=7`', ask: get('stream?last-event-id=7') },
  { code: 'bad-request', request: '`?evs_last_event_id=7`', ask: get('stream?evs_last_event_id=7') },
  { code: 'bad-request', request: '`?before=7`', ask: get('events?before=7') },
  { code: 'bad-request', request: '`?wait=21`', ask: get('events?wait=21') },
  { code: 'bad-request', request: '`?heartbeat=1`', ask: get('stream?heartbeat=1') },
  { code: 'bad-request', request: '`?quiet=-1`', ask: get('stream?quiet=-1') },
  { code: 'bad-request', request: '`?rest=61`', ask: get('events?rest=61') },
  { code: 'bad-request', request: '`?type=-x`', ask: get('events?type=-x') },
  { code: 'bad-request', request: '`?channel=-x`', ask: get('events?channel=-x') },
  {
    code: 'bad-request',
    request: '21 channels',
    ask: get(`events?${Array.from({ length: 21 }, (_, i) => `channel=c${i}`).join('&')}`),
  },
  {
    code: 'bad-request',
    request: '`?channel=a&channel=b&before=7-1`',
    ask: get('events?channel=a&channel=b&before=7-1'),
  },
  {
    code: 'bad-request',
    request: '`?latest&channel=a&channel=b`',
    ask: get('events?latest&channel=a&channel=b'),
  },
  { code: 'bad-request', request: '`?latest&rewind=all`', ask: get('stream?latest&rewind=all') },
  { code: 'bad-request', request: '`GET /api/events?latest&wait=5`', ask: get('events?latest&wait=5') },
  { code: 'bad-request', request: '`GET /api/events?latest&after=7-1`', ask: get('events?latest&after=7-1') },
  { code: 'bad-request', request: '`GET /api/events?latest=7-1`', ask: get('events?latest=7-1') },
  { code: 'bad-request', request: '`GET /api/stream?latest=7-1`', ask: get('stream?latest=7-1') },
  { code: 'bad-request', request: '`?latest=7`', ask: get('events?latest=7') },
  { code: 'bad-request', request: '`?subject=-x`', ask: get('events?subject=-x') },
  {
    code: 'bad-request',
    request: '101 subjects',
    ask: get(`events?${Array.from({ length: 101 }, (_, i) => `subject=s${i}`).join('&')}`),
  },
  {
    code: 'bad-request',
    request: '`Idempotency-Key:` of 201 characters',
    ask: () => post('{"data":1}', { ...jsonType, 'idempotency-key': 'k'.repeat(201) }),
  },
  { code: 'bad-request', request: 'body `{"data":`', ask: () => post('{"data":') },
  {
    code: 'bad-request',
    request: 'NDJSON whose second line is `no`',
    ask: () => post('{"data":1}\nno', { 'content-type': 'application/x-ndjson' }),
  },
  { code: 'bad-request', request: 'body `{"data":0.1e400}`', ask: () => post('{"data":0.1e400}') },
  { code: 'bad-request', request: 'a body of 200,000 nested arrays', ask: () => post(`{"data":${deep}}`) },
  { code: 'bad-request', request: 'a body that is not UTF-8', ask: () => post(new Uint8Array([0xff])) },
  { code: 'bad-request', request: 'a body that is incomplete after 30 s', ask: askSlowly },
  { code: 'bad-request', request: 'body `[]`', ask: publish([]) },
  { code: 'bad-request', request: 'body `7`', ask: publish(7) },
  { code: 'bad-request', request: 'body `[{"data":1},{}]`', ask: publish([{ data: 1 }, {}]) },
  { code: 'bad-request', request: 'body `{"data":1,"id":"7-1"}`', ask: publish({ data: 1, id: '7-1' }) },
  { code: 'bad-request', request: 'body `{"data":1,"channel":7}`', ask: publish({ data: 1, channel: 7 }) },
  { code: 'bad-request', request: 'body `{"data":1,"type":""}`', ask: publish({ data: 1, type: '' }) },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"subject":""}`',
    ask: () => post('{"data":1,"subject":""}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"subject":7}`',
    ask: () => post('{"data":1,"subject":7}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"remove":true}`',
    ask: () => post('{"data":1,"remove":true}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"subject":"a","remove":1}`',
    ask: () => post('{"data":1,"subject":"a","remove":1}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"ttlSeconds":60}`',
    ask: () => post('{"data":1,"ttlSeconds":60}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"subject":"a","ttlSeconds":0.5}`',
    ask: () => post('{"data":1,"subject":"a","ttlSeconds":0.5}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"subject":"a","ttlSeconds":60,"remove":true}`',
    ask: () => post('{"data":1,"subject":"a","ttlSeconds":60,"remove":true}'),
  },
  {
    code: 'bad-request',
    request: 'body `{"data":1,"end":"yes"}`',
    ask: () => post('{"data":1,"end":"yes"}'),
  },
  {
    code: 'bad-request',
    request: 'body `[{"data":1,"end":true},{"data":2}]`',
    ask: () => post('[{"data":1,"end":true},{"data":2}]'),
  },
  {
    code: 'unauthorized',
    request: '`POST /api/events` without the token, where `PUBLISH_TOKEN` is set',
    ask: () => post('{"data":1}', jsonType, makeStand({ env: { PUBLISH_TOKEN: 't' } })),
  },
  {
    code: 'unauthorized',
    request: '`GET /api/events?channel=order.a` without a token, where `READ_TOKEN_SECRET` is set',
    ask: () => readPrivate(null),
  },
  {
    code: 'unauthorized',
    request: 'the same with a token whose `exp` is more than 30 s ago',
    ask: () => readPrivate({ channels: ['order.*'], exp: 1 }),
  },
  {
    code: 'unauthorized',
    request: 'the same with a token whose `nbf` is to come',
    ask: () => readPrivate({ channels: ['order.*'], nbf: 9_999_999_999 }),
  },
  { code: 'unauthorized', request: 'the same with a token without `channels`', ask: () => readPrivate({}) },
  {
    code: 'forbidden',
    request: '`GET /api/events?channel=order.a` with a token for `order.b` and `chat.*`',
    ask: () => readPrivate({ channels: ['order.b', 'chat.*'] }),
  },
  {
    code: 'forbidden',
    request: '`POST` from a page of another site, in development without `PUBLISH_TOKEN`',
    ask: () => post('{"data":1}', { ...jsonType, origin: 'https://evil.example' }),
  },
  {
    code: 'publishing-off',
    request: '`POST /api/events` in production, where `PUBLISH_TOKEN` is not set',
    ask: () => post('{"data":1}', jsonType, makeStand({ env: { NODE_ENV: 'production' } })),
  },
  {
    code: 'method-not-allowed',
    request: '`PUT /api/events`',
    ask: () => makeStand().ask('events', { method: 'PUT' }),
  },
  {
    code: 'channel-ended',
    request: '`POST /api/events` to the channel `job.7`, which has ended',
    ask: publishTwice({ channel: 'job.7', data: 1, end: true }, { channel: 'job.7', data: 2 }),
  },
  {
    code: 'too-many-subjects',
    request: '`POST /api/events` with one subject more than the channel `hosts` may have',
    ask: publishOneSubjectMore,
  },
  {
    code: 'too-large',
    request: '`POST /api/events` with 501 events',
    ask: publish(Array.from({ length: 501 }, () => ({ data: 1 }))),
  },
  { code: 'too-large', request: 'a body over 1 MiB', ask: () => post(' '.repeat(1_048_577)) },
  { code: 'too-large', request: 'an event over 64 KiB', ask: publish({ data: 'x'.repeat(65_536) }) },
  {
    code: 'unsupported-media-type',
    request: '`POST /api/events` with `Content-Type: text/plain`',
    ask: () => post('x', { 'content-type': 'text/plain' }),
  },
  {
    code: 'unsupported-media-type',
    request: '`Content-Encoding: gzip`',
    ask: () => post('{"data":1}', { ...jsonType, 'content-encoding': 'gzip' }),
  },
  {
    code: 'data-does-not-fit',
    request: '`POST /api/events` with a `machine` event whose `load` is `"high"`, without `uptimeSeconds`',
    ask: publish({ type: 'machine', data: { ...machine, load: 'high', uptimeSeconds: undefined } }),
  },
  {
    code: 'key-reused',
    request: '`POST /api/events` with the `Idempotency-Key` of other events',
    ask: reuseKey,
  },
  { code: 'rate-limited', request: '`POST /api/events` beyond `PUBLISH_RATE=10`', ask: publishTooMuch },
  { code: 'internal-error', request: 'any request that meets a fault of the server', ask: failUnexpectedly },
  { code: 'stopping', request: '`GET /api/stream` of a process that stops', ask: stopping },
  {
    code: 'too-many-streams',
    request: '`GET /api/stream` where `STREAM_MAX_CONNECTIONS=1` and one stream is open',
    ask: () => askFull({ STREAM_MAX_CONNECTIONS: '1' }, 'stream'),
  },
  {
    code: 'too-many-streams',
    request: 'a second `GET /api/stream` from one address where `STREAM_MAX_PER_ADDRESS=1`',
    ask: () => askFull({ VERCEL: '1', STREAM_MAX_PER_ADDRESS: '1' }, 'stream'),
  },
  {
    code: 'log-unavailable',
    request: '`GET /api/events` while Redis is down',
    ask: () => askWithoutLog('events'),
  },
  {
    code: 'access-unavailable',
    request: '`GET /api/events` while the app cannot decide who may read',
    ask: askUndecided,
  },
  {
    code: 'misconfigured',
    request: '`GET /api/events` on Vercel without Redis',
    ask: () => onVercel({ VERCEL: '1' }),
  },
  {
    code: 'misconfigured',
    request: 'any request on Vercel with `FEED_RETENTION=0`',
    ask: () => onVercel({ VERCEL: '1', FEED_RETENTION: '0' }),
  },
];

/** The refusal that a native `EventSource` gets inside a stream. */
export const refusedInStream = () => askWithoutLog('stream', 'text/event-stream');
