import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { deadlineHeader, type InstanceMessage, type InstanceQuestion } from './instance-message.ts';

/*
 * The program of an instance: what the platform wraps around a function. It takes requests, several at a time, and
 * offers each the context that `@vercel/functions` looks for. Its arguments are the function's entry and, where it takes
 * and gives those of the web, `web`.
 */

/** What the platform tells of a request, in the shape that `@vercel/functions` reads. */
type RequestContext = {
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** Unix time, as ISO 8601. */
  readonly deadline?: string;
};

const [, , entry = '', kind = 'node'] = process.argv;
/** The platform would let it come to its end before it freezes the process; the app must not count on it. */
const waitUntil = (promise: Promise<unknown>) => void promise.catch(() => undefined);

const contexts = new AsyncLocalStorage<RequestContext>();
Object.assign(globalThis, { [Symbol.for('@vercel/request-context')]: { get: () => contexts.getStore() } });
const exported = createRequire(entry)(entry);
// What a function loads at its first request it can load as it comes up, where the platform asks for that.
await exported.preload?.();
const handle = kind === 'web' ? handleWeb : exported;

/** For a middleware, which is asked about a request without its body, and answers none. */
async function handleWeb({ method = 'GET', url, headers }: IncomingMessage, response: ServerResponse) {
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const asked = new Request(`http://${headers.host}${url}`, { method, headers: given });
  const answer: Response = await exported(asked);
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end();
}

const server = createServer((request, response) => {
  const deadline = request.headers[deadlineHeader];
  delete request.headers[deadlineHeader];
  const context = typeof deadline === 'string' ? { waitUntil, deadline } : { waitUntil };
  contexts.run(context, () => handle(request, response));
});

/** Streams that the app holds in this process, by its own count. */
function countStreams(): number {
  const runtime = Reflect.get(globalThis, Symbol.for('steadfeed'));
  return runtime?.streams.size ?? 0;
}

const tell = (message: InstanceMessage) => void process.send?.(message);
process.on('message', ({ ask }: InstanceQuestion) => tell({ answer: ask, streams: countStreams() }));
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));
