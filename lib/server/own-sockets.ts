import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/*
 * Where the process owns its sockets, a request's own socket can be closed under a reader that has stopped reading:
 * neither `close()` nor `error()` of the response's stream does it, because Next's pump waits for the socket to drain.
 * Node tells of each request ahead of its handler, in the same turn; the socket travels with the asynchronous context.
 */

const key = Symbol.for('steadfeed.sockets');

type Holder = { [key]?: AsyncLocalStorage<Socket> };

/** On `globalThis`, because instrumentation and routes are separate instances of this module. */
function storage(): AsyncLocalStorage<Socket> {
  const holder = globalThis as Holder;
  holder[key] ??= new AsyncLocalStorage();
  return holder[key];
}

/** Begins to notice which request came on which socket. Call once, ahead of the first request. */
export function watchSockets(): void {
  subscribe('http.server.request.start', (message) => {
    const { socket } = message as { readonly socket: Socket };
    storage().enterWith(socket);
  });
}

/** The socket of the request that is being handled; null where it is not the process's own. */
export function currentSocket(): Socket | null {
  return storage().getStore() ?? null;
}
