import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limitBodies } from '../../../lib/server/node/socket-limits.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const megabyte = 1_024 * 1_024;
const clock = createManualClock();

/** Refuses without reading the body, except for `/patient`: there it reads to the end. */
const server = createServer((request, response) => {
  if (request.url === '/patient') request.resume();
  else response.writeHead(401, { 'content-length': '2' }).end('no');
});

const send = (headers: readonly string[], path = '/') =>
  openRawSocket((server.address() as AddressInfo).port, requestText('POST', path, headers));

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
  limitBodies({ maxBytes: megabyte, afterResponseMs: 10_000 }, clock);
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

test('a request without a body is not checked', async () => {
  using raw = await send([]);
  await raw.until('no');
  expect(clock.pending()).toBe(0);
});
