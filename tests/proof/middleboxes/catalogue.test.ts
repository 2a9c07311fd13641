import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { eventually } from '../../support/node/eventually.ts';
import { middleboxes } from './catalogue.ts';
import type { Middlebox, RunningBox } from './middlebox.ts';

/** What a reader behind a box has of one answer. */
type Got = {
  /** Null before the head has come. */
  status: number | null;
  body: string;
  /** `ended`: the answer is complete. `cut`: the connection broke before that. */
  end: 'open' | 'ended' | 'cut';
};

/** A server whose stream the test writes by hand. It ends with its scope. */
async function startOrigin() {
  const streams: ServerResponse[] = [];
  const asked: IncomingMessage[] = [];
  const server = createServer((incoming, response) => {
    asked.push(incoming);
    if (incoming.url === '/packed') {
      response.setHeader('content-encoding', 'gzip');
      return void response.end(gzipSync('a packed page'));
    }
    if (incoming.url !== '/stream') return void response.end('a page');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    streams.push(response);
  });
  const port = await listenOnFreePort(server);
  return {
    port,
    asked,
    /** Writes to the newest stream. */
    write: (text: string) => void streams.at(-1)?.write(text),
    end: () => void streams.at(-1)?.end(),
    streams: () => streams.length,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function read({ url }: { readonly url: string }, path: string, headers: Record<string, string> = {}): Got {
  const got: Got = { status: null, body: '', end: 'open' };
  const accept = path === '/stream' ? 'text/event-stream' : 'application/json';
  const asked = request(`${url}${path}`, { agent: false, headers: { accept, ...headers } }, (answer) => {
    got.status = answer.statusCode ?? 0;
    answer.setEncoding('latin1').on('data', (text: string) => {
      got.body += text;
    });
    answer.on('end', () => {
      got.end = 'ended';
    });
    answer.on('error', () => {
      got.end = 'cut';
    });
  });
  asked.on('error', () => {
    got.end = 'cut';
  });
  asked.end();
  return got;
}

const named = (name: string): Middlebox => {
  const found = middleboxes.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no middlebox ${name}`);
  return found;
};

const own = middleboxes.filter(({ program }) => program === null);
const readable = own.filter(({ due }) => due !== null);
const soon = (what: string, isSo: () => boolean) => eventually(what, 5_000, isSo);

/** Lets every byte arrive that nobody holds back. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Opens a stream behind a box and writes 2 KiB, as the server's padding, and two messages. */
async function openStream(name: string) {
  const stack = new AsyncDisposableStack();
  const origin = stack.use(await startOrigin());
  const box: RunningBox = stack.use(await named(name).start(origin));
  const got = read(box, '/stream');
  await soon('the stream is open', () => origin.streams() === 1);
  for (const text of [`:${' '.repeat(2_045)}\n\n`, 'data: hello\n\n', 'data: one\n\n']) {
    origin.write(text);
    await settle();
  }
  return { origin, box, got, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe('a middlebox', () => {
  test.each([
    ['honest', 2_048 + 13 + 11],
    ['holds-all', 0],
    ['blocks-1k', 2_048],
    ['blocks-2k', 2_048],
    ['blocks-4k', 0],
    ['holds-hello', 2_048],
    ['scanner', 0],
    ['one-chunk-behind', 2_048 + 13],
    ['one-message-behind', 2_048 + 13],
    ['late-after-3k', 2_048 + 13 + 11],
    ['delays-3s', 0],
    ['gateway-504', 0],
  ])('%s passes %i bytes of an open stream', async (name, bytes) => {
    await using stream = await openStream(name);
    await soon('the bytes arrive', () => stream.got.body.length >= bytes);
    await settle();
    expect(stream.got.body).toHaveLength(bytes);
    expect(stream.got.end).toBe('open');
  });

  test.each([
    ['scanner', 4_000, { bytes: 2, end: 'open' }],
    ['delays-3s', 3_000, { bytes: 2_072, end: 'open' }],
    ['ends-14s', 14_000, { bytes: 2_072, end: 'ended' }],
    ['ends-30s', 30_000, { bytes: 2_072, end: 'ended' }],
    ['resets', 10_000, { bytes: 2_072, end: 'cut' }],
    ['cuts-5s', 5_000, { bytes: 2_072, end: 'cut' }],
    ['gateway-504', 10_000, { bytes: 57, end: 'ended' }],
    ['short-answers', 3_000, { bytes: 57, end: 'ended' }],
  ] as const)('%s has passed this after %i ms: %o', async (name, ms, { bytes, end }) => {
    await using stream = await openStream(name);
    vi.advanceTimersByTime(ms);
    await soon(
      `${end}, with ${bytes} bytes`,
      () => stream.got.body.length === bytes && stream.got.end === end,
    );
  });

  test('late-after-3k passes each byte after the first 3 KiB after 20 s', async () => {
    await using stream = await openStream('late-after-3k');
    stream.origin.write('x'.repeat(1_001));
    await soon('the first 3 KiB arrive', () => stream.got.body.length === 3_072);
    vi.advanceTimersByTime(19_999);
    await settle();
    expect(stream.got.body).toHaveLength(3_072);
    vi.advanceTimersByTime(1);
    await soon('the rest arrives', () => stream.got.body.length === 2_072 + 1_001);
  });

  test.each([
    ['nat-10s', 10_000],
    ['black-hole-10s', 10_000],
    ['sleeps', 25_000],
  ])('%s loses a silent connection after %i ms, and the reader is not told', async (name, ms) => {
    await using stream = await openStream(name);
    await soon('all bytes arrive', () => stream.got.body.length === 2_072);
    vi.advanceTimersByTime(ms);
    stream.origin.write('data: two\n\n');
    stream.origin.end();
    await settle();
    expect(stream.got).toMatchObject({ end: 'open', body: expect.stringMatching(/one\n\n$/) });
  });

  test('one-connection lets the second request through when the first connection is closed', async () => {
    await using stream = await openStream('one-connection');
    const second = read(stream.box, '/page');
    await settle();
    expect(second.status).toBeNull();
    stream.origin.end();
    await soon('the second is answered', () => second.body === 'a page');
  });

  test('strips-last-event-id and joins-headers change this header only', async () => {
    await using origin = await startOrigin();
    await using strips = await named('strips-last-event-id').start(origin);
    await using joins = await named('joins-headers').start(origin);
    for (const box of [strips, joins]) {
      for (const id of ['7-1', '7-2']) {
        const got = read(box, '/page', { 'last-event-id': id, 'x-own': 'kept' });
        await soon('the page arrives', () => got.end === 'ended');
      }
    }
    expect(origin.asked.map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      undefined,
      '7-1, 7-1',
      '7-1, 7-2',
    ]);
    expect(origin.asked.every(({ headers }) => headers['x-own'] === 'kept')).toBe(true);
  });

  test('http-1.0 asks and answers in HTTP/1.0, and closes the connection', async () => {
    await using origin = await startOrigin();
    await using box = await named('http-1.0').start(origin);
    const socket = connect(Number(new URL(box.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.write('GET /page HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
    await new Promise((resolve) => socket.once('end', resolve));
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(origin.asked[0]?.httpVersion).toBe('1.0');
  });

  test('caches-all answers a second request from its cache for 30 s', async () => {
    await using origin = await startOrigin();
    await using box = await named('caches-all').start(origin);
    const readPage = async () => {
      const got = read(box, '/page');
      await soon('the page arrives', () => got.body === 'a page');
    };
    await readPage();
    await readPage();
    expect(origin.asked).toHaveLength(1);
    vi.advanceTimersByTime(30_000);
    await readPage();
    expect(origin.asked).toHaveLength(2);
  });

  test.each([
    ['captive-portal', 200],
    ['page-for-streams', 200],
    ['refuses-403', 403],
    ['refuses-406', 406],
  ])('%s answers a stream with %i itself', async (name, status) => {
    await using origin = await startOrigin();
    await using box = await named(name).start(origin);
    const got = read(box, '/stream');
    await soon('the answer arrives', () => got.end === 'ended');
    expect(got.status).toBe(status);
    expect(origin.asked).toEqual([]);
  });

  test('gzip-buffers compresses an answer once, and holds an open stream', async () => {
    await using origin = await startOrigin();
    await using box = await named('gzip-buffers').start(origin);
    const text = async (path: string) => (await fetch(`${box.url}${path}`)).text();
    expect(await text('/page')).toBe('a page');
    expect(await text('/packed')).toBe('a packed page');
    const stream = read(box, '/stream', { 'accept-encoding': 'gzip' });
    await soon('the stream is open', () => origin.streams() === 1);
    origin.write('data: held\n\n'.repeat(100));
    await settle();
    // The header of the format alone, which says nothing yet (RFC 1952, section 2.3).
    expect(stream.body.length).toBeLessThanOrEqual(10);
    box.behave();
    await soon('what it held arrives', () => stream.body.length > 10);
  });

  test('rate-limit answers 503 to the sixth request at once, and passes another one a second later', async () => {
    await using origin = await startOrigin();
    await using box = await named('rate-limit').start(origin);
    const readStatus = async () => {
      const got = read(box, '/page');
      await soon('the answer arrives', () => got.end === 'ended');
      return got.status;
    };
    const statuses: (number | null)[] = [];
    for (let count = 0; count < 6; count += 1) statuses.push(await readStatus());
    vi.advanceTimersByTime(1_000);
    expect([...statuses, await readStatus()]).toEqual([200, 200, 200, 200, 200, 503, 200]);
  });
});

describe('each middlebox of our own', () => {
  test.each(readable)('$name passes a complete answer unchanged', async ({ start }) => {
    await using origin = await startOrigin();
    await using box = await start(origin);
    const got = read(box, '/page');
    await soon('the request arrives', () => origin.asked.length === 1);
    await settle();
    vi.advanceTimersByTime(3_000);
    await soon('the answer arrives', () => got.end === 'ended');
    expect(got).toMatchObject({ status: 200, body: 'a page' });
  });

  test.each(own)(
    '$name passes a stream at once when it behaves, also one that it held',
    async ({ start }) => {
      await using origin = await startOrigin();
      await using box = await start(origin);
      const old = read(box, '/stream');
      await settle();
      if (origin.streams() === 1) origin.write('data: held\n\n');
      await settle();
      box.behave();
      if (origin.streams() === 1) await soon('what it held arrives', () => old.body.includes('held'));
      const fresh = read(box, '/stream');
      // The box that lets one connection through behaves on new ones.
      await soon('the stream is open', () => origin.streams() > (old.end === 'open' ? 1 : 0));
      origin.write('data: fresh\n\n');
      await soon('the event arrives', () => fresh.body.includes('fresh'));
    },
  );
});

test('the catalogue has at least 25 middleboxes, each under a name of its own', () => {
  const names = middleboxes.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(25);
  for (const { due, why, name } of middleboxes) if (due === null) expect(why, name).toBeTruthy();
});
