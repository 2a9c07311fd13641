import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/**
 * A proxy between a browser and the app that misbehaves when a test asks for it. It ends with its scope (`await
 * using`).
 */
export type MeddlingProxy = AsyncDisposable & {
  readonly url: string;
  /** Turns buffering on or off: it then sends a stream only after its end, as some corporate proxies do. */
  buffer(isOn: boolean): void;
  /** Destroys every connection. */
  cutAll(): void;
};

/** Starts a proxy in front of `target`, an origin. */
export async function startMeddlingProxy(target: string): Promise<MeddlingProxy> {
  const sockets = new Set<Socket>();
  let isBuffering = false;

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, headers, url } = incoming;
    const upstream = ask(`${target}${url}`, { method, headers, agent: false }, (answer) => {
      const isStream = answer.headers['content-type']?.startsWith('text/event-stream') ?? false;
      if (isStream && isBuffering) return sendAtEnd(answer, outgoing);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      upstream.destroy();
    });
    incoming.pipe(upstream);
  }

  function sendAtEnd(answer: IncomingMessage, outgoing: ServerResponse): void {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.end(Buffer.concat(chunks));
    });
    answer.on('error', () => outgoing.destroy());
  }

  const server = createServer(forward);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listenOnFreePort(server);
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    url: `http://127.0.0.1:${port}`,
    buffer: (isOn) => {
      isBuffering = isOn;
    },
    cutAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cutAll();
      await closed;
    },
  };
}
