import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startApp } from '../../support/node/app-process.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { untilStreams } from '../../support/node/open-streams.ts';
import { isHeld, residentBytes } from '../../support/node/proc.ts';
import { range, store } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { openStalledReader, storeBulk } from '../../support/node/stalled-reader.ts';

const megabyte = 1_024 * 1_024;

describe.concurrent('the life of a stream', () => {
  test('a reader that has stopped reading is cut at the deadline, and uses little memory until then', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '25' });
    const startedAt = performance.now();
    using reader = await openStalledReader(app);
    const { localPort = 0 } = reader.socket;
    const residentBefore = residentBytes(app.pid);
    await storeBulk(app);
    expect(isHeld(app.port, localPort)).toBe(true);
    expect(residentBytes(app.pid) - residentBefore).toBeLessThan(100 * megabyte);
    // Its limit, plus two seconds for a busy machine.
    await untilStreams(app, 0, 27_000 - (performance.now() - startedAt));
    await eventually('its socket is closed', 10_000, () => !isHeld(app.port, localPort));
    reader.socket.resume();
    await within('the cut reaches the reader', 10_000, reader.closed);
    expect(reader.received()).not.toContain('\r\n0\r\n\r\n');
  });

  test('a reader that reads gets a handover at the deadline, and its stream ends cleanly before the limit', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '25' });
    const startedAt = performance.now();
    using reader = await openSse(app);
    const handover = await reader.frame('handover');
    // The request has used a part of its limit when its stream begins.
    const { reason, closesInMs } = JSON.parse(handover.data);
    expect([reason, Number.isInteger(closesInMs)]).toEqual(['deadline', true]);
    expect(closesInMs).toBeGreaterThan(1_300);
    expect(closesInMs).toBeLessThanOrEqual(1_500);
    expect(await reader.over).toBe('ended');
    expect(performance.now() - startedAt).toBeLessThan(25_000);
    expect(reader.retryMs()).toBeGreaterThanOrEqual(250);
    expect(reader.retryMs()).toBeLessThanOrEqual(1_000);
    await untilStreams(app, 0, 30_000);
  });

  test('a reader that comes back after each deadline gets every event once, in order', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '5' });
    await using reader = await startResumingReader(app);
    for (const number of range(1, 100)) {
      await store(app, [number]);
      await sleep(90);
    }
    await reader.until(100);
    expect(reader.data).toEqual(range(1, 100));
    expect(reader.connections()).toBeGreaterThanOrEqual(2);
    expect(reader.gaps).toEqual([]);
  });

  test('a reader that cuts its connection frees its stream at once', async () => {
    await using app = await startApp();
    const readers = await Promise.all(range(1, 20).map(() => openSse(app)));
    await untilStreams(app, 20, 30_000);
    for (const reader of readers) reader.destroy();
    await untilStreams(app, 0, 10_000);
  });

  test('a reader that closes its half of the connection frees its stream at once', async () => {
    await using app = await startApp();
    using reader = await openRawSocket(app.port, requestText('GET', '/api/stream'));
    await reader.until('event: hello');
    reader.socket.end();
    await untilStreams(app, 0, 10_000);
  });

  test('a reader that leaves before the answer frees its stream at once', async () => {
    await using app = await startApp();
    for (const _ of range(1, 50)) {
      using reader = await openRawSocket(app.port, requestText('GET', '/api/stream'));
      reader.socket.resetAndDestroy();
    }
    await sleep(200);
    await untilStreams(app, 0, 10_000);
  });

  test('requests that are never complete hold no stream and block nobody else', async () => {
    await using app = await startApp();
    using _idle = await openRawSocket(app.port);
    using _half = await openRawSocket(app.port, 'GET /api/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n');
    using reader = await openSse(app);
    await reader.frame('hello');
    await store(app, [1]);
    await reader.frame('message');
    expect(await app.health()).toMatchObject({ streams: 1 });
  });

  test('HEAD gets the headers and holds nothing', async () => {
    await using app = await startApp();
    const { status, headers } = await fetch(`${app.url}/api/stream`, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await app.health()).toMatchObject({ streams: 0, tails: 0 });
  });
});

describe('an event', () => {
  test('reaches a reader unbuffered and uncompressed, whatever encodings the reader accepts', async () => {
    await using app = await startApp();
    using reader = await openSse(app, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } });
    await reader.frame('hello');
    expect(reader.headers['content-encoding']).toBeUndefined();
    expect(reader.headers['cache-control']).toBe('no-cache, no-transform');
    const delays: number[] = [];
    for (const number of range(1, 20)) {
      const sentAt = performance.now();
      await store(app, [number]);
      const frame = await eventually('the event arrives', 30_000, () =>
        reader.frames.findLast(isMessage(number)),
      );
      delays.push(frame.at - sentAt);
    }
    expect(delays.sort((a, b) => a - b)[10]).toBeLessThan(100);
  });
});

function isMessage(data: unknown) {
  return (frame: { readonly event: string; readonly data: string }) =>
    frame.event === 'message' && JSON.parse(frame.data).data === data;
}

test('a connection whose stream has ended cleanly serves the next request, however long that is held', async () => {
  await using app = await startApp({ STREAM_MAX_SECONDS: '5' });
  using socket = await openRawSocket(app.port, requestText('GET', '/api/stream'));
  await socket.until('event: handover', 30_000);
  await socket.until('\r\n0\r\n\r\n', 30_000);

  socket.socket.write(requestText('GET', '/api/events?wait=2'));

  await socket.until('"events":[]', 30_000);
});
