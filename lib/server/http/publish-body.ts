import type { Clock } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { excerpt } from '../../core/safe-text.ts';
import { maxAppend } from '../../log/event-log.ts';
import type { GivenEvent } from '../store-events.ts';
import { parseJsonStrict } from './parse-json-strict.ts';

/** Most bytes of the body of one publish request. */
export const maxBodyBytes = 1024 * 1024;

/**
 * A body that is too large is still read up to here, and dropped: an unread rest would block the next request on its
 * connection.
 */
export const maxDrainBytes = 8 * 1024 * 1024;

/** How long a body may take to arrive, in ms. At the largest size that is 35 KB a second. */
export const maxBodyMs = 30_000;

/**
 * Reads the events of a publish request: `application/json`, one event or an array; or `application/x-ndjson`, one event
 * in each line.
 * The events themselves are not checked yet.
 * @throws FeedError `unsupported-media-type`, `too-large`, `bad-request`.
 */
export async function readEvents(request: Request, clock: Clock): Promise<readonly GivenEvent[]> {
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

function fromJson(text: string): GivenEvent[] {
  const value = parseJsonStrict(text, 'body');
  if (!Array.isArray(value)) return [{ value, what: 'event' }];
  checkCount(value.length);
  return value.map((each: unknown, index) => ({ value: each, what: `events[${index}]` }));
}

function fromLines(text: string): GivenEvent[] {
  const events: GivenEvent[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const what = `line ${index + 1}`;
    events.push({ value: parseJsonStrict(line, what), what });
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
