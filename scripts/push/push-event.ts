import { FeedError } from '../../lib/core/feed-error.ts';
import { parseName } from '../../lib/core/ids.ts';
import { parseJsonStrict } from '../../lib/core/parse-json-strict.ts';
import type { Line } from './split-lines.ts';

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
