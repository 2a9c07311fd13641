import { AsyncResource } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, serverClock } from '../../core/clock.ts';
import { type OwnConnection, onConnection } from './sockets.ts';

/** What answers may cost that their reader does not take. */
export type AnswerBounds = {
  /** How long a connection may stand still on which something waits for its reader, in ms. */
  readonly patienceMs: number;
  /**
   * And longer by what waits at this rate: a piece that was handed to the system is not seen until all of it is taken.
   * 64 kbit a second, which a phone on the slowest of networks has; as web servers ask for who serve large files.
   */
  readonly bytesPerSecond: number;
  /**
   * So much of what a connection has taken may still lie with the system, which takes no more ahead of it: of its own
   * 4 MiB, Linux asks for more when a third is free. A slow reader takes that long, and nothing is seen of it.
   */
  readonly systemBytes: number;
  /** Most requests of a connection that are not answered yet. They are handed on one at a time. */
  readonly maxPipelined: number;
};

/** What `boundAnswers` keeps to. */
export const answerBounds: AnswerBounds = {
  patienceMs: 30_000,
  bytesPerSecond: 8_000,
  systemBytes: 1_500_000,
  maxPipelined: 16,
};

/** How often the connections are looked at. */
const answerCheckMs = 5_000;

/** A connection on which something waits: what its reader had taken when it was last seen to take some, and when that was. */
type Standstill = { readonly taken: number; readonly since: number };

/**
 * Closes connections whose reader leaves its answers lying, and works on the requests of a connection one at a time.
 * Nothing is lost by it: a reader that was closed comes back with its cursor. For a process that owns its sockets; call
 * once, ahead of the first connection.
 */
export function boundAnswers(bounds: AnswerBounds = answerBounds, clock: Clock = serverClock): void {
  const sockets = new Set<Socket>();
  const standstills = new Map<Socket, Standstill>();
  const servers = new WeakSet<Server>();
  /** The answer to the last request of each connection; and how many wait behind others, where any do. */
  const lastAnswers = new WeakMap<Socket, ServerResponse>();
  const waiting = new WeakMap<Socket, number>();

  function look(): void {
    for (const socket of sockets) if (isLeft(socket)) socket.destroy();
    if (sockets.size > 0) clock.after(answerCheckMs, look);
  }

  function isLeft(socket: Socket): boolean {
    const untaken = socket.writableLength;
    const taken = socket.bytesWritten - untaken;
    const seen = standstills.get(socket);
    if (untaken === 0) standstills.delete(socket);
    else if (seen === undefined || taken > seen.taken) {
      standstills.set(socket, { taken, since: clock.elapsed() });
    } else {
      const lying = untaken + Math.min(taken, bounds.systemBytes);
      return clock.elapsed() - seen.since > bounds.patienceMs + (lying / bounds.bytesPerSecond) * 1_000;
    }
    return false;
  }

  // One for all connections: of thousands that wait each holds what it costs.
  function forget(this: Socket): void {
    sockets.delete(this);
    standstills.delete(this);
  }

  /**
   * Hands a request on when all ahead of it on its connection are answered, and not at all when that was closed. Node
   * hands on all that came in one piece, a thousand and more, and the framework would work on each, heard or not.
   */
  function answerInTurn(server: Server): void {
    if (servers.has(server)) return;
    servers.add(server);
    const handlers = server.listeners('request');
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      const handOn = () => {
        for (const handler of handlers) handler.call(server, request, response);
      };
      const { socket } = request;
      const ahead = lastAnswers.get(socket);
      lastAnswers.set(socket, response);
      if (ahead === undefined || ahead.writableFinished) return handOn();
      const behind = (waiting.get(socket) ?? 0) + 1;
      waiting.set(socket, behind);
      // The one that is worked on counts too.
      if (behind >= bounds.maxPipelined) socket.destroy();
      const takeTurn = () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
        if (!socket.destroyed) handOn();
      };
      // Bound: it runs in the context of its own request, not of the one ahead of it.
      ahead.once('close', AsyncResource.bind(takeTurn));
    });
  }

  onConnection((socket, server) => {
    answerInTurn(server);
    if (sockets.size === 0) clock.after(answerCheckMs, look);
    sockets.add(socket);
    socket.on('close', forget);
  });
}

/** What a request's body may cost, whoever asked for what. */
export type BodyBounds = {
  /** Most bytes of a connection that one request may take. Twice what publishing drains of a body that is too large. */
  readonly maxBytes: number;
  /**
   * How long the rest of a body may still come when the request has been answered: a client that sends all before it
   * reads would not hear an answer whose connection is closed at once.
   */
  readonly afterAnswerMs: number;
};

/** What `boundBodies` keeps to. */
export const bodyBounds: BodyBounds = { maxBytes: 16 * 1024 * 1024, afterAnswerMs: 10_000 };

/** How often the bodies that are coming are looked at. */
const bodyCheckMs = 100;

type Coming = OwnConnection & {
  readonly request: IncomingMessage;
  /** Bytes of the connection up to this request. */
  readonly before: number;
  answeredAt: number | null;
};

/**
 * Closes connections whose request costs more than that: Node reads a body to its end, however long, also when it was
 * refused or when nothing of the app wants it. For a process that owns its sockets; call once.
 */
export function boundBodies(bounds: BodyBounds = bodyBounds, clock: Clock = serverClock): void {
  const coming = new Set<Coming>();

  function look(): void {
    for (const body of coming) {
      if (isTooMuch(body)) body.socket.destroy();
      if (body.request.complete || body.socket.destroyed) coming.delete(body);
    }
    if (coming.size > 0) clock.after(bodyCheckMs, look);
  }

  function isTooMuch(body: Coming): boolean {
    if (body.request.complete) return false;
    if (body.socket.bytesRead - body.before > bounds.maxBytes) return true;
    if (!body.response.writableEnded) return false;
    body.answeredAt ??= clock.elapsed();
    return clock.elapsed() - body.answeredAt >= bounds.afterAnswerMs;
  }

  subscribe('http.server.request.start', (message) => {
    const { request, response, socket } = message as OwnConnection & { readonly request: IncomingMessage };
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (length === '0' && coding === undefined) return;
    if (coming.size === 0) clock.after(bodyCheckMs, look);
    coming.add({ request, response, socket, before: socket.bytesRead, answeredAt: null });
  });
}
