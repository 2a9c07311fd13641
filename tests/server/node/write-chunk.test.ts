import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type OwnConnection, writeChunk } from '../../../lib/server/node/sockets.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';

const bytes = (words: string) => new TextEncoder().encode(words);
const nothing = () => {};

/** A server that writes the headers and `first,` in the usual way; `answer` writes the rest. */
async function serve(answer: (connection: OwnConnection) => void) {
  const server = createServer((request, response: ServerResponse) => {
    response.write('first,');
    answer({ socket: request.socket, response });
  });
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

test('what is written past the framework arrives after what the framework wrote, and before its end', async () => {
  await using server = await serve((connection) => {
    for (const words of ['zwölf,', 'zwölf,', '', 'x'.repeat(70_000)].filter(Boolean)) {
      writeChunk(connection, bytes(words), nothing);
    }
    connection.response.end(',last');
  });
  const answer = await fetch(server.url);
  expect(await answer.text()).toBe(`first,zwölf,zwölf,${'x'.repeat(70_000)},last`);
});

test('the same chunk can go to many readers', async () => {
  const chunk = bytes('shared');
  await using server = await serve((connection) => {
    writeChunk(connection, chunk, nothing);
    connection.response.end();
  });
  const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(server.url)));
  for (const answer of answers) expect(await answer.text()).toBe('first,shared');
});

test('the connection serves the next request', async () => {
  await using server = await serve((connection) => {
    writeChunk(connection, bytes('rest'), nothing);
    connection.response.end();
  });
  const socket = connect(server.port, '127.0.0.1');
  const request = (more: string) => `GET / HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;
  socket.write(request(''));
  await once(socket, 'data');
  socket.write(request('connection: close\r\n'));
  expect(await text(socket)).toMatch(/HTTP\/1\.1 200[\s\S]*6\r\nfirst,\r\n4\r\nrest\r\n0\r\n\r\n$/);
});

test('an HTTP/1.0 reader gets the body without chunk framing', async () => {
  await using server = await serve((connection) => {
    writeChunk(connection, bytes('rest'), nothing);
    connection.response.end();
  });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  expect(await text(socket)).toMatch(/\r\n\r\nfirst,rest$/);
});

test('writeChunk reports that a reader takes no more, and again when it does', async () => {
  const full = Promise.withResolvers<Promise<void>>();
  await using server = await serve((connection) => {
    const drained = Promise.withResolvers<void>();
    const chunk = new Uint8Array(256 * 1_024);
    for (let most = 0; most < 200 && writeChunk(connection, chunk, drained.resolve); most += 1);
    full.resolve(drained.promise);
  });
  const socket = connect(server.port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const drained = await full.promise;
  socket.resume();
  await drained;
  socket.destroy();
});

test('nothing is written to a reader that has left', async () => {
  const gone = Promise.withResolvers<boolean>();
  await using server = await serve((connection) => {
    connection.socket.destroy();
    gone.resolve(writeChunk(connection, bytes('rest'), nothing));
  });
  await fetch(server.url)
    .then((answer) => answer.text())
    .catch(nothing);
  expect(await gone.promise).toBe(false);
});
