import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { middleboxes } from '../../proof/middleboxes/catalogue.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';

type Proxy = AsyncDisposable & { readonly url: string };

/** A filter that sees bytes and no HTTP: it passes on what it has read when it reads again. */
async function startOneReadBehind(target: { readonly port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((reader) => {
    const app = connect(target.port, '127.0.0.1');
    let held = Buffer.alloc(0);
    for (const socket of [reader, app]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    reader.pipe(app);
    app.on('data', (bytes) => {
      reader.write(held);
      held = bytes;
    });
    app.on('close', () => reader.end(held));
    reader.on('close', () => app.destroy());
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function startBox(name: string): (app: App) => Promise<Proxy> {
  const box = middleboxes.find((each) => each.name === name);
  if (box === undefined) throw new Error(`no middlebox ${name}`);
  return box.start;
}

let app: App;
beforeAll(async () => {
  app = await startApp({ STREAM_MAX_SECONDS: '10', HEARTBEAT_SECONDS: '60' });
});
afterAll(() => app[Symbol.asyncDispose]());

const filters: readonly (readonly [string, string, (app: App) => Promise<Proxy>])[] = [
  ['chunk', 'chunk', startBox('one-chunk-behind')],
  ['message', 'message', startBox('one-message-behind')],
  ['read', 'read', startOneReadBehind],
];

/** Three waits of this time are over before the handover, 7 to 9 s after the start. Nothing else is sent until then. */
const soonMs = 2_000;

describe.concurrent('behind a filter that is', () => {
  test.for(filters)(
    'one %s behind, a reader gets hello, each event and the handover at once',
    async ([, channel, start], { expect }) => {
      await using proxy = await start(app);
      using reader = await openSse(proxy, { query: `channel=${channel}` });
      await reader.frame('hello', soonMs);

      const isThere = (count: number) =>
        reader.frames.filter(({ event }) => event === 'message').length === count;
      for (const number of range(1, 2)) {
        await store(app, [number], { channel });
        await eventually(`event ${number} is there`, soonMs, () => isThere(number));
      }
      const handover = await reader.frame('handover');
      expect(await reader.over).toBe('ended');
      // The stream ends 600 ms after the handover. What is held back until then comes together with the end.
      expect(performance.now() - handover.at).toBeGreaterThan(100);
    },
  );
});
