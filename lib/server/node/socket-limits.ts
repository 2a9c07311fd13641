import { AsyncResource } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, serverClock } from '../../core/clock.ts';
import { closeLingering, lingerLimits } from './lingering-close.ts';
import type { OwnConnection } from './sockets.ts';

/*
 * What one connection may cost a process that owns its sockets. The framework creates the server, so the limits are set
 * when the first connection arrives. Node's own settings limit the time of a request and refuse upgrades. They cannot do
 * the rest:
 * - `maxRequestsPerSocket` counts all requests in a connection's life, not the ones that wait. 16 would close each healthy
 *   connection after 16 requests; with 1,000, one packet of 2,400 requests for the page still held the server for 40 s.
 * - `response.setTimeout` is one time for all. A slow reader needs four minutes for what the system holds already; a reader
 *   that takes nothing should not get them.
 * - `requestTimeout` limits the time of a body, not its bytes, and Node reads a body to its end even if nobody wants it.
 *
 * Call each of these functions once, before the first connection.
 */

/**
 * How long Node waits for a request, in ms: for its head, and for all of it. Node's defaults are one minute and five. It
 * checks every 30 s, and the framework's server does not let that be changed: a connection that sends no complete head
 * gets 408 and is closed within 50 s; one whose request is not complete, within 70 s.
 */
export const requestTimeouts = { headersTimeout: 20_000, requestTimeout: 40_000 } as const;

/** Closes connections that send nothing, or a byte now and then, after `requestTimeouts`. */
export function limitRequestTime(): void {
  setServerOptions(requestTimeouts);
}

/**
 * Answers a request that offers another protocol (`Upgrade: h2c`, as Java's HTTP client and `curl --http2` send) as if it
 * did not; a server may do that (RFC 9110, 7.8). Next listens for such requests and never answers the ones it does not
 * know: the client would wait for ever, on a socket without a time limit. Not for development: its pages reload that way.
 */
export function ignoreUpgrades(): void {
  setServerOptions({ shouldUpgradeCallback: () => false });
}

/** What Node answers to bytes that it cannot read as a request, by the code of its error; 400 to all others. */
const refusalsOfNode: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Answers bytes that Node cannot read as a request as Node does, but lets the client send the rest before it closes the
 * connection: a browser with too many cookies would see a reset, and not the 431.
 */
export function answerUnreadableRequests(clock: Clock = serverClock): void {
  const newestResponses = trackNewestResponses();
  onServer((server) => {
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const response = newestResponses.get(socket);
      const isAnswering = response !== undefined && !response.writableFinished;
      if (!socket.writable || (isAnswering && response.headersSent)) return socket.destroy();
      const status = refusalsOfNode[error.code ?? ''] ?? '400 Bad Request';
      socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
      // A client that was too slow has sent nothing that waits; an app that reads the body must see its end.
      if (isAnswering || error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return socket.destroy();
      closeLingering(socket, undefined, clock);
    });
  });
}

/** Records the newest response of each connection. */
function trackNewestResponses(): WeakMap<Socket, ServerResponse> {
  const newestResponses = new WeakMap<Socket, ServerResponse>();
  subscribe('http.server.request.start', (message) => {
    const { socket, response } = message as OwnConnection;
    newestResponses.set(socket, response);
  });
  return newestResponses;
}

/** The methods that Next hands on to a page or a route. */
const knownMethods: ReadonlySet<string | undefined> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
]);

/**
 * Lets the route answer a method that Next does not know, with 405 and its own `Allow`. Next answers 500 to TRACE, because
 * the Fetch standard forbids that method, and an empty 400 to the others. PUT stands for all of them: no route of the
 * template has it. An app whose own routes have it must leave TRACE to its proxy. A CONNECT never becomes a request; Node
 * would close its connection without an answer.
 */
export function refuseUnknownMethods(): void {
  const newestResponses = trackNewestResponses();
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { readonly request: IncomingMessage };
    if (!knownMethods.has(request.method)) request.method = 'PUT';
  });
  onServer((server) => {
    server.on('connect', (_request: IncomingMessage, socket: Socket) => {
      // The client would take this answer for the one to its earlier request.
      if (newestResponses.get(socket)?.writableFinished === false) return socket.destroy();
      socket.write('HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD, POST\r\nconnection: close\r\n\r\n');
      closeLingering(socket);
    });
  });
}

function setServerOptions(options: Readonly<Record<string, unknown>>): void {
  onServer((server) => Object.assign(server, options));
}

/** Calls `notice` with each connection of the process's HTTP servers, before its first byte. */
function onConnection(notice: (socket: Socket, server: Server) => void): void {
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { readonly socket: Socket & { readonly server?: unknown } };
    if (socket.server instanceof Server) notice(socket, socket.server);
  });
}

/** Calls `notice` with each HTTP server of the process, before the first byte of its first connection. */
function onServer(notice: (server: Server) => void): void {
  const known = new WeakSet<Server>();
  onConnection((_socket, server) => {
    if (known.has(server)) return;
    known.add(server);
    notice(server);
  });
}

/** What pipelined requests may cost. */
type PipelineLimits = {
  /** How many requests of one connection may be unanswered, the one that is being handled included. */
  readonly most: number;
  /** On a connection with more: how long the answer that was begun may take, in ms. A long poll takes 20 s. */
  readonly answerMs: number;
  /** How many dropped requests all connections of the process may keep: Node keeps 2.3 KB for each while it is open. */
  readonly dropped: number;
};

/** The limits that `limitPipelining` has by default. */
export const pipelineLimits: PipelineLimits = { most: 16, answerMs: 30_000, dropped: 20_000 };

/** The unanswered requests of one connection. */
type Pipeline = {
  /** The response that the framework works on, or has finished last. */
  begun: ServerResponse;
  /** The response to the newest request. */
  newest: ServerResponse;
  /** How many requests wait for the ones before them. */
  waiting: number;
  /** How many requests were dropped. While it is 0, the connection goes on. */
  dropped: number;
};

/**
 * Hands the requests of a connection to the framework one at a time. A connection with more than `most` that are unanswered
 * gets the answer that was begun, and is closed; the client sends the others again on a new one (RFC 9112, 9.3.2). Node
 * emits every request that arrived in one packet at once, a thousand or more, and the framework would work on each of them,
 * even after the client has gone.
 */
export function limitPipelining(limits: PipelineLimits = pipelineLimits, clock: Clock = serverClock): void {
  const pipelines = new WeakMap<Socket, Pipeline>();
  let droppedByAll = 0;

  /** Answers nothing that has not been begun, and closes the connection when that is done. */
  function close(socket: Socket, { begun }: Pipeline): void {
    if (!begun.headersSent) begun.setHeader('connection', 'close');
    const linger = () => closeLingering(socket, undefined, clock);
    // Node calls this after the last response of a connection.
    socket.destroySoon = linger;
    begun.once('close', linger);
    socket.once(
      'close',
      clock.after(limits.answerMs, () => socket.destroy()),
    );
  }

  function drop(socket: Socket, pipeline: Pipeline): void {
    if (pipeline.dropped === 0) {
      close(socket, pipeline);
      socket.once('close', () => {
        droppedByAll -= pipeline.dropped;
      });
    }
    pipeline.dropped += 1;
    droppedByAll += 1;
    if (droppedByAll > limits.dropped) socket.destroy();
    // What arrives from now on waits in the system. Later, because Node reads on at the end of each request.
    queueMicrotask(() => {
      if (!pipeline.begun.closed) socket.pause();
    });
  }

  onServer((server) => {
    const handlers = server.listeners('request');
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const { socket } = request;
      const known = pipelines.get(socket);
      const pipeline = known ?? { begun: response, newest: response, waiting: 0, dropped: 0 };
      pipelines.set(socket, pipeline);
      const before = pipeline.newest;
      pipeline.newest = response;
      const begin = () => {
        pipeline.begun = response;
        for (const handler of handlers) handler.call(server, request, response);
      };
      if (socket.destroyed) return;
      if (pipeline.dropped > 0) return drop(socket, pipeline);
      if (known === undefined || before.writableFinished) return begin();
      // The request that is being handled counts too.
      if (pipeline.waiting + 1 >= limits.most) return drop(socket, pipeline);
      pipeline.waiting += 1;
      const takeTurn = () => {
        pipeline.waiting -= 1;
        if (!socket.destroyed && pipeline.dropped === 0) begin();
      };
      // Bound, so that it runs in the context of its own request, not in that of the request before it.
      before.once('close', AsyncResource.bind(takeTurn));
    });
  });
}

/** When a connection counts as stalled: its reader takes none of what waits for it. */
type StallLimits = {
  /** How long the reader may take nothing, in ms. */
  readonly stallMs: number;
  /**
   * The reader gets extra time for what waits, at this rate in bytes a second: Node reports a write only when the system
   * has taken all of it. 8,000 is 64 kbit a second, as a phone on a very slow network has; web servers that serve large
   * files ask for as much.
   */
  readonly bytesPerSecond: number;
  /**
   * How many bytes that the system has taken may still wait there, as far as this process can see. Linux holds up to
   * 4 MiB and takes more only when a third is free, so a slow reader can be busy with this much and nothing shows.
   */
  readonly systemBytes: number;
};

/** The limits that `closeStalledConnections` has by default. */
export const stallLimits: StallLimits = {
  stallMs: 30_000,
  bytesPerSecond: 8_000,
  systemBytes: 1_500_000,
};

/** How often the connections are checked. */
const stallCheckMs = 5_000;

/** A connection on which something waits: how much its reader had taken when it last took something, and when that was. */
type Progress = { readonly takenBytes: number; readonly at: number };

/** Closes connections whose reader leaves its responses. Nothing is lost: a reader comes back with its cursor. */
export function closeStalledConnections(limits: StallLimits = stallLimits, clock: Clock = serverClock): void {
  const sockets = new Set<Socket>();
  const progresses = new Map<Socket, Progress>();

  function check(): void {
    for (const socket of sockets) if (isStalled(socket)) socket.destroy();
    if (sockets.size > 0) clock.after(stallCheckMs, check);
  }

  function isStalled(socket: Socket): boolean {
    const waitingBytes = socket.writableLength;
    const takenBytes = socket.bytesWritten - waitingBytes;
    const progress = progresses.get(socket);
    if (waitingBytes === 0) {
      progresses.delete(socket);
      return false;
    }
    if (progress === undefined || takenBytes > progress.takenBytes) {
      progresses.set(socket, { takenBytes, at: clock.elapsed() });
      return false;
    }
    const unseenBytes = waitingBytes + Math.min(takenBytes, limits.systemBytes);
    const allowedMs = limits.stallMs + (unseenBytes / limits.bytesPerSecond) * 1_000;
    return clock.elapsed() - progress.at > allowedMs;
  }

  // One function for all connections: a process can hold thousands of them.
  function forget(this: Socket): void {
    sockets.delete(this);
    progresses.delete(this);
  }

  onConnection((socket) => {
    if (sockets.size === 0) clock.after(stallCheckMs, check);
    sockets.add(socket);
    socket.on('close', forget);
  });
}

/** What the body of one request may cost. */
type BodyLimits = {
  /** Most bytes of a connection for one request. Twice what publishing drains of a body that is too large. */
  readonly maxBytes: number;
  /**
   * How long the rest of a body may still arrive once the request has been answered, in ms. A client that sends everything
   * before it reads would never see a response whose connection is closed at once.
   */
  readonly afterResponseMs: number;
};

/** The limits that `limitBodies` has by default. */
export const bodyLimits: BodyLimits = { maxBytes: lingerLimits.maxBytes, afterResponseMs: lingerLimits.ms };

/** How often the bodies that are arriving are checked. */
const bodyCheckMs = 100;

type ArrivingBody = OwnConnection & {
  readonly request: IncomingMessage;
  /** Bytes that the connection had received before this body. */
  readonly bytesBefore: number;
  respondedAt: number | null;
};

/** Closes connections whose request is larger or slower than `limits`, also if the app has refused or ignored it. */
export function limitBodies(limits: BodyLimits = bodyLimits, clock: Clock = serverClock): void {
  const arriving = new Set<ArrivingBody>();
  const newest = new WeakMap<Socket, IncomingMessage>();

  /** Lets the end of a connection wait for the rest of its last body. Once for each: a connection has many requests. */
  function lingerAfterLast(socket: Socket): void {
    const closeNow = socket.destroySoon;
    // Node calls this after the last response of a connection.
    socket.destroySoon = () => {
      if (newest.get(socket)?.complete) closeNow.call(socket);
      else closeLingering(socket, { maxBytes: limits.maxBytes, ms: limits.afterResponseMs }, clock);
    };
  }

  function check(): void {
    for (const body of arriving) {
      if (isTooMuch(body)) body.socket.destroy();
      if (body.request.complete || body.socket.destroyed) arriving.delete(body);
    }
    if (arriving.size > 0) clock.after(bodyCheckMs, check);
  }

  function isTooMuch(body: ArrivingBody): boolean {
    if (body.request.complete) return false;
    if (body.socket.bytesRead - body.bytesBefore > limits.maxBytes) return true;
    if (!body.response.writableEnded) return false;
    body.respondedAt ??= clock.elapsed();
    return clock.elapsed() - body.respondedAt >= limits.afterResponseMs;
  }

  subscribe('http.server.request.start', (message) => {
    const { request, response, socket } = message as OwnConnection & { readonly request: IncomingMessage };
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (length === '0' && coding === undefined) return;
    if (arriving.size === 0) clock.after(bodyCheckMs, check);
    if (!newest.has(socket)) lingerAfterLast(socket);
    newest.set(socket, request);
    arriving.add({ request, response, socket, bytesBefore: socket.bytesRead, respondedAt: null });
  });
}
