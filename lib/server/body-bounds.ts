import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { OwnConnection } from './own-sockets.ts';
import { systemClock } from './system-clock.ts';

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

const bodyBounds: BodyBounds = { maxBytes: 16 * 1024 * 1024, afterAnswerMs: 10_000 };

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
export function boundBodies(bounds: BodyBounds = bodyBounds, clock: Clock = systemClock): void {
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
