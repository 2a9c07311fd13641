import { createHash } from 'node:crypto';
import { checkData } from '../../config/event-types.ts';
import type { Clock } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { defaultChannel, defaultType, parseName } from '../../core/ids.ts';
import { parseJsonStrict } from '../../core/parse-json-strict.ts';
import { excerpt } from '../../core/safe-text.ts';
import { maxAppend, type NewEvent } from '../../log/event-log.ts';

/** Most bytes of one publish request. */
export const maxBodyBytes = 1024 * 1024;

/**
 * A body that is too large is still read up to here, and dropped: what is left unread would stand in the way of the
 * next request on its connection.
 */
export const maxDrainBytes = 8 * 1024 * 1024;

/** How long a body may take to come: 35 KB a second at least, where it is as large as it may be. */
export const maxBodyMs = 30_000;

/** Most bytes of one event as JSON. */
export const maxEventBytes = 64 * 1024;

/**
 * Reads the events of a publish request: `application/json`, one or an array; or `application/x-ndjson`, one a line.
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

/** A hash of the events, to tell whether a key is used again for the same ones. */
export function fingerprintOf(events: readonly NewEvent[]): string {
  const hash = createHash('sha256');
  // No name and no JSON text holds a line end.
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
  // Said ahead of time, so that a body that is too large is not even read.
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLargeBody();
  if (request.body === null) return Buffer.concat(chunks);
  const reader = request.body.getReader();
  let isLate = false;
  const cancelTimer = clock.after(maxBodyMs, () => {
    isLate = true;
    giveUp(reader);
  });
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size <= maxBodyBytes) chunks.push(part.value);
      if (size > maxDrainBytes) giveUp(reader);
    }
  } catch (cause) {
    // The publisher has gone. Nobody hears the answer, and nothing is wrong here.
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

/** Reads no more: what is being read ends as if the body did. */
function giveUp(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  // The publisher may break off at the same moment; there is nobody left to tell.
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
