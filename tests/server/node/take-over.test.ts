import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeOver, trackConnections, writeChunk } from '../../../lib/server/node/sockets.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';

trackConnections();

/** A server whose handler plays the framework: it gets each response. */
async function serve(handle: (response: ServerResponse) => void) {
  const server = createServer((_request, response) => handle(response));
  const port = await listenOnFreePort(server);
  return {
    port,
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

test('a response that was taken over looks finished to the framework in this turn, and goes on', async () => {
  const looks: boolean[] = [];
  await using server = await serve(async (response) => {
    response.write('first,');
    const end = takeOver(connectionOf(response), nothing);
    looks.push(response.writableFinished);
    response.end();
    await nextTurn();
    looks.push(response.writableFinished);
    writeChunk(connectionOf(response), new TextEncoder().encode('second,'), nothing);
    response.end('ignored');
    await nextTurn();
    end();
  });
  expect(await (await fetch(server.url)).text()).toBe('first,second,');
  expect(looks).toEqual([true, false]);
});

test('a reader that leaves in the turn of the taking over is noticed', async () => {
  const left = Promise.withResolvers<void>();
  await using server = await serve((response) => {
    response.write('first');
    const connection = connectionOf(response);
    takeOver(connection, left.resolve);
    connection.socket.destroy();
  });
  await fetch(server.url)
    .then((answer) => answer.text())
    .catch(nothing);
  await left.promise;
});

test('the connection serves the next request after a response that was taken over', async () => {
  await using server = await serve((response) => {
    response.write('first');
    const end = takeOver(connectionOf(response), nothing);
    response.end();
    setImmediate(end);
  });
  const socket = connect(server.port, '127.0.0.1');
  const request = (more: string) => `GET / HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;
  socket.write(request(''));
  await once(socket, 'data');
  socket.write(request('connection: close\r\n'));
  expect(await text(socket)).toMatch(/HTTP\/1\.1 200[\s\S]*5\r\nfirst\r\n0\r\n\r\n$/);
});

function nothing(): void {}

function connectionOf(response: ServerResponse) {
  const { socket } = response;
  if (socket === null) throw new Error('the response has no connection');
  return { response, socket };
}
