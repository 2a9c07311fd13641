import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Cursor } from '../../core/cursor.ts';
import type { Handover, Hello, Problem } from '../../core/sse-frames.ts';
import type { FeedItem } from './feed-items.ts';
import {
  feedRequest,
  positionOf,
  type Refusal,
  readCursorOf,
  readEvent,
  readGap,
  readRecord,
  readRefusal,
} from './wire.ts';

/** What reading one stream tells, in order. After `refused`, `ended` or `cut` nothing follows. */
export type StreamNews =
  | { readonly kind: 'answered' }
  /** Bytes came: a sign of life, whatever they were. The frames they completed follow. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'frame'; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The body ended cleanly. */
  | { readonly kind: 'ended' }
  /** The connection broke, was never made, or carried what is not a stream of this contract. */
  | { readonly kind: 'disconnected' };

export type StreamRequest = {
  readonly address: string;
  readonly token: string | null;
  readonly channels: readonly string[];
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Unix time in ms, to read a `Retry-After` that is a date. */
  now(): number;
};

/**
 * Reads one live stream to its end.
 * @param onNews is given all that one chunk brought at once; reading goes on when its promise is fulfilled.
 * @returns when the stream is over; never rejects. Nothing is told after `signal` aborts.
 */
export async function readStream(
  request: StreamRequest,
  onNews: (news: readonly StreamNews[]) => void | Promise<void>,
): Promise<void> {
  const { signal } = request;
  const tell = (news: readonly StreamNews[]) => (signal.aborted ? undefined : onNews(news));
  try {
    const response = await request.fetch(
      request.address,
      feedRequest('text/event-stream', request.token, signal),
    );
    if (response.status !== 200 || !isEventStream(response) || response.body === null) {
      return void tell([{ kind: 'refused', refusal: await readRefusal(response, request.now()) }]);
    }
    await tell([{ kind: 'answered' }]);
    await readBody(response.body, request, tell);
    await tell([{ kind: 'ended' }]);
  } catch {
    // Network errors and broken blocks are one thing to the reader: the stream cannot go on.
    await tell([{ kind: 'disconnected' }]);
  }
}

/** By the whole media type: its parameters say nothing, and its letters may be of either case (RFC 9110, 8.3.1). */
function isEventStream({ headers }: Response): boolean {
  const [mediaType = ''] = headers.get('content-type')?.split(';') ?? [];
  return mediaType.trim().toLowerCase() === 'text/event-stream';
}

/** Most characters of an unfinished line and block together; the largest event is far below. */
const maxBlockCharacters = 1_048_576;

async function readBody(
  body: ReadableStream<Uint8Array>,
  request: StreamRequest,
  tell: (news: readonly StreamNews[]) => void | Promise<void> | undefined,
): Promise<void> {
  let news: StreamNews[] = [];
  const parser = createParser({
    maxBufferSize: maxBlockCharacters,
    onEvent(message) {
      const frame = readFrame(message, request.channels);
      if (frame !== null) news.push({ kind: 'frame', frame });
    },
    onError(error) {
      // The standard ignores an unknown field and a wrong `retry`; a block without end would fill the memory.
      if (error.type === 'max-buffer-size-exceeded') throw error;
    },
  });
  // The parser removes the byte order mark: Node's decoder would remove two when the first one comes in pieces.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || request.signal.aborted) return;
      news = [{ kind: 'bytes' }];
      let broken: unknown = null;
      try {
        parser.feed(decoder.decode(value, { stream: true }));
      } catch (error) {
        broken = error;
      }
      // The frames before a broken block are whole, so the reader gets them.
      await tell(news);
      if (broken !== null) throw broken;
    }
  } finally {
    // Without this a broken block would leave the connection open.
    reader.cancel().catch(() => undefined);
  }
}

/** One block of a live stream, checked. `cursor` is the connection's position after it. */
export type StreamFrame =
  | { readonly kind: 'hello'; readonly cursor: Cursor; readonly hello: Hello }
  | { readonly kind: 'item'; readonly cursor: Cursor; readonly item: FeedItem }
  | { readonly kind: 'heartbeat'; readonly cursor: Cursor }
  | { readonly kind: 'handover'; readonly cursor: Cursor; readonly handover: Handover }
  | { readonly kind: 'refused'; readonly problem: Problem };

/**
 * Reads one block.
 * @returns null for a kind of block this version does not know.
 * @throws FeedError or SyntaxError when the block is not what the wire contract says.
 */
function readFrame(
  { event: kind = 'message', id = '', data: json }: EventSourceMessage,
  channels: readonly string[],
): StreamFrame | null {
  if (!kinds.has(kind)) return null;
  const data = readRecord(JSON.parse(json), kind);
  if (kind === 'refused') return { kind, problem: data as Problem };
  const cursor = readCursorOf(channels, id, kind);
  switch (kind) {
    case 'hello':
      return { kind, cursor, hello: data as Hello };
    case 'heartbeat':
      return { kind, cursor };
    case 'handover':
      return { kind, cursor, handover: data as Handover };
    case 'gap': {
      const gap = readGap(data);
      return { kind: 'item', cursor, item: { kind, gap, position: positionOf(cursor, gap) } };
    }
    default:
      return { kind: 'item', cursor, item: readEvent(data, cursor) };
  }
}

const kinds = new Set(['hello', 'message', 'gap', 'heartbeat', 'handover', 'refused']);
