import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { closeStalledConnections, limitPipelining } from '../../../lib/server/node/socket-limits.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { range } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const megabyte = 1_024 * 1_024;
const clock = createManualClock();
const answers: ServerResponse[] = [];
/** For each response, the URL with which the asynchronous context was entered. */
const contexts: (string | undefined)[] = [];
const context = new AsyncLocalStorage<string | undefined>();

/** Answers `/large` with more than the system holds, `/small` with a word, and anything else not at all. */
const server = createServer((request, response) => {
  answers.push(response);
  contexts.push(context.getStore());
  if (request.url === '/large') response.end(Buffer.alloc(16 * megabyte, 'x'));
  if (request.url === '/small') response.end('small');
});

const ask = (text: string) => openRawSocket((server.address() as AddressInfo).port, text);

/** Moves the clock until the connection of a response is closed. @returns how long that took, in s. */
async function secondsUntilClosed(answer: ServerResponse): Promise<number> {
  const before = clock.elapsed();
  await eventually('the connection is closed', 5_000, async () => {
    await clock.advance(1_000);
    return answer.destroyed;
  });
  return (clock.elapsed() - before) / 1_000;
}

beforeAll(async () => {
  subscribe('http.server.request.start', (message) => {
    context.enterWith((message as { readonly request: IncomingMessage }).request.url);
  });
  limitPipelining({ most: 3, answerMs: 30_000, dropped: 5_000 }, clock);
  closeStalledConnections({ stallMs: 30_000, bytesPerSecond: megabyte, systemBytes: 10 * megabyte }, clock);
  await listenOnFreePort(server);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Requests `path`, and takes nothing of the response but what the system takes by itself. */
async function leaveUntaken(path: string) {
  const raw = await ask('');
  raw.socket.pause();
  const before = answers.length;
  raw.socket.write(requestText('GET', path));
  await eventually('it is asked', 5_000, () => answers.length > before);
  const answer = answers.at(-1);
  if (answer === undefined) throw new Error('there is no answer');
  return { raw, answer };
}

test('a connection whose reader takes nothing is closed after 30 s and the time that everything needs at the lowest rate', async () => {
  const stalled = await leaveUntaken('/large');
  using _raw = stalled.raw;

  const seconds = await secondsUntilClosed(stalled.answer);

  expect(seconds).toBeGreaterThanOrEqual(30 + 16);
  expect(seconds).toBeLessThanOrEqual(30 + 16 + 10);
});

/** A connection as the process sees it: how much was written to it, and how much of that still waits for its reader. */
class FakeSocket extends EventEmitter {
  readonly server = server;
  bytesWritten = 0;
  writableLength = 0;
  readonly destroy = vi.fn();

  write(bytes: number): void {
    this.bytesWritten += bytes;
    this.writableLength += bytes;
  }
}

const fakeSockets: FakeSocket[] = [];
afterEach(() => {
  for (const socket of fakeSockets.splice(0)) socket.emit('close');
});

function connectFake(): FakeSocket {
  const socket = new FakeSocket();
  fakeSockets.push(socket);
  channel('net.server.socket').publish({ socket });
  return socket;
}

/** Expects a connection to stay open for `ms`, and to be closed within 10 s after that. */
async function expectClosedAfter({ destroy }: FakeSocket, ms: number): Promise<void> {
  await clock.advance(ms);
  expect(destroy).not.toHaveBeenCalled();
  await clock.advance(10_000);
  expect(destroy).toHaveBeenCalled();
}

test('a write that was not taken completely in time closes the connection, whatever was taken of others', async () => {
  const socket = connectFake();
  socket.write(10 * megabyte);
  await clock.advance(35_000);
  socket.writableLength -= megabyte;

  await expectClosedAfter(socket, 40_000);
});

test('bytes that the system holds get their time too, but no more than it can hold', async () => {
  const socket = connectFake();
  socket.bytesWritten = 100 * megabyte;
  socket.write(1);

  await expectClosedAfter(socket, 40_000);
});

test('a reader that takes one write after the other may take any time, also while more is written', async () => {
  const socket = connectFake();
  socket.write(2 * megabyte);
  for (let each = 0; each < 100; each += 1) {
    await clock.advance(25_000);
    socket.write(megabyte);
    socket.writableLength -= megabyte;
  }

  expect(socket.destroy).not.toHaveBeenCalled();
});

test('a new write gives a reader that takes nothing no time but its own at the lowest rate', async () => {
  const socket = connectFake();
  for (let each = 0; each < 9; each += 1) {
    socket.write(megabyte);
    await clock.advance(5_000);
  }

  expect(socket.destroy).toHaveBeenCalled();
});

test('the 30 s of a connection start when something starts to wait', async () => {
  const socket = connectFake();
  await clock.advance(600_000);
  socket.write(1);

  await expectClosedAfter(socket, 30_000);
});

test('nothing is checked while no connection is open', async () => {
  const socket = connectFake();
  await clock.advance(5_000);
  socket.emit('close');
  await eventually('all others are closed', 5_000, async () => {
    server.closeAllConnections();
    await clock.advance(5_000);
    return clock.pending() === 0;
  });
});

test('a connection on which nothing waits may be idle', async () => {
  using raw = await ask(requestText('GET', '/held'));
  await clock.advance(0);
  await clock.advance(600_000);
  answers.at(-1)?.end('after ten minutes');
  await raw.until('after ten minutes');

  expect(raw.socket.destroyed).toBe(false);
});

/** Sends `count` requests at once, and never closes its half. @returns the server's end of the connection too. */
async function pipeline(count: number, path = '/held') {
  const from = answers.length;
  const connected = once(server, 'connection');
  const raw = await ask(requestText('GET', path).repeat(count));
  const [socket] = (await connected) as [Socket];
  await eventually('the first is asked', 30_000, () => answers.length > from);
  await clock.advance(0);
  return { raw, socket, begun: answers[from], handedOn: () => answers.length - from };
}

describe('a connection with more than 3 unanswered requests', () => {
  test.each([4, 20, 1_000])(
    'gets the answer that was begun, and is closed then: %i requests',
    async (count) => {
      const { raw, begun, handedOn } = await pipeline(count);
      using _raw = raw;
      begun?.end('the answer');
      await within('the connection is closed', 30_000, raw.closed);

      expect(raw.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(raw.received().toLowerCase()).toContain('connection: close');
      expect(raw.received()).toContain('the answer');
      expect(handedOn()).toBe(1);
    },
  );

  test('gets all of an answer whose headers were sent before', async () => {
    const { raw, begun, handedOn } = await pipeline(1);
    using _raw = raw;
    begun?.write('first,');
    await raw.until('first,');
    raw.socket.write(requestText('GET', '/held').repeat(3));
    await clock.advance(0);
    begun?.end(Buffer.alloc(megabyte, 'x'));
    await within('the connection is closed', 30_000, raw.closed);

    expect(raw.received()).toMatch(/x\r\n0\r\n\r\n$/);
    expect(handedOn()).toBe(1);
  });

  test('also gets it if the client goes on to send', async () => {
    const { raw, begun, handedOn } = await pipeline(4);
    using _raw = raw;
    raw.socket.pause();
    for (const each of range(1, 200)) {
      raw.socket.write(requestText('GET', '/held').repeat(100));
      await setTimeout(1);
      if (each === 100) begun?.end('the answer');
    }
    raw.socket.resume();
    await within('the connection is closed', 30_000, raw.closed);

    expect(raw.received()).toContain('the answer');
    expect(handedOn()).toBe(1);
  });

  test('is closed after 30 s if that answer takes longer', async () => {
    const { raw, socket } = await pipeline(4);
    using _raw = raw;
    await clock.advance(29_000);
    expect(socket.destroyed).toBe(false);

    await clock.advance(2_000);

    expect(socket.destroyed).toBe(true);
  });

  test('is closed at once while the process keeps 5,000 requests that it has dropped', async () => {
    const all = [];
    for (const _ of range(1, 8)) all.push(await pipeline(1_000));
    const isOpen = all.map(({ socket }) => !socket.destroyed);
    for (const { raw } of all) raw[Symbol.dispose]();

    expect(isOpen).toEqual([true, true, true, true, true, false, false, false]);
    await clock.advance(30_000);
    expect(all.every(({ socket }) => socket.destroyed)).toBe(true);
    // The dropped requests of closed connections do not count.
    const { raw, socket } = await pipeline(1_000);
    using _raw = raw;
    expect(socket.destroyed).toBe(false);
  });
});

test('a connection may have 3 unanswered requests', async () => {
  using three = await ask(requestText('GET', '/held').repeat(3));
  await clock.advance(60_000);

  expect(three.socket.destroyed).toBe(false);
});

test('a request is handed on when the one before it on its connection is answered, in its own context', async () => {
  const from = answers.length;
  using raw = await ask(requestText('GET', '/held') + requestText('GET', '/held?second'));
  await eventually('the first is asked', 5_000, () => answers.length > from);
  await clock.advance(0);
  expect(answers).toHaveLength(from + 1);
  answers[from]?.end('an answer');

  await eventually('the second is asked', 5_000, () => answers[from + 1]?.req.url === '/held?second');
  answers[from + 1]?.end('the other');
  await raw.until('the other');
  expect(contexts.slice(from)).toEqual(['/held', '/held?second']);
});

test('a connection may send any number of requests, one after the other, if they are answered', async () => {
  using raw = await ask('');
  for (let each = 1; each <= 20; each += 1) {
    raw.socket.write(requestText('GET', '/small').repeat(2));
    await eventually('both are answered', 5_000, () => raw.received().split('200 OK').length > 2 * each);
  }

  expect(raw.socket.destroyed).toBe(false);
});
