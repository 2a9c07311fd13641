import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/*
 * Where the process owns its sockets, a request's own socket can be closed under a reader that has stopped reading:
 * neither `close()` nor `error()` of the response's stream does it, because Next's pump waits for the socket to drain.
 * And it can be written to without that pump, which costs as much as the write itself.
 * Node tells of each request ahead of its handler, in the same turn; the socket travels with the asynchronous context.
 * Next listens before it calls `register`: requests that come in between, for some tenths of a second, are not known.
 */

/** A request's own connection. */
export type OwnConnection = { readonly socket: Socket; readonly response: ServerResponse };

const key = Symbol.for('steadfeed.sockets');

type Holder = { [key]?: AsyncLocalStorage<OwnConnection> };

/** On `globalThis`, because instrumentation and routes are separate instances of this module. */
function storage(): AsyncLocalStorage<OwnConnection> {
  const holder = globalThis as Holder;
  holder[key] ??= new AsyncLocalStorage();
  return holder[key];
}

/** Servers that have taken a request. */
const servers = new Set<Server>();

/** Begins to notice which request came on which socket. Call once, ahead of the first request. */
export function watchSockets(): void {
  subscribe('http.server.request.start', (message) => {
    const { socket, response, server } = message as OwnConnection & { readonly server: Server };
    storage().enterWith({ socket, response });
    servers.add(server);
  });
}

/**
 * Answers a request that offers another protocol (`Upgrade: h2c`, as Java's HTTP client and `curl --http2` do) as if it
 * had not: the server is free to (RFC 9110, 7.8). Next listens for such requests and answers none that it does not know;
 * its client would wait for ever, on a socket without any time limit. Not in development, whose pages reload that way.
 */
export function keepProtocol(): void {
  setServers({ shouldUpgradeCallback: () => false });
}

/**
 * How long Node waits for a request, from its first byte or from the beginning of the connection; the default is a
 * minute for the head, five for all. It looks every 30 s: a connection that is too slow is told 408 and closed within
 * 50 s of its beginning when it sends no head, and within 70 s whatever it sends.
 */
export const requestPatience = { headersTimeout: 20_000, requestTimeout: 40_000 } as const;

/** Ends connections that send nothing, or a byte now and then, by `requestPatience`. */
export function boundRequests(): void {
  setServers(requestPatience);
}

/** Sets properties of every server of the process. */
function setServers(properties: Readonly<Record<string, unknown>>): void {
  onConnection((_socket, server) => Object.assign(server, properties));
}

/** Calls `notice` with each connection of the process's HTTP servers, ahead of its first byte. */
export function onConnection(notice: (socket: Socket, server: Server) => void): void {
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { readonly socket: Socket & { readonly server?: unknown } };
    if (socket.server instanceof Server) notice(socket, socket.server);
  });
}

/**
 * Closes connections that wait for their next request. A server that stops closes those that wait at that moment
 * only; one that was answered later would keep the process for as long as its client likes.
 */
export function closeIdleConnections(): void {
  for (const server of servers) server.closeIdleConnections();
}

/** The connection of the request that is being handled; null where it is not the process's own. */
export function currentConnection(): OwnConnection | null {
  return storage().getStore() ?? null;
}
