import { createReadStream, fstatSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { getSystemErrorMessage } from 'node:util';
import { type Clock, wait } from '../../lib/core/clock.ts';
import { FeedError } from '../../lib/core/feed-error.ts';
import { parseName } from '../../lib/core/ids.ts';
import { parseJsonStrict } from '../../lib/server/http/parse-json-strict.ts';

type PushInput = {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Whether lines come over time, as from a pipe or a terminal. A file has all its lines at once. */
  readonly isLive: boolean;
};

/**
 * Opens a file, or standard input for null. When `signal` aborts, the input ends there, without an error.
 * @throws FeedError `not-found`. Reading the chunks throws `bad-request`.
 */
export function openInput(file: string | null, signal: AbortSignal): PushInput {
  if (file === null) {
    return { chunks: readAll(process.stdin, 'standard input', signal), isLive: !fstatSync(0).isFile() };
  }
  try {
    const isLive = !statSync(file).isFile();
    return { chunks: readAll(createReadStream(file), file, signal), isLive };
  } catch (cause) {
    throw new FeedError('not-found', `--file: Cannot read ${file}: ${reasonOf(cause)}.`, { cause });
  }
}

async function* readAll(stream: Readable, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = () => stream.destroy();
  signal.addEventListener('abort', end);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (signal.aborted) return;
    throw new FeedError('bad-request', `Cannot read ${name}: ${reasonOf(cause)}.`, { cause });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function reasonOf(cause: unknown): string {
  const errno = cause instanceof Error && 'errno' in cause ? cause.errno : null;
  return typeof errno === 'number' ? getSystemErrorMessage(errno) : String(cause);
}

/** A line of the input, without its line break. */
export type Line = {
  /** 1 for the first line of the input. */
  readonly number: number;
  readonly text: string;
};

/** The longest line, in bytes: the largest event, and 2 KiB for members that push ignores. */
export const maxLineBytes = 66 * 1_024;

const newline = 0x0a;

/**
 * Splits bytes into lines as they come. A line ends with LF, CRLF or the end of the input. At most one chunk and one
 * line are in memory, so the input can have any length.
 * @throws FeedError naming the line, after it yielded every line before: `too-large` above 66 KiB, `bad-request` when
 * the line is not UTF-8.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 1;
  let pieces: Uint8Array[] = [];
  let length = 0;
  const append = (piece: Uint8Array) => {
    length += piece.length;
    if (length > maxLineBytes) throw tooLong(number);
    pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      append(chunk.subarray(start, end));
      yield { number, text: decode(pieces, number) };
      number += 1;
      pieces = [];
      length = 0;
      start = end + 1;
    }
    append(chunk.subarray(start));
  }
  if (length > 0) yield { number, text: decode(pieces, number) };
}

// A byte order mark is dropped at the start of the input only. Anywhere else it is text.
const firstDecoder = new TextDecoder('utf-8', { fatal: true });
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(pieces: readonly Uint8Array[], number: number): string {
  const [only] = pieces;
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  try {
    const text = (number === 1 ? firstDecoder : decoder).decode(bytes);
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw new FeedError('bad-request', `line ${number} is not valid UTF-8. Convert the input to UTF-8.`, {
      cause,
    });
  }
}

function tooLong(number: number): FeedError {
  return new FeedError(
    'too-large',
    `line ${number} has more than ${maxLineBytes} bytes. The limit for an event is ${maxEventBytes} bytes as JSON.`,
  );
}

/** An event to publish, and where it was read from. */
export type PushEvent = {
  /** The event as JSON: the text that is sent. */
  readonly json: string;
  /** The size of `json` in bytes. */
  readonly bytes: number;
  /** The number of its line in the input; null when it was not read from lines. */
  readonly line: number | null;
};

/**
 * `lines`: a line is the data of an event, a string. `json`: a line is the data of an event, as JSON. `ndjson`: a line is an
 * event as JSON.
 */
export type LineFormat = 'lines' | 'json' | 'ndjson';

/** The channel and the type of an event that names none; and, if it names no subject, what it is about. */
export type EventDefaults = {
  readonly channel: string;
  readonly type: string;
  readonly subject?: string | null;
  readonly ttlSeconds?: number | null;
  /** For the one event of a text. */
  readonly remove?: boolean;
  readonly end?: boolean;
};

/** What an event can have besides its channel, type and data. The server checks it. */
const attributeNames = ['subject', 'remove', 'ttlSeconds', 'end'] as const;
type Attributes = Readonly<Partial<Record<(typeof attributeNames)[number], unknown>>>;

/** The server's limit for an event, in bytes as JSON. */
const maxEventBytes = 64 * 1_024;

/**
 * Makes an event from its parts.
 * @param what names the event in errors: `line 3`.
 * @throws FeedError `too-large`
 */
export function makePushEvent(
  event: Pick<EventDefaults, 'channel' | 'type'> & Attributes & { readonly data: unknown },
  line: number | null,
  what: string,
): PushEvent {
  const { channel, type } = event;
  const attributes = attributeNames.map((name) => {
    const value = event[name] ?? undefined;
    return value === undefined ? '' : `"${name}":${JSON.stringify(value)},`;
  });
  // Names have no character that JSON must escape.
  const json = `{"channel":"${channel}","type":"${type}",${attributes.join('')}"data":${JSON.stringify(event.data)}}`;
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxEventBytes) return { json, bytes, line };
  throw new FeedError('too-large', `${what} is ${bytes} bytes as JSON. The limit is ${maxEventBytes}.`);
}

/**
 * Makes an event from a line.
 * @param what names the line in errors: `line 3`.
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
  if (format === 'json') return makePushEvent({ ...defaults, data: event }, line, what);
  if (!isEvent(event)) {
    throw new FeedError(
      'bad-request',
      `${what} is not an event. Write it as {"data": …}, with "type" and "channel" if needed; or use --format json, which sends each line as data.`,
    );
  }
  const channel =
    event.channel === undefined ? defaults.channel : parseName(event.channel, `${what}: channel`);
  const type = event.type === undefined ? defaults.type : parseName(event.type, `${what}: type`);
  const { subject, remove, ttlSeconds, end, data } = event;
  const own = { remove: remove ?? defaults.remove, end: end ?? defaults.end };
  const about = subject === undefined ? defaults : { subject, ttlSeconds };
  return makePushEvent({ ...about, ...own, channel, type, data }, line, what);
}

/** The format of an input, by its first line that is not blank: `ndjson` if that line is an event as JSON. */
function detectFormat(text: string): LineFormat {
  return isEvent(objectIn(text)) ? 'ndjson' : 'lines';
}

/**
 * The format of a text that is one event. JSON in an argument is meant as data. Lines of a pipe that begin with JSON may go
 * on with text.
 */
export function detectTextFormat(text: string): LineFormat {
  const value = objectIn(text);
  if (value === null) return 'lines';
  return isEvent(value) ? 'ndjson' : 'json';
}

/** The object or array that a text is as JSON; null: it is something else. */
function objectIn(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    // Not JSON: it is text.
    return null;
  }
}

/** Makes an event from every line. Skips blank lines. @throws FeedError naming the line. */
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

type EventShape = Attributes & {
  readonly channel?: unknown;
  readonly type?: unknown;
  readonly data: unknown;
};

function isEvent(value: unknown): value is EventShape {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'data');
}

/** After a delay, a paced sequence may run faster to catch up with this many ms. The rest of the delay stays. */
const maxCatchUpMs = 200;

/** Yields at most `perSecond` items per second, evenly spread. No more pauses after `signal` aborts. */
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
    dueMs = Math.max(dueMs, clock.elapsed() - maxCatchUpMs) + 1_000 / perSecond;
  }
}

/** The events of one request, in order. */
export type Batch = readonly [PushEvent, ...PushEvent[]];

export type BatchLimits = {
  /** Max events in a batch. */
  readonly events: number;
  /** Max bytes of the request's body. */
  readonly bytes: number;
  /** How long a batch waits for more events after its first, in ms; null: until it is full or the input ends. */
  readonly waitMs: number | null;
};

/** Writes the body of a request. */
export function toBody(batch: Batch): string {
  return `[${batch.map((event) => event.json).join(',')}]`;
}

/**
 * Collects events into batches. It reads at most one event beyond the batch that it yields, so a slow server slows the
 * input down. An error of `events` is thrown after a batch with all events before it.
 */
export async function* collectBatches(
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
    const timeout = startTimeout(clock, limits.waitMs);
    while (batch.length < limits.events) {
      // An error ends the batch here. The next round awaits `next` again, and throws it.
      const more = await Promise.race([next, timeout.over]).catch(() => null);
      if (more === null || more.done || bytes + 1 + more.value.bytes > limits.bytes) break;
      batch.push(more.value);
      bytes += 1 + more.value.bytes;
      next = pull(source);
    }
    timeout.cancel();
    yield batch;
  }
}

function pull(source: AsyncIterator<PushEvent>): Promise<IteratorResult<PushEvent>> {
  const next = source.next();
  // It is awaited later, maybe after a long request. Without this, an error before that would end the process.
  next.catch(() => null);
  return next;
}

function startTimeout(clock: Clock, waitMs: number | null): { over: Promise<null>; cancel: () => void } {
  let cancel = () => {};
  const over = new Promise<null>((resolve) => {
    if (waitMs !== null) cancel = clock.after(waitMs, () => resolve(null));
  });
  return { over, cancel: () => cancel() };
}
