import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import { deadlineHeader } from './instance-message.ts';
import type { Routed } from './platform-routes.ts';

/** How a request to a function ended. */
export type RunEnding =
  /** The function finished its answer. */
  | 'answered'
  /** The reader left, and the platform cancelled the function. */
  | 'left'
  /** It reached the platform's limit, which is a failure. */
  | 'cut'
  /** Its process ended. */
  | 'lost';

export type RunOptions = {
  /** The port of the instance. */
  readonly port: number;
  /** The platform's limit, from now. */
  readonly limitMs: number;
  /** The time from the limit to the cut. */
  readonly graceMs: number;
  /** When the limit starts to count: at the request, or at the start of its answer. */
  readonly countsFrom: 'request' | 'answer';
  /** Whether the function gets the deadline in its context. */
  readonly sendsDeadline: boolean;
  /** Whether the platform cancels the function when its reader leaves. */
  readonly isCancellable: boolean;
  /** Headers that the platform sets on the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The changes to the answer. */
  readonly routed: Pick<Routed, 'status' | 'headers' | 'important'>;
};

/** Time for a slow process to read the bytes that have arrived. */
const lateMs = 50;

/**
 * Passes a request to an instance, and the bytes of its answer to the reader as they arrive. Instance and reader have
 * separate sockets, so only a cancellable function notices that its reader left.
 * @returns how the request ended, when the function has finished.
 */
export function runRequest(
  reader: IncomingMessage,
  answer: ServerResponse,
  options: RunOptions,
): Promise<RunEnding> {
  const { promise, resolve } = Promise.withResolvers<RunEnding>();
  const { limitMs, graceMs, countsFrom, isCancellable, routed } = options;
  const run = openRequest({
    port: options.port,
    host: '127.0.0.1',
    // A frozen process keeps no connection alive.
    agent: false,
    method: reader.method,
    path: reader.url,
    headers: headersFor(reader, options),
  });
  let isOver = false;
  const end = (ending: RunEnding) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(limit);
    resolve(ending);
    if (ending !== 'answered') run.destroy();
    if (ending === 'cut') fail(answer, 504);
    if (ending === 'lost') fail(answer, 502);
  };
  // If this process is late, it reads first what has arrived before the limit.
  const limit = setTimeout(() => setTimeout(() => end('cut'), lateMs), limitMs + graceMs);
  run.on('error', () => end('lost'));
  run.on('response', (response) => {
    const { statusCode = 502 } = response;
    if (countsFrom === 'answer' && !isOver) limit.refresh();
    const { connection: _, 'keep-alive': _alive, ...headers } = response.headers;
    answer.writeHead(routed.status ?? statusCode, { ...routed.headers, ...headers, ...routed.important });
    answer.flushHeaders();
    response.on('end', () => end('answered'));
    response.on('error', () => end('lost'));
    answer.on('close', () => drain(response));
    if (answer.closed) drain(response);
    else response.pipe(answer);
  });
  const leave = () => {
    if (!answer.writableFinished && isCancellable) end('left');
  };
  answer.on('close', leave);
  // The reader may have left during the start of a process.
  if (answer.closed) leave();
  reader.pipe(run);
  return promise;
}

/** Answers with an error status, or cuts an answer that has started. */
function fail(answer: ServerResponse, status: number): void {
  if (answer.headersSent) answer.destroy();
  else answer.writeHead(status).end();
}

/** Reads the rest of an answer whose reader left, so that the function can finish. */
function drain(response: IncomingMessage): void {
  response.unpipe();
  response.resume();
}

function headersFor(
  reader: IncomingMessage,
  { limitMs, sendsDeadline, headers: added }: RunOptions,
): OutgoingHttpHeaders {
  const { connection: _, ...headers } = reader.headers;
  const deadline = new Date(Date.now() + limitMs).toISOString();
  return { ...headers, ...added, ...(sendsDeadline ? { [deadlineHeader]: deadline } : {}) };
}
