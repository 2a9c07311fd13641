import { FeedError } from './feed-error.ts';
import { excerpt } from './safe-text.ts';

/**
 * Names one event of one channel; written `<time>-<seq>`.
 * Ids of one epoch increase strictly, and their seqs are dense: two ids tell how many events lie between.
 */
export type EventId = {
  /** Unix time in ms at which the log took the event. */
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

/** What is said of a text that is no event id. */
export const notAnEventId =
  'is not an event id; allowed is <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event';

/** Reads `<time>-<seq>`: both decimal, without leading zeros, within ±2^53; seq 0 only as `0-0`. Null for any other text. */
export function readEventId(text: string): EventId | null {
  const match = idPattern.exec(text);
  const time = Number(match?.[1]);
  const seq = Number(match?.[2]);
  const isKnown = Number.isSafeInteger(time) && Number.isSafeInteger(seq);
  return isKnown && (seq !== 0 || time === 0) ? { time, seq } : null;
}

/**
 * The same, for a text that a person may have written.
 * @param what names the part in the error, for example `cursor` or `before`.
 * @throws FeedError `bad-request`
 */
export function parseEventId(text: string, what: string): EventId {
  const id = readEventId(text);
  if (id !== null) return id;
  throw new FeedError('bad-request', `${what}: "${excerpt(text)}" ${notAnEventId}`);
}

/** Negative when `a` comes before `b`, positive when after, 0 when they are the same id. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.time - b.time || a.seq - b.seq;
}

/**
 * The id a reader has passed when `id` is the next it gets. Its time is borrowed from `id`: ids are ordered
 * by time first, and the true predecessor's time is never later.
 */
export function idBefore(id: EventId): EventId {
  return id.seq <= 1 ? beforeFirst : { time: id.time, seq: id.seq - 1 };
}

/** The id `count` places after `id` within one request, whose events share their time. */
export function idAfter(id: EventId, count: number): EventId {
  return { time: id.time, seq: id.seq + count };
}

/** The channel of a request or event that names none. */
export const defaultChannel = 'feed';

/** The type of an event that names none. */
export const defaultType = 'message';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Whether `text` may name a channel or a type. A name of digits alone is legal and stays text. */
export function isName(text: unknown): text is string {
  return typeof text === 'string' && namePattern.test(text);
}

/** What is said of a text that is no name. */
export const notAName =
  'is not a name; allowed are 1 to 100 characters A-Z a-z 0-9 . _ : - that begin with a letter or digit';

/**
 * Gives `text` back when it may name a channel or a type.
 * @param what names the part in the error, for example `channel` or `events[3].type`.
 * @throws FeedError `bad-request`
 */
export function parseName(text: unknown, what: string): string {
  if (isName(text)) return text;
  const found = typeof text === 'string' ? `"${excerpt(text)}"` : `a ${text === null ? 'null' : typeof text}`;
  throw new FeedError('bad-request', `${what}: ${found} ${notAName}`);
}
