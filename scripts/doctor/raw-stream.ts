import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { createParser } from 'eventsource-parser';
import { redirectOf } from '../same-origin-fetch.ts';

/** What came of one stream, with the times at which it came. All times are in ms since the request. */
export type StreamRecord = {
  /** The status and the headers; null: no answer came. */
  answer: {
    readonly atMs: number;
    readonly status: number;
    readonly headers: IncomingMessage['headers'];
  } | null;
  /** The bytes of each read, as they came: still compressed if the stream is. */
  readonly reads: { readonly atMs: number; readonly bytes: number }[];
  /** The frames, also comments: they have the kind `comment`. */
  readonly frames: Frame[];
  /** How it ended; null: it is still open. `closed`: this program has closed it. */
  end: { readonly atMs: number; readonly how: 'clean' | 'broken' | 'closed' } | null;
};

export type Frame = {
  readonly atMs: number;
  readonly kind: string;
  readonly id: string;
  readonly data: unknown;
};

export type RawStream = {
  readonly record: StreamRecord;
  /** Resolves when the stream is over. */
  readonly over: Promise<void>;
  close(): void;
};

/**
 * Opens a stream on a connection of its own, as a browser does, and records what comes. It repairs nothing: the doctor wants
 * to see what stands in the way.
 */
export function openRawStream(address: string, headers: Readonly<Record<string, string>>): RawStream {
  const startedAt = performance.now();
  const sinceStart = () => Math.round(performance.now() - startedAt);
  const record: StreamRecord = { answer: null, reads: [], frames: [], end: null };
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const finish = (how: 'clean' | 'broken' | 'closed') => {
    record.end ??= { atMs: sinceStart(), how };
    resolve();
  };
  const add = (kind: string, id: string, data: unknown) =>
    record.frames.push({ atMs: sinceStart(), kind, id, data });
  const parser = createParser({
    onEvent: ({ event = 'message', id = '', data }) => add(event, id, parseJson(data)),
    onComment: () => add('comment', '', null),
  });

  function read(response: IncomingMessage): void {
    record.answer = { atMs: sinceStart(), status: response.statusCode ?? 0, headers: response.headers };
    response.on('data', (chunk: Buffer) => record.reads.push({ atMs: sinceStart(), bytes: chunk.length }));
    response.on('end', () => finish(response.complete ? 'clean' : 'broken'));
    response.on('close', () => finish('broken'));
    response.on('error', () => finish('broken'));
    const decoder = new TextDecoder();
    const text = decompress(response);
    text.on('data', (chunk: Buffer) => parser.feed(decoder.decode(chunk, { stream: true })));
    // A body that is not what its header says shows in the missing frames.
    text.on('error', () => undefined);
  }

  function ask(target: URL, mayRedirect: boolean) {
    const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(target, {
      agent: false,
      headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip, deflate, br', ...headers },
    });
    request.on('error', () => finish('broken'));
    request.on('response', (response) => {
      const next = mayRedirect ? nextAddress(response, target) : null;
      if (next === null) return read(response);
      request
        .removeAllListeners('error')
        .on('error', () => undefined)
        .destroy();
      current = ask(next, false);
    });
    request.end();
    return request;
  }

  let current = ask(new URL(address), true);
  return {
    record,
    over,
    close() {
      finish('closed');
      current.destroy();
    },
  };
}

/** Where the same server sends the request: Next does so for a slash at the end of a path. Null: nowhere. */
function nextAddress({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | null {
  const answer = { status: statusCode, headers: new Headers({ location: headers.location ?? '' }) };
  const to = headers.location === undefined ? null : redirectOf(answer, from.href);
  // Never to another server: the request may carry a token.
  return to?.origin === from.origin ? to : null;
}

function decompress(response: IncomingMessage): Readable {
  switch (response.headers['content-encoding']) {
    case 'gzip':
      return response.pipe(createGunzip({ flush: constants.Z_SYNC_FLUSH }));
    case 'deflate':
      return response.pipe(createInflate({ flush: constants.Z_SYNC_FLUSH }));
    case 'br':
      return response.pipe(createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }));
    default:
      return response;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
