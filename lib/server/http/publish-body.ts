import { createHash } from 'node:crypto';
import { checkData } from '../../config/event-types.ts';
import type { Clock } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { defaultChannel, defaultType, parseName } from '../../core/ids.ts';
import { parseJsonStrict } from '../../core/parse-json-strict.ts';
import { excerpt } from '../../core/safe-text.ts';
import { maxAppend, type NewEvent } from '../../log/event-log.ts';

/** Most bytes of the body of one publish request. */
export const maxBodyBytes = 1024 * 1024;

/**
 * A body that is too large is still read up to here, and dropped: an unread rest would block the next request on its
 * connection.
 */
export const maxDrainBytes = 8 * 1024 * 1024;

/** How long a body may take to arrive, in ms. At the largest size that is 35 KB a second. */
export const maxBodyMs = 30_000;

/** Most bytes of one event as JSON: channel, type and data. */
export const maxEventBytes = 64 * 1024;

/**
 * Reads the events of a publish request: `application/json`, one event or an array; or `application/x-ndjson`, one event
 * in each line.
 * @throws FeedError `unsupported-media-type`, `too-large`, `bad-request`, `data-does-not-fit`; each names the event.
 */
export async function readEvents(request: Request, clock: Clock): Promise<readonly NewEvent[]> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json' && type !== 'application/x-ndjson') {
    throw new FeedError(
      'unsupported-media-type',
      `content-type: "${excerpt(type ?? '')}" is not supported. Use application/json or application/x-ndjson.`,
    );
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new FeedError(
      'unsupported-media-type',
      `content-encoding: "${excerpt(encoding)}" is not supported. Send the body without an encoding.`,
    );
  }
  const text = await readText(request, clock);
  const events = type === 'application/json' ? fromJson(text) : fromLines(text);
  if (events.length > 0) return events;
  throw new FeedError('bad-request', `The request body has no event. Send 1 to ${maxAppend}.`);
}

/** A hash of the events. It shows whether an idempotency key is used again for the same events. */
export function fingerprintOf(events: readonly NewEvent[]): string {
  const hash = createHash('sha256');
  // Neither a name nor JSON text contains a line end.
  for (const { channel, type, data } of events) hash.update(`${channel}\n${type}\n${data}\n`);
  return hash.digest('base64url');
}

async function readText(request: Request, clock: Clock): Promise<string> {
  const bytes = await readBytes(request, clock);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FeedError('bad-request', 'The request body is not UTF-8; no events were stored.', { cause });
  }
}

async function readBytes(request: Request, clock: Clock): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // If the client states a length that is too large, the body is not read at all.
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLargeBody();
  if (request.body === null) return Buffer.concat(chunks);
  const reader = request.body.getReader();
  let isLate = false;
  const cancelTimer = clock.after(maxBodyMs, () => {
    isLate = true;
    stopReading(reader);
  });
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size <= maxBodyBytes) chunks.push(part.value);
      if (size > maxDrainBytes) stopReading(reader);
    }
  } catch (cause) {
    // The publisher has left. Nobody gets this response, and nothing is wrong on the server.
    throw new FeedError('bad-request', 'The request body ended early; no events were stored.', { cause });
  } finally {
    cancelTimer();
  }
  if (size > maxBodyBytes) throw tooLargeBody();
  if (!isLate) return Buffer.concat(chunks);
  throw new FeedError(
    'bad-request',
    `The request body was not received within ${maxBodyMs / 1_000} s; no events were stored.`,
  );
}

/** Stops reading: the pending read ends as if the body had ended. */
function stopReading(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  // The publisher may leave at the same moment; then nobody is left to report to.
  reader.cancel().catch(() => undefined);
}

function tooLargeBody(): FeedError {
  return new FeedError(
    'too-large',
    `The request body is larger than ${maxBodyBytes} bytes; no events were stored. Send several requests.`,
  );
}

function fromJson(text: string): NewEvent[] {
  const value = parseJsonStrict(text, 'body');
  if (!Array.isArray(value)) return [toEvent(value, 'event')];
  checkCount(value.length);
  return value.map((item, index) => toEvent(item, `events[${index}]`));
}

function fromLines(text: string): NewEvent[] {
  const events: NewEvent[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const what = `line ${index + 1}`;
    events.push(toEvent(parseJsonStrict(line, what), what));
    checkCount(events.length);
  }
  return events;
}

function checkCount(count: number): void {
  if (count <= maxAppend) return;
  throw new FeedError(
    'too-large',
    `The request body has more than ${maxAppend} events; no events were stored. Send several requests.`,
  );
}

function toEvent(value: unknown, what: string): NewEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FeedError('bad-request', `${what} is not an object. Send {"channel"?, "type"?, "data"}.`);
  }
  const { channel = defaultChannel, type = defaultType, data, ...others } = value as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new FeedError(
      'bad-request',
      `${what} has the unknown member "${excerpt(other)}". An event has channel, type and data.`,
    );
  }
  if (data === undefined) throw new FeedError('bad-request', `${what} has no data. Send any JSON value.`);
  const event = {
    channel: parseName(channel, `${what}.channel`),
    type: parseName(type, `${what}.type`),
    data: toJson(data, what),
  };
  const size = Buffer.byteLength(JSON.stringify({ channel, type })) + Buffer.byteLength(event.data) + 8;
  if (size > maxEventBytes) {
    throw new FeedError(
      'too-large',
      `${what} is ${size} bytes as JSON (channel, type and data); the limit is ${maxEventBytes}. No events were stored.`,
    );
  }
  checkData(event.type, data, what);
  return event;
}

function toJson(data: unknown, what: string): string {
  try {
    return JSON.stringify(data);
  } catch (cause) {
    throw new FeedError('bad-request', `${what}.data is nested too deeply.`, { cause });
  }
}
