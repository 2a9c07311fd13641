import { describe, expect, test } from 'vitest';
import { startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { untilStreams, untilTails } from '../../support/node/open-streams.ts';
import { countSockets } from '../../support/node/proc.ts';
import { range, store } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { openSse, type SseReader } from '../../support/node/sse-reader.ts';

/** A tail stays open for 20 s after its last reader has left. */
const lingerWithinMs = 25_000;

describe.concurrent('connections that open and close', () => {
  test('after 1,000 idle readers no stream, no socket and no tail is left', async () => {
    await using app = await startApp();
    const socketsBefore = countSockets(app.pid);
    for (const _wave of [1, 2]) {
      const readers = await Promise.all(range(1, 500).map(() => openSse(app)));
      await untilStreams(app, 500, 30_000);
      for (const reader of readers) reader.destroy();
      await untilStreams(app, 0, 30_000);
    }
    await eventually('the sockets are closed', 30_000, () => countSockets(app.pid) <= socketsBefore + 3);
    expect(await app.health()).toMatchObject({ streams: 0, tails: 1 });
    await untilTails(app, 0, lingerWithinMs);
  });

  test('a long poll whose reader leaves releases its tail', async () => {
    await using app = await startApp();
    using reader = await openRawSocket(app.port, requestText('GET', '/api/events?wait=20'));
    await untilTails(app, 1, 30_000);
    reader.socket.resetAndDestroy();
    const leftAt = performance.now();
    await untilTails(app, 0, lingerWithinMs);
    // If the server held the poll to its end, this would take longer.
    expect(performance.now() - leftAt).toBeLessThan(lingerWithinMs);
  });

  test('a reader above the limit is refused, the others go on, and a reader that leaves frees a slot', async () => {
    await using app = await startApp({ STREAM_MAX_CONNECTIONS: '3' });
    const inside = await Promise.all(range(1, 3).map(() => openSse(app)));
    const [first] = inside;
    for (const number of range(1, 20)) {
      using refused = await openSse(app);
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toMatch(/^([6-9]|10)$/);
      using native = await openSse(app, { headers: { accept: 'text/event-stream' } });
      expect(native.status).toBe(200);
      expect(JSON.parse((await native.frame('refused')).data)).toMatchObject({ status: 503 });
      await store(app, [number]);
    }
    for (const reader of inside)
      await eventually('everything has arrived', 30_000, () => messagesOf(reader) === 20);
    first?.destroy();
    await untilStreams(app, 2, 30_000);
    using late = await openSse(app);
    await late.frame('hello');
  });

  test('an address gets only its number of streams, whatever its headers say; polls do not count', async () => {
    await using app = await startApp({ STREAM_MAX_PER_ADDRESS: '3' });
    const [first] = await Promise.all(range(1, 3).map(() => openSse(app)));
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'accept']) {
      using refused = await openSse(app, { headers: { [name]: '192.0.2.7' } });
      expect(refused.status).toBe(503);
      await refused.over;
      expect(refused.text()).toContain('STREAM_MAX_PER_ADDRESS');
    }
    expect((await ask(app, '/api/events')).status).toBe(200);
    first?.destroy();
    await untilStreams(app, 2, 30_000);
    using late = await openSse(app);
    await late.frame('hello');
  });
});

function messagesOf({ frames }: SseReader): number {
  return frames.filter(({ event }) => event === 'message').length;
}
