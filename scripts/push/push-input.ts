import { createReadStream, fstatSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Clock, wait } from '../../lib/core/clock.ts';
import { FeedError } from '../../lib/core/feed-error.ts';
import { parseName } from '../../lib/core/ids.ts';
import { parseJsonStrict } from '../../lib/core/parse-json-strict.ts';

type PushInput = {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Whether lines come over time, from a pipe or a person, rather than all at once from a file. */
  readonly isLive: boolean;
};

/**
 * Opens a file, or standard input for null. When `signal` aborts, the input ends as if it were at its end.
 * @throws FeedError `not-found`; later, while reading, `bad-request`.
 */
export function openInput(file: string | null, signal: AbortSignal): PushInput {
  if (file === null) {
    return { chunks: readAll(process.stdin, 'standard input', signal), isLive: !fstatSync(0).isFile() };
  }
  try {
    const isLive = !statSync(file).isFile();
    return { chunks: readAll(createReadStream(file), file, signal), isLive };
  } catch (cause) {
    throw new FeedError('not-found', `--file: ${file} cannot be read (${codeOf(cause)})`, { cause });
  }
}

async function* readAll(stream: Readable, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = () => stream.destroy();
  signal.addEventListener('abort', end);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (signal.aborted) return;
    throw new FeedError('bad-request', `${name} cannot be read on (${codeOf(cause)})`, { cause });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}

/** A line of the input, without its end. */
export type Line = {
  /** 1 for the first line of the input. */
  readonly number: number;
  readonly text: string;
};

/** Longest line in bytes: the largest event, and room for members that are left out. */
export const maxLineBytes = 66 * 1_024;

const newline = 0x0a;

/**
 * Splits bytes into lines as they come. A line ends with LF or CRLF; the last may have no end. Never holds more than
 * one chunk and one line, so a pipe of any length fits.
 * @throws FeedError naming the line: `too-large` above 66 KiB, `bad-request` when it is not UTF-8. Every line before
 * it was given.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 1;
  let pieces: Uint8Array[] = [];
  let length = 0;
  const keep = (piece: Uint8Array) => {
    length += piece.length;
    if (length > maxLineBytes) throw tooLong(number);
    pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end));
      yield { number, text: decode(pieces, number) };
      number += 1;
      pieces = [];
      length = 0;
      start = end + 1;
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield { number, text: decode(pieces, number) };
}

// Only the input's own beginning may carry a byte order mark; elsewhere it is text.
const firstDecoder = new TextDecoder('utf-8', { fatal: true });
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(pieces: readonly Uint8Array[], number: number): string {
  const [only] = pieces;
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  try {
    const text = (number === 1 ? firstDecoder : decoder).decode(bytes);
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw new FeedError('bad-request', `line ${number}: not valid UTF-8; allowed is text in UTF-8`, {
      cause,
    });
  }
}

function tooLong(number: number): FeedError {
  return new FeedError(
    'too-large',
    `line ${number}: longer than ${maxLineBytes} bytes; allowed is an event of up to 65536 bytes as JSON`,
  );
}

/** An event on its way, and where it came from. */
export type PushEvent = {
  /** The event as JSON, as it is sent. */
  readonly json: string;
  /** Its size in bytes of UTF-8. */
  readonly bytes: number;
  /** The line of the input it was read from; null where it was not read from lines. */
  readonly line: number | null;
};

/** `lines`: a line is an event's data, as a string. `ndjson`: a line is an event. */
export type LineFormat = 'lines' | 'ndjson';

/** Channel and type of an event that names none. */
export type EventDefaults = { readonly channel: string; readonly type: string };

/** Largest event, in bytes as JSON; the server's limit. */
const maxEventBytes = 64 * 1_024;

/**
 * Makes an event of its parts.
 * @param what names the event in the error: `line 3`.
 * @throws FeedError `too-large`
 */
export function makePushEvent(
  event: EventDefaults & { readonly data: unknown },
  line: number | null,
  what: string,
): PushEvent {
  const { channel, type } = event;
  // Names hold no character that JSON escapes.
  const json = `{"channel":"${channel}","type":"${type}","data":${JSON.stringify(event.data)}}`;
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxEventBytes) return { json, bytes, line };
  throw new FeedError('too-large', `${what}: is ${bytes} bytes as JSON; allowed are ${maxEventBytes}`);
}

/**
 * Makes an event of a line.
 * @param what names the line in the error.
 * @throws FeedError `bad-request` or `too-large`
 */
export function readPushEvent(
  text: string,
  format: LineFormat,
  defaults: EventDefaults,
  line: number | null,
  what: string,
): PushEvent {
  if (format === 'lines') return makePushEvent({ ...defaults, data: text }, line, what);
  const event = parseJsonStrict(text, what);
  if (!isEvent(event)) {
    throw new FeedError(
      'bad-request',
      `${what}: not an event; allowed is {"data": …, "type"?: "…", "channel"?: "…"}`,
    );
  }
  const channel =
    event.channel === undefined ? defaults.channel : parseName(event.channel, `${what}: channel`);
  const type = event.type === undefined ? defaults.type : parseName(event.type, `${what}: type`);
  return makePushEvent({ channel, type, data: event.data }, line, what);
}

/** The format of an input whose first line that is not empty is `text`: `ndjson` when that line is an event. */
export function detectFormat(text: string): LineFormat {
  try {
    return isEvent(JSON.parse(text)) ? 'ndjson' : 'lines';
  } catch {
    // Not JSON, so it is text.
    return 'lines';
  }
}

/** Makes events of lines; lines of white space are left out. @throws FeedError naming the line. */
export async function* readPushEvents(
  lines: AsyncIterable<Line>,
  format: LineFormat | 'auto',
  defaults: EventDefaults,
): AsyncGenerator<PushEvent> {
  let known = format === 'auto' ? null : format;
  for await (const { number, text } of lines) {
    if (text.trim() === '') continue;
    known ??= detectFormat(text);
    yield readPushEvent(text, known, defaults, number, `line ${number}`);
  }
}

type EventShape = { readonly channel?: unknown; readonly type?: unknown; readonly data: unknown };

function isEvent(value: unknown): value is EventShape {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'data');
}

/** How far behind its plan a paced sequence may be and still catch up, in ms; a longer delay is not made up for. */
const slackMs = 200;

/** Lets items through at most at `perSecond`, evenly; `signal` ends the pauses early. */
export async function* pace<T>(
  items: AsyncIterable<T>,
  perSecond: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T> {
  let dueMs = clock.elapsed();
  for await (const item of items) {
    const earlyMs = dueMs - clock.elapsed();
    if (earlyMs > 0) await wait(clock, earlyMs, signal);
    yield item;
    dueMs = Math.max(dueMs, clock.elapsed() - slackMs) + 1_000 / perSecond;
  }
}

/** Events of one request, in order; at least one. */
export type Batch = readonly [PushEvent, ...PushEvent[]];

export type BatchLimits = {
  readonly events: number;
  /** Most bytes of the request's body. */
  readonly bytes: number;
  /** How long in ms a batch waits for more after its first event; null: until it is full or the input ends. */
  readonly waitMs: number | null;
};

/** The body of a batch's request. */
export function toBody(batch: Batch): string {
  return `[${batch.map((event) => event.json).join(',')}]`;
}

/**
 * Gathers events into batches. Takes at most one event ahead of the batch it gives, so that a slow server holds
 * back the input. What fails in `events` fails here, after everything before it was given.
 */
export async function* gather(
  events: AsyncIterable<PushEvent>,
  limits: BatchLimits,
  clock: Clock,
): AsyncGenerator<Batch> {
  const source = events[Symbol.asyncIterator]();
  let next = pull(source);
  for (;;) {
    const first = await next;
    if (first.done) return;
    const batch: [PushEvent, ...PushEvent[]] = [first.value];
    let bytes = 2 + first.value.bytes;
    next = pull(source);
    const pause = startPause(clock, limits.waitMs);
    while (batch.length < limits.events) {
      // A failure ends the batch here, and is thrown by the next round's await.
      const more = await Promise.race([next, pause.over]).catch(() => null);
      if (more === null || more.done || bytes + 1 + more.value.bytes > limits.bytes) break;
      batch.push(more.value);
      bytes += 1 + more.value.bytes;
      next = pull(source);
    }
    pause.cancel();
    yield batch;
  }
}

function pull(source: AsyncIterator<PushEvent>): Promise<IteratorResult<PushEvent>> {
  const next = source.next();
  // It is awaited later, maybe after a long send; without this a failure meanwhile would end the process.
  next.catch(() => null);
  return next;
}

function startPause(clock: Clock, waitMs: number | null): { over: Promise<null>; cancel: () => void } {
  let cancel = () => {};
  const over = new Promise<null>((resolve) => {
    if (waitMs !== null) cancel = clock.after(waitMs, () => resolve(null));
  });
  return { over, cancel: () => cancel() };
}
