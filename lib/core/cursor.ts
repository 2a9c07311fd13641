import { type EventId, excerpt, formatEventId, parseEventId } from './event-id.ts';
import { FeedError } from './feed-error.ts';
import { parseName } from './name.ts';

/** Where a reader is in one channel: the last id it has passed, and the epoch of the log that issued it. */
export type Position = {
  readonly id: EventId;
  /** Six characters `[a-z0-9]`; null where none is known: a reader that sent none, a log that is empty. */
  readonly epoch: string | null;
};

/** Where a reader is: a position per channel. */
export type Cursor = ReadonlyMap<string, Position>;

const epochPattern = /^[a-z0-9]{6}$/;

/** Whether `text` can be an epoch. */
export function isEpoch(text: string): boolean {
  return epochPattern.test(text);
}

/** Writes `<id>~<epoch>`, or `<id>` where the epoch is not known. */
export function formatPosition(position: Position): string {
  const id = formatEventId(position.id);
  return position.epoch === null ? id : `${id}~${position.epoch}`;
}

/** Writes a cursor: a bare position for one channel, `channel@position,…` for several. */
export function formatCursor(cursor: Cursor): string {
  const isSingle = cursor.size === 1;
  const parts: string[] = [];
  for (const [channel, position] of cursor) {
    parts.push(isSingle ? formatPosition(position) : `${channel}@${formatPosition(position)}`);
  }
  return parts.join(',');
}

/**
 * Reads a cursor: `position *("," position)`, `position = [channel "@"] id ["~" epoch]`.
 * A position of a channel that was not asked for is checked and left out.
 * @param channels what the request asks for; a bare position needs exactly one.
 * @param what names the part in the error: `after`, `Last-Event-ID`.
 * @throws FeedError `bad-request`
 */
export function parseCursor(text: string, channels: readonly string[], what: string): Map<string, Position> {
  const cursor = new Map<string, Position>();
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const { channel, position } = parsePart(part, channels, what);
    if (seen.has(channel)) {
      throw new FeedError(
        'bad-request',
        `${what}: channel "${channel}" has two positions; allowed is one a channel`,
      );
    }
    seen.add(channel);
    if (channels.includes(channel)) cursor.set(channel, position);
  }
  return cursor;
}

function parsePart(part: string, channels: readonly string[], what: string) {
  const at = part.indexOf('@');
  const [only] = channels;
  if (at === -1 && (only === undefined || channels.length > 1)) {
    throw new FeedError(
      'bad-request',
      `${what}: "${excerpt(part)}" names no channel; with several channels every position is written channel@id`,
    );
  }
  const channel = at === -1 ? (only as string) : parseName(part.slice(0, at), `${what}: channel`);
  return { channel, position: parsePosition(part.slice(at + 1), what) };
}

/** Reads `<id>` or `<id>~<epoch>`. @throws FeedError `bad-request` */
export function parsePosition(text: string, what: string): Position {
  const tilde = text.indexOf('~');
  if (tilde === -1) return { id: parseEventId(text, what), epoch: null };
  const epoch = text.slice(tilde + 1);
  if (!isEpoch(epoch)) {
    throw new FeedError(
      'bad-request',
      `${what}: "${excerpt(epoch)}" is not an epoch; allowed are six characters a-z 0-9`,
    );
  }
  return { id: parseEventId(text.slice(0, tilde), what), epoch };
}
