import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { type FeedRequest, readRefusal, send } from './http.ts';
import type { Refusal, StreamFrame } from './messages.ts';
import {
  positionOf,
  readCursorOf,
  readEvent,
  readGap,
  readHandover,
  readHello,
  readProblem,
  readRecord,
  readTime,
} from './wire.ts';

/** What a stream brings, in order. `refused`, `ended` and `disconnected` are the last. */
export type StreamNews =
  /** The response is a stream. */
  | { readonly kind: 'answered' }
  /** Bytes came: the stream is alive, whatever they are. The frames that they complete follow. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'frame'; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The body ended cleanly. */
  | { readonly kind: 'ended' }
  /** The connection was lost or never made, or what came is no stream of this protocol. */
  | { readonly kind: 'disconnected' };

/**
 * Reads one live stream to its end.
 * @param onNews gets everything that one chunk brought at once. Reading goes on when its promise is fulfilled. It is not
 * called after `signal` aborts.
 * @returns when the stream is over. Never rejects.
 */
export async function readStream(
  request: FeedRequest,
  onNews: (news: readonly StreamNews[]) => void | Promise<void>,
): Promise<void> {
  const { signal } = request;
  const report = (news: readonly StreamNews[]) => (signal.aborted ? undefined : onNews(news));
  try {
    const response = await send(request, 'text/event-stream');
    // React Native's responses have no body that can be read while it comes.
    if (response.status !== 200 || !isEventStream(response) || !response.body) {
      return void report([{ kind: 'refused', refusal: await readRefusal(response, request.now()) }]);
    }
    await report([{ kind: 'answered' }]);
    await readBody(response.body, request, report);
    await report([{ kind: 'ended' }]);
  } catch {
    // A broken network and a malformed frame need the same: another stream.
    await report([{ kind: 'disconnected' }]);
  }
}

/** Compares the media type without its parameters and without regard to case (RFC 9110, section 8.3.1). */
function isEventStream({ headers }: Response): boolean {
  const [mediaType = ''] = headers.get('content-type')?.split(';') ?? [];
  return mediaType.trim().toLowerCase() === 'text/event-stream';
}

/** Most characters of an unfinished line and block together; the largest event is far below. */
const maxBlockCharacters = 1_048_576;

async function readBody(
  body: ReadableStream<Uint8Array>,
  request: FeedRequest,
  report: (news: readonly StreamNews[]) => void | Promise<void> | undefined,
): Promise<void> {
  let news: StreamNews[] = [];
  const times = createTimeFinder();
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
        const text = decoder.decode(value, { stream: true });
        parser.feed(text);
        for (const time of times(text)) news.push({ kind: 'frame', frame: { kind: 'time', time } });
      } catch (error) {
        broken = error;
      }
      // The frames before a broken block are whole, so the reader gets them.
      await report(news);
      if (broken !== null) throw broken;
    }
  } finally {
    // Without this a broken block would leave the connection open.
    reader.cancel().catch(() => undefined);
  }
}

/** Finds lone comments with the server's time. The parser would have to keep a comment of any length for that. */
function createTimeFinder(): (text: string) => readonly number[] {
  let line = '';
  return (text) => {
    const all = line + text;
    const end = Math.max(all.lastIndexOf('\n'), all.lastIndexOf('\r')) + 1;
    line = all.slice(end, end + 32);
    return [...all.slice(0, end).matchAll(/^: (\d{1,16})$/gm)].map(([, digits]) => Number(digits));
  };
}

/**
 * Reads one frame.
 * @returns null for a kind of frame that this version does not know.
 * @throws FeedError or SyntaxError when the frame is malformed.
 */
function readFrame(
  { event: kind = 'message', id = '', data: json }: EventSourceMessage,
  channels: readonly string[],
): StreamFrame | null {
  if (!kinds.has(kind)) return null;
  const data = readRecord(JSON.parse(json), kind);
  if (kind === 'refused') {
    return { kind, refusal: { status: Number(data.status), retryAfterMs: null, problem: readProblem(data) } };
  }
  const cursor = readCursorOf(channels, id, kind);
  switch (kind) {
    case 'hello':
      return { kind, cursor, hello: readHello(data), time: readTime(data.time) };
    case 'heartbeat':
      return { kind, cursor, time: readTime(data.time) };
    case 'handover':
      return { kind, cursor, handover: readHandover(data) };
    case 'end':
      return { kind, cursor, channel: String(data.channel) };
    case 'gap': {
      const gap = readGap(data);
      return { kind: 'item', cursor, item: { kind, gap, position: positionOf(cursor, gap) } };
    }
    default:
      return { kind: 'item', cursor, item: readEvent(data, cursor) };
  }
}

const kinds = new Set(['hello', 'message', 'gap', 'heartbeat', 'handover', 'end', 'refused']);
