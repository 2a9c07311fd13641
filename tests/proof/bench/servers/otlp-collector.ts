import { createServer } from 'node:http';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { obeyOrders } from '../worker.ts';

/* A receiver of OTLP over HTTP, in a process of its own. It takes everything and counts the requests for each path. */

const requests: Record<string, number> = {};
const server = createServer((request, response) => {
  const path = request.url ?? '';
  requests[path] = (requests[path] ?? 0) + 1;
  request.resume().on('end', () => response.writeHead(200).end());
});
const port = await listenOnFreePort(server);

/** What the receiver has got so far. */
export type Collected = { readonly url: string; readonly requests: Readonly<Record<string, number>> };

obeyOrders<{ readonly kind: 'count' }, Collected>(async () => ({
  url: `http://127.0.0.1:${port}`,
  requests,
}));
