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
  | { readonly kind: 'cut' };

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
    await tell([{ kind: 'cut' }]);
  }
}

/** By the whole media type: its parameters say nothing, and its letters may be of either case (RFC 9110, 8.3.1). */
function isEventStream({ headers }: Response): boolean {
  const [mediaType = ''] = headers.get('content-type')?.split(';') ?? [];
  return mediaType.trim().toLowerCase() === 'text/event-stream';
}

async function readBody(
  body: ReadableStream<Uint8Array>,
  request: StreamRequest,
  tell: (news: readonly StreamNews[]) => void | Promise<void> | undefined,
): Promise<void> {
  let news: StreamNews[] = [];
  const readText = createBlockReader((block) => {
    const frame = readFrame(block, request.channels);
    if (frame !== null) news.push({ kind: 'frame', frame });
  });
  // A byte order mark is left to the block reader: Node's decoder takes off two when the first comes in pieces.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || request.signal.aborted) return;
      news = [{ kind: 'bytes' }];
      let broken: unknown = null;
      try {
        readText(decoder.decode(value, { stream: true }));
      } catch (error) {
        broken = error;
      }
      // What stood ahead of a broken block is whole, and is taken.
      await tell(news);
      if (broken !== null) throw broken;
    }
  } finally {
    // Without this a broken block would leave the connection open.
    reader.cancel().catch(() => undefined);
  }
}

/** One block of a stream of Server-Sent Events. */
export type Block = {
  /** Empty where the block names none: a message. */
  readonly event: string;
  /** The block's own; empty where it has none. That of an earlier block is no cursor of this one. */
  readonly id: string;
  readonly data: string;
};

/** Longest unfinished block, in characters: far above the largest event there is. */
const maxLength = 1_048_576;

/** How a line begins that is read. What begins otherwise within as many characters, a comment for example, says nothing. */
const known = /^(data|event|id):/;
const knownLength = 6;

const empty: Block = { event: '', id: '', data: '' };

/**
 * Reads blocks out of text that comes in pieces, however it was cut (HTML standard, "Interpreting an event stream").
 * `retry` is not read: when to come back is for the client's own rules.
 * @returns takes the next piece. It throws RangeError when a block has no end, and what `onBlock` throws.
 */
export function createBlockReader(onBlock: (block: Block) => void): (text: string) => void {
  let block = empty;
  let unfinished = '';
  /** What is passed over where the next piece begins: the byte order mark, or the second half of a line's end. */
  let skipped = '\ufeff';

  function readLine(line: string): void {
    if (line === '') {
      const { data } = block;
      const whole = { ...block, data: data.slice(0, -1) };
      block = empty;
      // Without a line of data it is no message.
      if (data !== '') onBlock(whole);
      return;
    }
    const [field, value] = fieldOf(line);
    if (field === 'data') block = { ...block, data: `${block.data}${value}\n` };
    if (field === 'event') block = { ...block, event: value };
    if (field === 'id' && !value.includes('\0')) block = { ...block, id: value };
  }

  return (text) => {
    if (text === '') return;
    const rest = skipped !== '' && text.startsWith(skipped) ? text.slice(1) : text;
    skipped = text.endsWith('\r') ? '\n' : '';
    const [first = '', ...others] = rest.split(/\r\n?|\n/);
    const lines = [unfinished + first, ...others];
    unfinished = lines.pop() ?? '';
    for (const line of lines) readLine(line);
    // Of a line that says nothing no more is kept, however long it is.
    if (!known.test(unfinished)) unfinished = unfinished.slice(0, knownLength);
    if (unfinished.length + block.data.length > maxLength) throw new RangeError('a block has no end');
  };
}

/** A line as `field: value`; without a colon the value is empty. A comment has no field. */
function fieldOf(line: string): [field: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
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
function readFrame(block: Block, channels: readonly string[]): StreamFrame | null {
  const kind = block.event || 'message';
  if (!kinds.has(kind)) return null;
  const data = readRecord(JSON.parse(block.data), kind);
  if (kind === 'refused') return { kind, problem: data as Problem };
  const cursor = readCursorOf(channels, block.id, kind);
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
