import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { deadlineHeader, type InstanceMessage, type InstanceQuestion } from './instance-message.ts';

/*
 * The program of an instance: what the platform wraps around a function. It takes requests, several at a time, and
 * offers each the context that `@vercel/functions` looks for. Its argument is the function's entry.
 */

/** What the platform tells of a request, in the shape that `@vercel/functions` reads. */
type RequestContext = {
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** Unix time, as ISO 8601. */
  readonly deadline?: string;
};

const [, , entry = ''] = process.argv;
/** The platform would let it come to its end before it freezes the process; the app must not count on it. */
const waitUntil = (promise: Promise<unknown>) => void promise.catch(() => undefined);

const contexts = new AsyncLocalStorage<RequestContext>();
Object.assign(globalThis, { [Symbol.for('@vercel/request-context')]: { get: () => contexts.getStore() } });
const handle = createRequire(entry)(entry);
// What a function loads at its first request it can load as it comes up, where the platform asks for that.
await handle.preload?.();

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
