import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { deadlineHeader, type InstanceMessage, type InstanceQuestion } from './instance-message.ts';

/*
 * The program of an instance: the wrapper that the platform puts around a function. It serves several requests at a
 * time, each with the context that `@vercel/functions` reads. Arguments: the entry file of the function, and its kind
 * (`node` or `web`).
 */

/** The platform's context of a request, in the shape that `@vercel/functions` reads. */
type RequestContext = {
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** Unix time, as ISO 8601. */
  readonly deadline?: string;
};

const [, , entry = '', kind = 'node'] = process.argv;
/** The platform would wait for the promise before it freezes the process. The app must not rely on that. */
const waitUntil = (promise: Promise<unknown>) => void promise.catch(() => undefined);

const contexts = new AsyncLocalStorage<RequestContext>();
Object.assign(globalThis, { [Symbol.for('@vercel/request-context')]: { get: () => contexts.getStore() } });
const exported = createRequire(entry)(entry);
// A function can load its modules at the start instead of at the first request, if the platform calls `preload`.
await exported.preload?.();
const handle = kind === 'web' ? handleWeb : exported;

/** Calls a middleware. It gets the request without its body, and its answer has no body. */
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

/** The number of open streams in this process, by the app's own count. */
function countStreams(): number {
  const runtime = Reflect.get(globalThis, Symbol.for('steadfeed'));
  return runtime?.streams.size ?? 0;
}

const send = (message: InstanceMessage) => void process.send?.(message);
process.on('message', ({ ask }: InstanceQuestion) => send({ answer: ask, streams: countStreams() }));
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => send({ port: (server.address() as AddressInfo).port }));
