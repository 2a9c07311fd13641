import { FeedError } from './feed-error.ts';
import { excerpt } from './safe-text.ts';

/**
 * The name of one event in its channel, written `<time>-<seq>`. Within an epoch ids strictly increase and seqs are
 * dense, so two ids tell how many events lie between them.
 */
export type EventId = {
  /** Unix time in ms at which the log stored the event. */
  readonly time: number;
  /** 1, 2, 3, … within the epoch; 0 only in `beforeFirst`. */
  readonly seq: number;
};

/** `0-0`: the position before the first event. */
export const beforeFirst: EventId = { time: 0, seq: 0 };

const idPattern = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Writes an id as `<time>-<seq>`. */
export function formatEventId(id: EventId): string {
  return `${id.time}-${id.seq}`;
}

/**
 * Reads `<time>-<seq>`, two decimal numbers without leading zeros, at most 2^53 - 1; seq 0 only in `0-0`. Returns null
 * for any other text.
 */
export function readEventId(text: string): EventId | null {
  const match = idPattern.exec(text);
  const time = Number(match?.[1]);
  const seq = Number(match?.[2]);
  const isKnown = Number.isSafeInteger(time) && Number.isSafeInteger(seq);
  return isKnown && (seq !== 0 || time === 0) ? { time, seq } : null;
}

/**
 * Reads an id from outside, for example from a query.
 * @param what names the part in the error, for example `before`.
 * @throws FeedError `bad-request`
 */
export function parseEventId(text: string, what: string): EventId {
  const id = readEventId(text);
  if (id !== null) return id;
  throw new FeedError('bad-request', `${what}: "${excerpt(text)}" ${notAnEventId}`);
}

/** The end of the error about a text that is not an event id. */
export const notAnEventId =
  'is not an event id. Write it as <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event.';

/** Compares two ids of one epoch: negative when `a` is first, positive when `b` is first, 0 when they are equal. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.time - b.time || a.seq - b.seq;
}

/**
 * The position directly before an event. It has the event's own time, because the time of the event before it is not
 * known. That is safe: ids are compared by time first, and the event before is never later.
 */
export function idBefore(id: EventId): EventId {
  return id.seq <= 1 ? beforeFirst : { time: id.time, seq: id.seq - 1 };
}

/** The id that comes `count` events after `id` in the same publish request: all its events have the same time. */
export function idAfter(id: EventId, count: number): EventId {
  return { time: id.time, seq: id.seq + count };
}

/** The channel of a request or an event that names none. */
export const defaultChannel = 'feed';

/** The type of an event that names none. */
export const defaultType = 'message';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Whether `text` is a valid name of a channel or a type. A name of digits alone is valid, and stays text. */
export function isName(text: unknown): text is string {
  return typeof text === 'string' && namePattern.test(text);
}

const subjectPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;

/** Whether `text` is a valid subject: the characters of a name, but up to 200 of them. */
export function isSubject(text: unknown): text is string {
  return typeof text === 'string' && subjectPattern.test(text);
}

/**
 * Checks a subject, and returns it.
 * @param what names the part in the error, for example `subject` or `events[3].subject`.
 * @throws FeedError `bad-request`
 */
export function parseSubject(text: unknown, what: string): string {
  if (isSubject(text)) return text;
  throw new FeedError(
    'bad-request',
    `${what}: ${describe(text)} is not a valid subject. Use 1 to 200 of the characters A-Z a-z 0-9 . _ : - and start with a letter or a digit.`,
  );
}

/**
 * Checks the name of a channel or a type, and returns it.
 * @param what names the part in the error, for example `channel` or `events[3].type`.
 * @throws FeedError `bad-request`
 */
export function parseName(text: unknown, what: string): string {
  if (isName(text)) return text;
  throw new FeedError('bad-request', `${what}: ${describe(text)} ${notAName}`);
}

function describe(text: unknown): string {
  if (typeof text === 'string') return `"${excerpt(text)}"`;
  return `a value of type ${text === null ? 'null' : typeof text}`;
}

/** The end of the error about a text that is not a name. */
export const notAName =
  'is not a valid name. Use 1 to 100 of the characters A-Z a-z 0-9 . _ : - and start with a letter or a digit.';
