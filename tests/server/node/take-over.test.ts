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

test('a response that was taken over sends its headers when the framework ends it, and goes on', async () => {
  const written: string[] = [];
  await using server = await serve(async (response) => {
    response.setHeader('content-type', 'text/event-stream; charset=utf-8');
    const connection = connectionOf(response);
    const write = (text: string) => {
      written.push(`${text} ${response.headersSent}`);
      writeChunk(connection, new TextEncoder().encode(text), nothing);
    };
    const end = takeOver(connection, () => write('first,'), nothing);
    await nextTurn();
    response.end();
    response.end('ignored');
    await nextTurn();
    write('second,');
    end();
  });
  const answer = await fetch(server.url);
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(await answer.text()).toBe('first,second,');
  expect(written).toEqual(['first, true', 'second, true']);
});

test('the first chunk goes out together with the headers', async () => {
  await using server = await serve((response) => {
    response.setHeader('content-type', 'text/event-stream');
    const connection = connectionOf(response);
    takeOver(connection, () => writeChunk(connection, new TextEncoder().encode('first'), nothing), nothing);
    response.end();
  });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const [packet] = await once(socket, 'data');
  expect(String(packet)).toMatch(/^HTTP\/1\.1 200[\s\S]*\r\n\r\n5\r\nfirst\r\n$/);
  socket.destroy();
});

test('a response of other code, in place of the one that was taken over, is sent as it is', async () => {
  const opened: string[] = [];
  await using server = await serve(async (response) => {
    const connection = connectionOf(response);
    const closed = new Promise<void>((resolve) => {
      takeOver(connection, () => opened.push('first'), resolve);
    });
    if (response.req.url === '/body') response.setHeader('content-type', 'text/event-stream');
    if (response.req.url === '/body') response.write('a body, ');
    else if (response.req.url === '/refused') response.statusCode = 401;
    response.end('and its end');
    await closed;
  });
  const [body, refused, other] = await Promise.all(
    ['body', 'refused', 'other'].map(async (path) => {
      const answer = await fetch(`${server.url}${path}`);
      return [answer.status, await answer.text()];
    }),
  );
  expect(body).toEqual([200, 'a body, and its end']);
  expect(refused).toEqual([401, 'and its end']);
  expect(other).toEqual([200, 'and its end']);
  expect(opened).toEqual([]);
});

test('an answer to HEAD stays without a body', async () => {
  const opened: string[] = [];
  await using server = await serve((response) => {
    response.setHeader('content-type', 'text/event-stream');
    takeOver(connectionOf(response), () => opened.push('first'), nothing);
    response.end();
  });
  const answer = await fetch(server.url, { method: 'HEAD' });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(opened).toEqual([]);
});

test.each([
  { set: undefined, sent: 'no-transform' },
  { set: 'no-store', sent: 'no-store, no-transform' },
  { set: 'no-cache, no-transform', sent: 'no-cache, no-transform' },
])(
  'a Cache-Control of $set is sent as $sent: compression would not see the chunks',
  async ({ set, sent }) => {
    await using server = await serve((response) => {
      response.setHeader('content-type', 'text/event-stream');
      if (set !== undefined) response.setHeader('cache-control', set);
      const end = takeOver(connectionOf(response), () => setImmediate(() => end()), nothing);
      response.end();
    });
    const answer = await fetch(server.url);
    expect(answer.headers.get('cache-control')).toBe(sent);
  },
);

test('a response whose reader has left gets no headers: the framework could not add its own to them', async () => {
  const sent = Promise.withResolvers<boolean>();
  await using server = await serve((response) => {
    const connection = connectionOf(response);
    const end = takeOver(connection, nothing, () => {
      end();
      sent.resolve(response.headersSent);
    });
    connection.socket.destroy();
  });
  await fetch(server.url).catch(nothing);
  expect(await sent.promise).toBe(false);
});

test('a reader that leaves in the turn of the taking over is noticed', async () => {
  const left = Promise.withResolvers<void>();
  await using server = await serve((response) => {
    response.setHeader('content-type', 'text/event-stream');
    const connection = connectionOf(response);
    takeOver(connection, nothing, left.resolve);
    response.end();
    connection.socket.destroy();
  });
  await fetch(server.url)
    .then((answer) => answer.text())
    .catch(nothing);
  await left.promise;
});

test('the connection serves the next request after a response that was taken over', async () => {
  await using server = await serve((response) => {
    response.setHeader('content-type', 'text/event-stream');
    const connection = connectionOf(response);
    const first = new TextEncoder().encode('first');
    const end = takeOver(connection, () => writeChunk(connection, first, nothing), nothing);
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
