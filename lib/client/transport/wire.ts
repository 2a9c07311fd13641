import type { Gap } from '../../core/continuity.ts';
import { type Cursor, type Position, readCursor } from '../../core/cursor.ts';
import { defaultPollAdvice, type FeedEvent, type PollAdvice } from '../../core/event.ts';
import { FeedError } from '../../core/feed-error.ts';
import { type EventId, readEventId } from '../../core/ids.ts';
import type { Handover, Hello, Problem } from '../../core/sse-frames.ts';
import type { FeedItem } from './messages.ts';

/*
 * Checks everything that the client gets from outside: frames, pages, problems, and messages of other tabs. A proxy or
 * another version may send anything. Only fields that the client itself uses are checked, so that a server may add fields.
 */

/** @throws FeedError `bad-request`, always. */
export function refuse(what: string): never {
  throw new FeedError('bad-request', `${what} is malformed; docs/protocol.md describes the format`);
}

/** Returns an object as it is. @param what names it in the error. @throws FeedError `bad-request` for anything else. */
export function readRecord(value: unknown, what: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : refuse(what);
}

/** Returns a list as it is. @param what names it in the error. @throws FeedError `bad-request` for anything else. */
export function readList(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(what);
}

/** Reads an event id. @throws FeedError `bad-request` */
export function readId(value: unknown): EventId {
  return readEventId(String(value)) ?? refuse(`id ${value}`);
}

/** Reads a cursor of these channels. @param what names it in the error. @throws FeedError `bad-request` */
export function readCursorOf(channels: readonly string[], value: unknown, what: string): Cursor {
  return readCursor(String(value), channels, (_, part) => refuse(`${what}: ${part}`));
}

/** Reads an event. @param cursor of the source after the event. @throws FeedError `bad-request` */
export function readEvent(value: unknown, cursor: Cursor): FeedItem {
  const event = readRecord(value, 'event') as FeedEvent;
  return { kind: 'event', event, position: { id: readId(event.id), epoch: positionOf(cursor, event).epoch } };
}

/** The position of a source in the channel of an item. @throws FeedError `bad-request` for a channel that nobody asked for. */
export function positionOf(cursor: Cursor, { channel }: FeedEvent | Gap): Position {
  return cursor.get(channel) ?? refuse(`channel ${channel}`);
}

/** Reads a gap. @throws FeedError `bad-request` */
export function readGap(value: unknown): Gap {
  const gap = readRecord(value, 'gap') as Gap;
  readId(gap.after);
  if (gap.resumesAt !== null) readId(gap.resumesAt);
  return gap.reason === 'trimmed' || gap.reason === 'restarted' ? gap : refuse(`gap ${gap.reason}`);
}

/** Reads the data of a hello. @returns `heartbeatMs` 0 where the server did not say. @throws FeedError `bad-request` */
export function readHello(value: unknown): Hello {
  const hello = readRecord(value, 'hello') as Hello;
  return { ...hello, heartbeatMs: within(hello.heartbeatMs, Number.MAX_SAFE_INTEGER) };
}

/** Reads the time at which the server sent something, Unix ms. @returns null where it did not say. */
export function readTime(value: unknown): number | null {
  return Number(value) || null;
}

/** Reads the data of a handover. An unknown reason is a planned end like any other. @returns `everyMs` 0 where it is absent. @throws FeedError `bad-request` */
export function readHandover(value: unknown): Handover {
  const handover = readRecord(value, 'handover') as Handover;
  return { ...handover, everyMs: within(handover.everyMs, maxEveryMs) };
}

/** Reads the problem of a refusal. @returns null if it has no text that can be shown. @throws FeedError `bad-request` */
export function readProblem(value: unknown): Problem | null {
  const problem = readRecord(value, 'problem') as Problem;
  return typeof problem.title === 'string' && typeof problem.detail === 'string' ? problem : null;
}

/** Longest wait in seconds of a long poll, and longest pause in ms between two polls, that the client accepts as advice. */
const maxWaitSeconds = 20;
const maxEveryMs = 60_000;

/** Reads the advice for polling, within bounds: a wrong one must let the client neither spin nor fall asleep. */
export function readPollAdvice(value: unknown): PollAdvice {
  const { waitSeconds, everyMs, rest } = { ...defaultPollAdvice, ...(value as PollAdvice) };
  return {
    waitSeconds: within(waitSeconds, maxWaitSeconds),
    everyMs: within(everyMs, maxEveryMs),
    rest: rest === true,
  };
}

/** A number from 0 to `most`; 0 for anything that is no number. */
function within(value: unknown, most: number): number {
  return Math.min(most, Math.max(0, Number(value) || 0));
}
