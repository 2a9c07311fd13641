import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maxBodyMs } from '../../../lib/server/http/publish-body.ts';
import { requestTimeouts } from '../../../lib/server/node/socket-limits.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { residentBytes } from '../../support/node/proc.ts';
import { store } from '../../support/node/publish.ts';
import { openRawSocket, type RawSocket, requestText } from '../../support/node/raw-socket.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

const publishing = [`authorization: Bearer ${secrets.publishToken}`, 'content-type: application/json'];

/** Node checks its connections every 30 s; a busy machine is late. */
const checkMs = 30_000 + 5_000;
const headWithinMs = requestTimeouts.headersTimeout + checkMs;
const allWithinMs = requestTimeouts.requestTimeout + checkMs;

/** Sends `text`, then one byte a second while the connection is open. */
async function drip(text: string, byte = ' '): Promise<RawSocket> {
  const raw = await openRawSocket(app.port, text);
  const timer = setInterval(() => raw.socket.write(byte), 1_000);
  void raw.closed.then(() => clearInterval(timer));
  return raw;
}

describe.concurrent('a client that is too slow', () => {
  // This test is first because it takes the longest; five tests run at a time.
  test('does not affect a reader, whose stream lives longer than all these limits', async () => {
    using reader = await openSse(app);
    const beats = () => reader.frames.filter(({ event }) => event === 'heartbeat').length;
    // One every 15 s.
    await eventually('heartbeats arrive for 75 s', 95_000, () => beats() >= 5);
    await store(app, ['still here']);
    await reader.frame('message', 30_000);
  });

  test.for([
    ['that sends nothing', ''],
    ['that stops inside its request head', 'GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n'],
  ] as const)('%s gets 408, and its connection is closed', async ([_name, text]) => {
    using raw = await openRawSocket(app.port, text);
    await within('the connection is closed', headWithinMs, raw.closed);
    expect(raw.received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('that sends its request head at a byte a second gets 408, and its connection is closed', async () => {
    using raw = await drip('GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ', 'x');
    await within('the connection is closed', headWithinMs, raw.closed);
    expect(raw.received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('that publishes at a byte a second is refused after 30 s, and its connection is closed', async () => {
    const length = 'content-length: 1000';
    using raw = await drip(requestText('POST', '/api/events', [...publishing, length]));
    await raw.until(`was not received within ${maxBodyMs / 1_000} s`, maxBodyMs + 5_000);
    expect(raw.received()).toMatch(/^HTTP\/1\.1 400 /);
    await within('the connection is closed', 20_000, raw.closed);
  });

  test('that was refused at once cannot keep its connection open by sending more', async () => {
    using raw = await drip(requestText('POST', '/api/events', ['content-length: 1000']));
    await raw.until('401 Unauthorized');
    await within('the connection is closed', 20_000, raw.closed);
  });

  test('that sends a body to the page at a byte a second is cut', async () => {
    using raw = await drip(requestText('POST', '/', ['content-length: 1000']));
    await within('the connection is closed', allWithinMs, raw.closed);
  });
});

describe('a body without an end', () => {
  const megabyte = 1_024 * 1_024;
  const ended = `content-length: ${2 * 1_024 * megabyte}`;
  const plain = Buffer.alloc(megabyte, 'x');
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), plain, Buffer.from('\r\n')]);

  /** Sends until the connection is closed. @returns the number of sent bytes. */
  async function flood(raw: RawSocket, piece: Buffer): Promise<number> {
    let sent = 0;
    const fill = () => {
      while (!raw.socket.destroyed && sent < 2_000 * megabyte) {
        sent += piece.length;
        if (!raw.socket.write(piece)) return;
      }
    };
    raw.socket.on('drain', fill);
    fill();
    await within('the connection is closed', 30_000, raw.closed);
    return sent;
  }

  test.each([
    ['of 2 GB for publishing', '413', '/api/events', [...publishing, ended], plain],
    ['of chunks for publishing', '413', '/api/events', [...publishing, 'transfer-encoding: chunked'], chunk],
    ['of 2 GB without a token', '401', '/api/events', ['content-type: application/json', ended], plain],
    ['of 2 GB for an unknown path', '404', '/nowhere', [ended], plain],
    ['of 2 GB for the page', '', '/', [ended], plain],
  ])('%s is cut, and uses little memory', async (_name, status, path, headers, piece) => {
    const before = residentBytes(app.pid);
    let answered: string | null = null;
    // On a busy machine the connection can be closed before the response arrives.
    for (let tries = 0; tries < 3 && answered !== status; tries += 1) {
      using raw = await openRawSocket(app.port, requestText('POST', path, headers));
      expect(await flood(raw, piece)).toBeLessThan(1_000 * megabyte);
      answered = raw.received().slice(9, 12);
    }

    expect(answered).toBe(status);
    expect(residentBytes(app.pid) - before).toBeLessThan(150 * megabyte);
    expect((await app.health()).status).toBe('ok');
  });
});

test('JSON that is nested too deeply is refused at once, and the refusal says so', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const data of [deep, `[1e5,${deep}]`]) {
    const body = `{"data":${data}}`;
    const head = requestText('POST', '/api/events', [...publishing, `content-length: ${body.length}`]);
    using raw = await openRawSocket(app.port, head + body);
    await raw.until('is nested too deeply', 10_000);
    expect(raw.received()).toMatch(/^HTTP\/1\.1 400 /);
  }
});
