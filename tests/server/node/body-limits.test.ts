import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  answerUnreadableRequests,
  limitBodies,
  refuseUnknownMethods,
} from '../../../lib/server/node/socket-limits.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { range } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const megabyte = 1_024 * 1_024;
const clock = createManualClock();

const held: ServerResponse[] = [];

/** Refuses without reading the body, except for `/patient`: there it reads to the end; `/held` gets its answer later. */
const server = createServer((request, response) => {
  if (request.url === '/patient') request.resume();
  else if (request.url === '/held') held.push(response);
  else response.writeHead(401, { 'content-length': '2' }).end('no');
});

const send = (headers: readonly string[], path = '/', version = '1.1') =>
  openRawSocket(
    (server.address() as AddressInfo).port,
    requestText('POST', path, headers).replace('HTTP/1.1', `HTTP/${version}`),
  );

/** Moves the clock until the connection is closed. */
async function expectClosed(closed: Promise<void>): Promise<void> {
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  await eventually('the connection is closed', 5_000, async () => {
    await clock.advance(100);
    return isClosed;
  });
}

beforeAll(async () => {
  answerUnreadableRequests(clock);
  limitBodies({ maxBytes: megabyte, afterResponseMs: 10_000 }, clock);
  refuseUnknownMethods();
  await listenOnFreePort(server);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test.each([
  ['said', `content-length: ${100 * megabyte}`, '/'],
  ['not said', 'transfer-encoding: chunked', '/'],
  ['said, and which is read to its end', `content-length: ${100 * megabyte}`, '/patient'],
])('a body whose length is %s is cut once it is over the limit', async (_name, header, path) => {
  using raw = await send([header], path);
  raw.socket.write(Buffer.concat([Buffer.from('a00000\r\n'), Buffer.alloc(10 * megabyte, 'x')]));

  // Well before the time limit of its rest.
  const before = clock.elapsed();
  await expectClosed(raw.closed);
  expect(clock.elapsed() - before).toBeLessThan(9_000);
});

test('the rest of a body may arrive for 10 s after the response, then its connection is closed', async () => {
  using raw = await send(['content-length: 1000']);
  await raw.until('401');
  await clock.advance(9_800);
  expect(raw.socket.closed).toBe(false);

  await clock.advance(500);

  await within('the connection is closed', 5_000, raw.closed);
  expect(clock.pending()).toBe(0);
});

test('each of several requests has the full limits, and a connection whose bodies are complete stays open', async () => {
  const head = ['content-length: 700000'];
  const connected = once(server, 'connection');
  using raw = await send(head);
  const [socket] = await connected;
  raw.socket.write(Buffer.alloc(700_000));
  await raw.until('no');
  raw.socket.write(requestText('POST', '/', head));
  raw.socket.write(Buffer.alloc(600_000));
  await eventually('it has come', 5_000, () => socket.bytesRead > 1_300_000);
  await clock.advance(1_000);
  raw.socket.write(Buffer.alloc(100_000));
  await eventually('all has come', 5_000, () => socket.bytesRead > 1_400_000);

  await clock.advance(60_000);

  expect([raw.socket.closed, clock.pending()]).toEqual([false, 0]);
});

describe('a client that asks to close the connection, and sends its whole body before it reads', () => {
  const body = Buffer.alloc(900_000, 'x');
  const pieces = Array.from({ length: 55 }, (_, index) =>
    body.subarray(index * 16_384, (index + 1) * 16_384),
  );

  /** Sends the body in pieces. @returns what arrived before the connection was closed. */
  async function sendAndRead(version: string, framing: string): Promise<string> {
    using raw = await send([framing, 'connection: close'], '/', version);
    raw.socket.pause();
    for (const piece of pieces) {
      if (framing.includes('chunked')) raw.socket.write(`${piece.length.toString(16)}\r\n`);
      raw.socket.write(piece);
      if (framing.includes('chunked')) raw.socket.write('\r\n');
      await setTimeout(1);
    }
    raw.socket.resume();
    await within('the connection is closed', 30_000, raw.closed);
    return raw.received();
  }

  test.each([
    ['with its length', '1.1', `content-length: ${body.length}`],
    ['in chunks', '1.1', 'transfer-encoding: chunked'],
    ['by HTTP/1.0', '1.0', `content-length: ${body.length}`],
  ])('gets the refusal, each time: %s', async (_name, version, framing) => {
    const received = await Promise.all(range(1, 20).map(() => sendAndRead(version, framing)));

    for (const text of received) expect(text).toMatch(/^HTTP\/1\.1 401 [\s\S]*no$/);
  });

  /** Sends the head of such a request, and never closes its half. @returns the server's end of the connection too. */
  async function sendHead(length: number) {
    const connected = once(server, 'connection');
    const raw = await send([`content-length: ${length}`, 'connection: close']);
    raw.socket.removeAllListeners('end');
    const [socket] = (await connected) as [Socket];
    await raw.until('401');
    return { raw, socket };
  }

  test('has 10 s for the rest, then the connection is closed', async () => {
    const { raw, socket } = await sendHead(body.length);
    using _raw = raw;
    raw.socket.write(body.subarray(0, 100_000));
    await clock.advance(9_800);
    expect(socket.closed).toBe(false);

    await clock.advance(500);

    await eventually('the connection is closed', 30_000, () => socket.closed);
    expect(clock.pending()).toBe(0);
  });

  test('may send no more than the limit', async () => {
    const { raw, socket } = await sendHead(100 * megabyte);
    using _raw = raw;
    const before = clock.elapsed();
    raw.socket.write(Buffer.alloc(10 * megabyte, 'x'));

    await eventually('the connection is closed', 30_000, async () => {
      await clock.advance(100);
      return socket.closed;
    });
    expect(clock.elapsed() - before).toBeLessThan(9_000);
    expect(socket.bytesRead).toBeLessThan(2 * megabyte);
    await clock.advance(100);
    expect(clock.pending()).toBe(0);
  });
});

describe('a client whose request Node cannot read, and that sends everything before it reads', () => {
  test.each([
    ['431', 'its head is too large', `GET / HTTP/1.1\r\nhost: a\r\ncookie: ${'x'.repeat(400_000)}\r\n\r\n`],
    ['400', 'it is no HTTP', 'no method\r\n'.repeat(40_000)],
  ])('gets %s each time, where %s', async (status, _why, text) => {
    const sendAll = async () => {
      using raw = await openRawSocket((server.address() as AddressInfo).port, '');
      raw.socket.pause();
      for (let at = 0; at < text.length; at += 16_384) {
        raw.socket.write(text.slice(at, at + 16_384));
        await setTimeout(1);
      }
      raw.socket.resume();
      await within('the connection is closed', 15_000, raw.closed);
      return raw.received();
    };

    const received = await Promise.all(range(1, 20).map(sendAll));

    for (const each of received) expect(each).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test('has 10 s, then the connection is closed', async () => {
    const connected = once(server, 'connection');
    using raw = await openRawSocket((server.address() as AddressInfo).port, 'no method\r\n');
    raw.socket.removeAllListeners('end');
    const [socket] = (await connected) as [Socket];
    await raw.until('400');
    raw.socket.write('no method\r\n');
    await clock.advance(9_800);
    expect(socket.closed).toBe(false);

    await clock.advance(500);

    await eventually('the connection is closed', 15_000, () => socket.closed);
    expect(raw.received().match(/HTTP/g)).toHaveLength(1);
  });
});

describe('a CONNECT', () => {
  const connectText = requestText('CONNECT', '127.0.0.1:443');

  /** Collects errors that nobody catches: in production each ends the process. */
  function collectUncaught(): unknown[] {
    const uncaught: unknown[] = [];
    const collect = (error: unknown) => void uncaught.push(error);
    process.on('uncaughtException', collect);
    onTestFinished(() => void process.off('uncaughtException', collect));
    return uncaught;
  }

  test('gets 405, and its client may reset the connection then', async () => {
    const uncaught = collectUncaught();
    const connected = once(server, 'connection');
    using raw = await openRawSocket((server.address() as AddressInfo).port, connectText);
    raw.socket.removeAllListeners('end');
    const [socket] = (await connected) as [Socket];
    await raw.until('HTTP/1.1 405');

    raw.socket.resetAndDestroy();

    await eventually('the connection is closed', 5_000, () => socket.closed);
    await setTimeout(0);
    expect(uncaught).toEqual([]);
  });

  test('behind a request that waits for its answer ends both, without an answer', async () => {
    const uncaught = collectUncaught();
    using raw = await openRawSocket(
      (server.address() as AddressInfo).port,
      requestText('GET', '/held') + connectText,
    );
    await within('the connection is closed', 5_000, raw.closed);
    await eventually('the request has ended', 5_000, () => held.at(-1)?.closed);

    held.at(-1)?.end('late');

    await setTimeout(0);
    expect([raw.received(), uncaught]).toEqual(['', []]);
  });
});

test('a request without a body is not checked', async () => {
  using raw = await send([]);
  await raw.until('no');
  expect(clock.pending()).toBe(0);
});
