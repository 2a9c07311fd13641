import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/** A proxy whose first requests fail. It ends with its scope (`await using`). */
export type LosingProxy = AsyncDisposable & {
  readonly url: string;
  /** The number of requests so far. */
  requests(): number;
};

/**
 * Starts a proxy in front of `target`. It closes the connection of the first request before it passes it on. It passes the
 * second one on, and loses the answer. It answers the third one 503, with `Retry-After: 1`. It passes on all others.
 */
export async function startLosingProxy(target: { readonly url: string }): Promise<LosingProxy> {
  let requests = 0;
  const server = createServer(async (request, response) => {
    requests += 1;
    const number = requests;
    if (number === 1) return void request.socket.destroy();
    if (number === 3) return void response.writeHead(503, { 'retry-after': '1' }).end();
    const { method = 'GET', headers, url = '/' } = request;
    const kept = ['authorization', 'content-type', 'idempotency-key'].flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    const body = await text(request);
    const answer = await fetch(target.url + url, {
      method,
      headers: Object.fromEntries(kept),
      ...(body === '' ? {} : { body }),
    });
    const answered = await answer.text();
    if (number === 2) return void request.socket.destroy();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(answered);
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  return {
    url,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
