import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { explainNetworkError } from '../../scripts/command-line.ts';
import { advice } from '../../scripts/doctor/advice.ts';
import { examine } from '../../scripts/doctor/examine.ts';
import {
  judgeBuilds,
  judgeEnd,
  judgeEnds,
  judgeHealth,
  judgeOneBehind,
  judgePublishing,
  judgeReader,
  judgeStart,
  type Obstacle,
} from '../../scripts/doctor/judge.ts';
import { type EventProbe, probeEvents, probeReader } from '../../scripts/doctor/probes.ts';
import { openRawStream, type StreamRecord } from '../../scripts/doctor/raw-stream.ts';
import { createTarget } from '../../scripts/doctor/target.ts';
import { feedServer } from '../support/client/feed-server.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { eventually } from '../support/node/eventually.ts';

const answer = { atMs: 5, status: 200, headers: { 'content-type': 'text/event-stream' } };
const hello = { atMs: 20, kind: 'hello', id: '0-0', data: { heartbeatMs: 15_000, deadlineMs: 50_000 } };

function recordOf(more: Partial<StreamRecord> = {}): StreamRecord {
  return { answer, reads: [{ atMs: 20, bytes: 2_200 }], frames: [hello], end: null, ...more };
}

/** Reads of these sizes, with a pause after each. */
const readsOf = (...sizes: readonly number[]) =>
  sizes.map((bytes, index) => ({ atMs: index * 1_000, bytes }));

/** A stream without a hello that got large events. */
const heldWith = (...sizes: readonly number[]): EventProbe => ({
  record: recordOf({ frames: [], reads: readsOf(...sizes) }),
  isFilled: true,
  single: [],
  burst: [],
});

const liveWith = (record: StreamRecord): EventProbe => ({ record, isFilled: false, single: [], burst: [] });

describe('the start of a stream', () => {
  test('shows the size of the blocks that something passes on', () => {
    expect(judgeStart(heldWith(2_048, 20_480, 4_096, 6_144))).toMatchObject({
      obstacle: 'blocks',
      found: 'bytes come in blocks of 2048: small events wait until a block is full',
    });
    expect(judgeStart(heldWith(16_384, 16_384))).toMatchObject({ obstacle: 'blocks' });
  });

  test('is held where only its first bytes come, and no block follows', () => {
    expect(judgeStart(heldWith(2_048))).toMatchObject({ obstacle: 'holds' });
    expect(judgeStart(heldWith())).toMatchObject({ obstacle: 'holds' });
  });

  test('trickles where single bytes come', () => {
    expect(judgeStart(heldWith(1, 1, 1, 1))).toMatchObject({ obstacle: 'trickles' });
  });
});

test('two builds that answer are named', () => {
  expect(judgeBuilds(new Set(['one', 'two']))).toMatchObject({
    verdict: 'note',
    obstacle: 'two-builds',
    found: '2 builds answer: one, two',
  });
  expect(judgeBuilds(new Set(['one']))).toMatchObject({ verdict: 'pass', found: 'build one' });
  expect(judgeBuilds(new Set())).toMatchObject({ verdict: 'skipped' });
});

describe('the end of a stream', () => {
  const obstaclesOf = (busy: StreamRecord, quiet: StreamRecord) =>
    judgeEnds(liveWith(busy), quiet, 60_000).flatMap(({ verdict, obstacle }) =>
      verdict === 'fail' ? (obstacle ?? []) : [],
    );
  const untilEnd = { reads: [{ atMs: 59_000, bytes: 50 }] };

  test('is as planned after a handover', () => {
    const planned = recordOf({
      frames: [hello, { atMs: 40_000, kind: 'handover', id: '0-0', data: {} }],
      end: { atMs: 45_000, how: 'clean' },
    });

    expect(obstaclesOf(planned, planned)).toEqual([]);
  });

  test('is an idle limit where only the quiet stream is cut', () => {
    const cut = recordOf({ end: { atMs: 5_020, how: 'broken' } });

    expect(obstaclesOf(recordOf(untilEnd), cut)).toEqual(['idle-limit']);
  });

  test('is no idle limit where both are cut', () => {
    const cut = recordOf({ end: { atMs: 14_000, how: 'clean' } });

    expect(obstaclesOf(cut, cut)).toEqual(['ends-early']);
  });

  test('is silent where heartbeats no longer come', () => {
    const silent = recordOf({ reads: [{ atMs: 9_000, bytes: 50 }] });

    expect(obstaclesOf(silent, recordOf(untilEnd))).toEqual(['loses-silently']);
  });
});

test('events of this client that came late are late, and only holes are lost', () => {
  const reader = { latencies: [10], transports: ['poll'] };

  expect(judgeReader({ ...reader, published: [1, 2, 3], received: [1, 2] })).toMatchObject({
    obstacle: 'late',
  });
  expect(judgeReader({ ...reader, published: [1, 2, 3], received: [1, 3] })).toMatchObject({
    obstacle: 'loses-events',
  });
  expect(judgeReader({ ...reader, published: [1, 2], received: [1, 1, 2] })).toMatchObject({
    obstacle: 'loses-events',
  });
  expect(judgeReader({ ...reader, published: [1, 2], received: [1, 2] })).toMatchObject({ verdict: 'pass' });
});

test('a forgotten publish token is no pass: most checks need test events', () => {
  const refused = { status: 401, headers: new Headers(), text: '', json: null, ms: 1 };
  const answers = { without: refused, wrong: refused, given: null, isTokenGiven: false, isLocal: false };

  expect(judgePublishing(answers)).toMatchObject({ verdict: 'fail', obstacle: 'publishing' });
});

describe('a publish request that fails', () => {
  const problem = (status: number, detail: string) => ({
    status,
    headers: new Headers(),
    text: detail,
    json: { type: 'urn:steadfeed:problem:any', status, detail },
    ms: 1,
  });
  const refused = problem(401, 'Publishing needs a token.');
  const judge = (given: Omit<ReturnType<typeof problem>, 'json'> & { readonly json: unknown }) =>
    judgePublishing({ without: refused, wrong: refused, given, isTokenGiven: true, isLocal: false });

  test('with 503 names the log and its reason, and not the token', () => {
    expect(judge(problem(503, 'The embedded log failed: its file is read-only.'))).toMatchObject({
      obstacle: 'log-failed',
      found: 'the log failed, status 503: The embedded log failed: its file is read-only.',
    });
  });

  test.each([
    [502, 'no-process', 'the proxy reaches no process of the feed'],
    [504, 'no-process', 'the proxy got no answer in time'],
    [429, 'rate-limit', 'something in front of the feed limits publishing'],
    [413, 'publishing', 'and not from the feed'],
  ] as const)('with %i of a proxy names what stands in the way', (status, obstacle, found) => {
    const given = { ...problem(status, ''), json: null, text: '<html>' };
    expect(judge(given)).toMatchObject({ verdict: 'fail', obstacle, found: expect.stringContaining(found) });
    expect(judge(given).found).toContain(`status ${status}`);
  });

  test('without an answer names that', () => {
    const none = judgePublishing({
      without: refused,
      wrong: null,
      given: null,
      isTokenGiven: true,
      isLocal: false,
    });
    expect(none).toMatchObject({ verdict: 'fail', obstacle: 'no-answer' });
    expect(none.found).toContain('did not answer');
  });

  test('with 401 names the token', () => {
    expect(judge(problem(401, 'This token may not publish.')).found).toContain('the token is refused');
  });

  test('with another status names that', () => {
    expect(judge(problem(429, 'Too many.')).found).toBe('the test event is refused, status 429: Too many.');
  });
});

describe('a log that does not answer', () => {
  const health = {
    status: 503,
    headers: new Headers(),
    text: '',
    json: { status: 'log-unavailable', version: '1', log: { kind: 'redis-tcp', latencyMs: null } },
    ms: 2_000,
  };

  test('is named with the reason that the server gives to a page', () => {
    const page = { ...health, json: { detail: 'Redis is full.' } };

    expect(judgeHealth(health, null, page).found).toMatch(/^Redis is full\. \(version 1, log redis-tcp/);
  });

  test('is named without a reason where none came', () => {
    expect(judgeHealth(health, null, null).found).toMatch(/^The log does not answer\. \(/);
  });
});

describe('a channel that has ended', () => {
  const answerOf = (status: number, json: unknown = null) => ({
    ...{ status, json, headers: new Headers(), text: '', ms: 1 },
  });
  const page = answerOf(200, { ended: true });

  test.each([
    { title: 'a poll says it, and a stream gets 204', page, back: answerOf(204), verdict: 'pass' },
    { title: 'the 204 becomes another status: a note', page, back: answerOf(200), verdict: 'note' },
    { title: 'a poll does not say it: a failure', page: answerOf(200, {}), back: null, verdict: 'fail' },
    { title: 'the stream is refused: not checked', page, back: answerOf(429), verdict: 'skipped' },
    { title: 'no answer to the stream: not checked', page, back: null, verdict: 'skipped' },
    { title: 'no answer to the poll: not checked', page: null, back: null, verdict: 'skipped' },
  ])('$title', ({ page, back, verdict }) => {
    expect(judgeEnd({ page, back })).toMatchObject({ check: 'ended channel', verdict });
  });

  test('is not checked where nothing can be published', () => {
    expect(judgeEnd(null)).toMatchObject({ verdict: 'skipped' });
  });
});

describe('health without the feed', () => {
  test.each([502, 504])('is a proxy without a process where the status is %i', (status) => {
    const page = { status, headers: new Headers(), text: '<html>', json: null, ms: 1 };

    expect(judgeHealth(page)).toMatchObject({ verdict: 'fail', obstacle: 'no-process' });
  });

  test('has the code of a refused connection, and what it means', async () => {
    const server = createServer();
    const port = await listenOnFreePort(server);
    await new Promise((resolve) => server.close(resolve));
    const url = `http://127.0.0.1:${port}`;
    const onProgress = () => undefined;
    const [found] = await examine({ url, token: null, publishToken: null, watchMs: 30_000, onProgress });

    expect(found).toMatchObject({
      obstacle: 'no-answer',
      found: 'no answer: ECONNREFUSED. No program listens at that port.',
    });
  });

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['ENOTFOUND', 'name of the host'],
  ])('has advice for %s', (code, advice) => {
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });

    expect(explainNetworkError(cause)).toMatchObject({ code, advice: expect.stringContaining(advice) });
  });
});

test('each obstacle has advice', () => {
  const empty = (Object.keys(advice) as Obstacle[]).filter((name) => advice[name].length === 0);

  expect(empty).toEqual([]);
});

describe('a raw stream', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(location: string): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/stream') return void response.writeHead(308, { location }).end();
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(': hi\n\nid: 1\ndata: {"a":1}\n\n');
    });
    servers.push(server);
    return { url: `http://127.0.0.1:${await listenOnFreePort(server)}/stream`, asked };
  }

  test('follows a redirect to the same server, and records comments and frames', async () => {
    const { url, asked } = await serve('/stream/');
    const stream = openRawStream(url, {});
    await stream.over;

    expect(asked).toEqual(['/stream', '/stream/']);
    expect(stream.record).toMatchObject({
      answer: { status: 200 },
      frames: [{ kind: 'comment' }, { kind: 'message', data: { a: 1 } }],
      end: { how: 'clean' },
    });
  });

  test.each([
    ['to another server, which would get the token', 'http://localhost:9/stream'],
    ['to what is no address', 'http://['],
  ])('follows none %s', async (_, location) => {
    const { url } = await serve(location);
    const stream = openRawStream(url, { authorization: 'Bearer secret' });
    await stream.over;

    expect(stream.record.answer?.status).toBe(308);
  });
});

/** Three events, 4 s apart, and for each how long after it a comment came. */
function probeWithComments(commentsAfterMs: readonly number[]): EventProbe {
  const single = commentsAfterMs.map((_, index) => ({
    number: index + 1,
    sentMs: 1_000 + 4_000 * index,
    cameMs: 1_150 + 4_000 * index,
  }));
  const frames = single.map(({ cameMs }, index) => ({
    atMs: cameMs + (commentsAfterMs[index] ?? 0),
    kind: 'comment',
    id: '',
    data: null,
  }));
  return {
    record: recordOf({ frames }),
    isFilled: false,
    single,
    burst: [],
  };
}

test('no stream of the doctor can rest: it tests streams', async () => {
  const server = await feedServer();
  try {
    const target = createTarget({ url: server.url, token: null, publishToken: null });
    const probing = [probeReader(target, 3_000), probeEvents(target, 3_000)];
    const streams = () => server.asked.filter((address) => address.startsWith('/api/stream'));
    await eventually('both of its readers stream', 30_000, () => streams().length >= 2);
    await Promise.all(probing);
    expect(streams().filter((address) => address.includes('quiet='))).toEqual([]);
  } finally {
    await server.close();
  }
});

describe('the comment after each test event', () => {
  test.each([
    { title: 'comes at once: nothing is one message behind', afterMs: [100, 110, 105], verdict: 'pass' },
    {
      title: 'is late once, on a busy machine: nothing is one message behind',
      afterMs: [100, 1_900, 105],
      verdict: 'pass',
    },
    {
      title: 'comes with the next heartbeat: something is one message behind',
      afterMs: [2_000, 2_000, 2_000],
      verdict: 'note',
    },
    {
      title: 'comes with the next heartbeat, once very soon: something is one message behind',
      afterMs: [600, 2_000, 2_000],
      verdict: 'note',
    },
  ])('$title', ({ afterMs, verdict }) => {
    expect(judgeOneBehind(probeWithComments(afterMs)).verdict).toBe(verdict);
  });
});
