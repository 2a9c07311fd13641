import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { trackConnections } from '../../../lib/server/node/sockets.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';

trackConnections();

/** A server whose handler plays the framework: it gets each response. */
async function serve(handle: (response: ServerResponse) => void) {
  const server = createServer((_request, response) => handle(response));
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('headers that are flushed wait for the body of the same turn', async () => {
  const waiting: number[] = [];
  await using server = await serve((response) => {
    response.flushHeaders();
    waiting.push(response.socket?.writableLength ?? 0);
    response.write('body');
    process.nextTick(() => waiting.push(response.socket?.writableLength ?? 0));
    process.nextTick(() => response.end());
  });
  expect(await (await fetch(server.url)).text()).toBe('body');
  expect(waiting).toEqual([expect.any(Number), 0]);
  expect(waiting[0]).toBeGreaterThan(0);
});

test('headers that are flushed without a body are sent at the end of the turn', async () => {
  const open = Promise.withResolvers<ServerResponse>();
  await using server = await serve((response) => {
    response.flushHeaders();
    open.resolve(response);
  });
  const answer = await fetch(server.url);
  expect(answer.status).toBe(200);
  (await open.promise).end('late');
  expect(await answer.text()).toBe('late');
});
