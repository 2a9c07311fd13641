import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/*
 * The connection of the request that is being handled, for a process that owns its sockets. A stream needs it twice:
 * - to close the socket when the reader has stopped reading. Neither `close()` nor `error()` of the response's stream
 *   does that, because Next's pump waits for the socket to drain;
 * - to write to the socket without that pump, which costs as much as the write itself, and holds the request.
 *
 * Node reports each request before it calls the handler, in the same turn, and the connection travels with the
 * asynchronous context. Next listens before it calls `register`: the connections of requests in between, for a few tenths
 * of a second, stay unknown.
 */

/** The connection of one request, and the response that Node writes on it. */
export type OwnConnection = { readonly socket: Socket; readonly response: ServerResponse };

/** Starts to record the connection of each request. Call it once, before the first request. */
export function trackConnections(): void {
  subscribe('http.server.request.start', (message) => {
    const { socket, response, server } = message as OwnConnection & { readonly server: Server };
    storage().enterWith({ socket, response });
    servers.add(server);
    response.flushHeaders = flushHeadersWithBody;
  });
}

/**
 * Sends the headers together with the body that follows in the same turn. Next flushes them before it writes the first chunk:
 * that would be two system calls and two packets for each response.
 */
function flushHeadersWithBody(this: ServerResponse): void {
  const { socket } = this;
  socket?.cork();
  ServerResponse.prototype.flushHeaders.call(this);
  process.nextTick(() => socket?.uncork());
}

/** The connection of the request that is being handled; null if this process does not own it. */
export function currentConnection(): OwnConnection | null {
  return storage().getStore() ?? null;
}

/**
 * Writes a chunk of the response straight to its connection. The headers must have been sent.
 * @param onDrain called once the connection takes more, if it does not now; never called once the connection is closed.
 * @returns whether the connection takes more now.
 */
export function writeChunk(
  { response, socket }: OwnConnection,
  chunk: Uint8Array,
  onDrain: () => void,
): boolean {
  // The reader has gone; its request's end will reach the caller in a moment.
  if (socket.destroyed || response.writableEnded) return false;
  // HTTP/1.0 has no chunks: the body ends with the connection.
  const bytes = response.chunkedEncoding ? withChunkFraming(chunk) : chunk;
  if (socket.write(bytes)) return true;
  socket.once('drain', onDrain);
  return false;
}

/**
 * Takes a response over from the framework, which is about to send it without a body. When the framework ends the
 * response, only the headers go out. The framework frees what it holds for the request, and the response goes on.
 * @param onOpen called once the caller may write chunks. Never called if the framework sends another response instead.
 * @param onClose called when the response is over, also if its reader has left.
 * @returns ends the response.
 */
export function takeOver(
  { response, socket }: OwnConnection,
  onOpen: () => void,
  onClose: () => void,
): () => void {
  const { end } = response;
  const giveBack = () => {
    response.end = end;
    return response;
  };
  response.once('close', onClose);
  response.end = ((...rest: []) => {
    if (!isStream(response)) return giveBack().end(...rest);
    forbidTransform(response);
    response.end = ignored;
    response.flushHeaders();
    onOpen();
    return response;
  }) as ServerResponse['end'];
  const ignored: ServerResponse['end'] = () => response;
  return () => {
    giveBack();
    // Headers that nobody gets would only make the framework fail, if it has not set its own yet.
    if (!socket.destroyed) response.end();
  };
}

/** Whether a response that is about to be ended is the stream. Code around the route may have sent one of its own. */
function isStream(response: ServerResponse): boolean {
  if (response.headersSent || response.statusCode !== 200 || response.req.method === 'HEAD') return false;
  return String(response.getHeader('content-type')).startsWith('text/event-stream');
}

/** Keeps the framework from compressing a body that it does not see. A rule of `next.config.mjs` may have replaced the header. */
function forbidTransform(response: ServerResponse): void {
  const value = response.getHeader('cache-control');
  if (/no-transform/i.test(String(value))) return;
  response.setHeader('cache-control', value === undefined ? 'no-transform' : `${value}, no-transform`);
}

/**
 * Closes connections that wait for their next request. A server that stops closes the ones that wait at that moment; a
 * connection whose response ends later would keep the process alive for as long as its client likes.
 */
export function closeIdleConnections(): void {
  for (const server of servers) server.closeIdleConnections();
}

/** The servers that have received a request. */
const servers = new Set<Server>();

const key = Symbol.for('steadfeed.sockets');

type Holder = { [key]?: AsyncLocalStorage<OwnConnection> };

/** On `globalThis`, because instrumentation and routes are separate instances of this module. */
function storage(): AsyncLocalStorage<OwnConnection> {
  const holder = globalThis as Holder;
  holder[key] ??= new AsyncLocalStorage();
  return holder[key];
}

const lineEnd = Buffer.from('\r\n');

/** The newest chunk with its framing: streams at the same cursor write the same chunk, one after the other. */
let newest: { readonly chunk: Uint8Array; readonly framed: Buffer } | null = null;

/** A chunk of the chunked transfer coding (RFC 9112, 7.1), in one piece: Node would write it in three. */
function withChunkFraming(chunk: Uint8Array): Buffer {
  if (newest?.chunk !== chunk) {
    const size = Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1');
    newest = { chunk, framed: Buffer.concat([size, chunk, lineEnd]) };
  }
  return newest.framed;
}
