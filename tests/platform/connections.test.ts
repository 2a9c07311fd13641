import { describe, expect, test } from 'vitest';
import { startApp } from './app-process.ts';
import { eventually } from './eventually.ts';
import { untilStreams, untilTails } from './open-streams.ts';
import { countSockets } from './proc.ts';
import { range } from './publish.ts';
import { openRawSocket, requestText } from './raw-socket.ts';
import { openSse } from './sse-reader.ts';

/** A tail lingers for 20 s when its last reader has gone. */
const lingerWithinMs = 25_000;

describe.concurrent('connections that come and go', () => {
  test('1,000 idle readers leave no stream, no socket and no tail behind', async () => {
    await using app = await startApp();
    const socketsBefore = countSockets(app.pid);
    for (const _wave of [1, 2]) {
      const readers = await Promise.all(range(1, 500).map(() => openSse(app)));
      await untilStreams(app, 500, 10_000);
      for (const reader of readers) reader.destroy();
      await untilStreams(app, 0, 5_000);
    }
    await eventually('the sockets are closed', 5_000, () => countSockets(app.pid) <= socketsBefore + 3);
    expect(await app.health()).toMatchObject({ streams: 0, tails: 1 });
    await untilTails(app, 0, lingerWithinMs);
  });

  test('a held long-poll whose reader leaves lets go of its tail', async () => {
    await using app = await startApp();
    using reader = await openRawSocket(app.port, requestText('GET', '/api/events?wait=20'));
    await untilTails(app, 1, 5_000);
    reader.socket.resetAndDestroy();
    const leftAt = performance.now();
    await untilTails(app, 0, lingerWithinMs);
    // Held to its end, it would have been longer.
    expect(performance.now() - leftAt).toBeLessThan(lingerWithinMs);
  });

  test('a reader beyond the maximum is refused, and let in when another has left', async () => {
    await using app = await startApp({ STREAM_MAX_CONNECTIONS: '3' });
    const [first] = await Promise.all(range(1, 3).map(() => openSse(app)));
    using refused = await openSse(app);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');
    using native = await openSse(app, { headers: { accept: 'text/event-stream' } });
    expect(native.status).toBe(200);
    expect(JSON.parse((await native.frame('refused')).data)).toMatchObject({ status: 503 });
    first?.destroy();
    await untilStreams(app, 2, 1_000);
    using late = await openSse(app);
    await late.frame('hello');
  });
});
