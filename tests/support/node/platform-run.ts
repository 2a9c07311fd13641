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
  /** The function answered to the end. */
  | 'answered'
  /** Its reader left, and it was told. */
  | 'left'
  /** It ran into the platform's limit: a failure. */
  | 'cut'
  /** Its process went away under it. */
  | 'lost';

export type RunOptions = {
  /** Port of the instance. */
  readonly port: number;
  /** The platform's limit, from now. */
  readonly limitMs: number;
  /** How much later the request is cut. */
  readonly graceMs: number;
  /** Whether the limit counts from the request, or from the beginning of its answer. */
  readonly countsFrom: 'request' | 'answer';
  /** Whether the function is told the limit. */
  readonly tellsDeadline: boolean;
  /** Whether the function is told of a reader that leaves. */
  readonly isCancellable: boolean;
  /** Headers that the platform sets on the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it does to the answer. */
  readonly routed: Pick<Routed, 'status' | 'headers' | 'important'>;
};

/** Long enough for a process that is late to take what has come. */
const lateMs = 50;

/**
 * Gives a request to an instance and its answer to the reader, byte by byte as they come. The instance's socket is another
 * one than the reader's: what happens to that, the function learns only where it is cancellable.
 * @returns how it ended, when the function is through with it.
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
  // What has come by then is taken first, however late this process is.
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
  // It may have left while a process came up.
  if (answer.closed) leave();
  reader.pipe(run);
  return promise;
}

/** What has begun to be answered is cut. */
function fail(answer: ServerResponse, status: number): void {
  if (answer.headersSent) answer.destroy();
  else answer.writeHead(status).end();
}

/** A reader that has gone holds nothing up. */
function drain(response: IncomingMessage): void {
  response.unpipe();
  response.resume();
}

function headersFor(
  reader: IncomingMessage,
  { limitMs, tellsDeadline, headers: added }: RunOptions,
): OutgoingHttpHeaders {
  const { connection: _, ...headers } = reader.headers;
  const deadline = new Date(Date.now() + limitMs).toISOString();
  return { ...headers, ...added, ...(tellsDeadline ? { [deadlineHeader]: deadline } : {}) };
}
