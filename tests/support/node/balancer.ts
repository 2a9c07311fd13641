import { createServer, request as forward } from 'node:http';
import { listenOnFreePort } from '../listen-on-free-port.ts';

/** A balancer. It ends with its scope (`await using`). */
export type Balancer = AsyncDisposable & { readonly url: string };

/** Starts a balancer that sends each request to the next of the apps, and passes streams on as they come. */
export async function startBalancer(apps: readonly { readonly port: number }[]): Promise<Balancer> {
  let turn = 0;
  const server = createServer((request, response) => {
    const port = apps[turn % apps.length]?.port;
    turn += 1;
    const { method, headers, url } = request;
    const passed = forward({ host: '127.0.0.1', port, method, headers, path: url }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
