import { FeedError } from './feed-error.ts';
import { type EventId, formatEventId, isName, notAName, notAnEventId, readEventId } from './ids.ts';
import { excerpt } from './safe-text.ts';

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

/** What is wrong with a part of a text that is no cursor. */
export type CursorFault = 'unnamed' | 'twice' | 'name' | 'id' | 'epoch';

/**
 * Reads a cursor: `position *("," position)`, `position = [channel "@"] id ["~" epoch]`.
 * A position of a channel that was not asked for is checked and left out.
 * @param channels what the request asks for; a bare position needs exactly one.
 * @param refuse is told the part that is wrong.
 */
export function readCursor(
  text: string,
  channels: readonly string[],
  refuse: (fault: CursorFault, part: string) => never,
): Map<string, Position> {
  const positions = new Map<string, Position>();
  for (const part of text.split(',')) {
    const at = part.indexOf('@');
    const channel = at === -1 ? onlyOf(channels) : part.slice(0, at);
    if (channel === undefined) return refuse('unnamed', part);
    if (at !== -1 && !isName(channel)) return refuse('name', channel);
    const position = readPosition(part.slice(at + 1), refuse);
    if (positions.has(channel)) return refuse('twice', channel);
    positions.set(channel, position);
  }
  return new Map([...positions].filter(([channel]) => channels.includes(channel)));
}

function onlyOf(channels: readonly string[]): string | undefined {
  return channels.length === 1 ? channels[0] : undefined;
}

function readPosition(text: string, refuse: (fault: CursorFault, part: string) => never): Position {
  const tilde = text.indexOf('~');
  const epoch = tilde === -1 ? null : text.slice(tilde + 1);
  if (epoch !== null && !isEpoch(epoch)) return refuse('epoch', epoch);
  const idText = tilde === -1 ? text : text.slice(0, tilde);
  return { id: readEventId(idText) ?? refuse('id', idText), epoch };
}

/**
 * Reads a cursor that a person may have written.
 * @param what names the part in the error: `after`, `Last-Event-ID`.
 * @throws FeedError `bad-request`
 */
export function parseCursor(text: string, channels: readonly string[], what: string): Map<string, Position> {
  return readCursor(text, channels, refuseAs(what));
}

/** Reads `<id>` or `<id>~<epoch>`. @throws FeedError `bad-request` */
export function parsePosition(text: string, what: string): Position {
  return readPosition(text, refuseAs(what));
}

function refuseAs(what: string): (fault: CursorFault, part: string) => never {
  return (fault, part) => {
    const found = `"${excerpt(part)}"`;
    switch (fault) {
      case 'name':
        throw new FeedError('bad-request', `${what}: channel: ${found} ${notAName}`);
      case 'id':
        throw new FeedError('bad-request', `${what}: ${found} ${notAnEventId}`);
      case 'epoch':
        throw new FeedError(
          'bad-request',
          `${what}: ${found} is not an epoch; allowed are six characters a-z 0-9`,
        );
      case 'twice':
        throw new FeedError(
          'bad-request',
          `${what}: channel ${found} has two positions; allowed is one a channel`,
        );
      case 'unnamed':
        throw new FeedError(
          'bad-request',
          `${what}: ${found} names no channel; with several channels every position is written channel@id`,
        );
      default:
        throw fault satisfies never;
    }
  };
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes an epoch: six characters `[a-z0-9]`.
 * @param random gives numbers 0 ≤ x < 1.
 */
export function newEpoch(random: () => number): string {
  let epoch = '';
  while (epoch.length < 6) epoch += letters.charAt(Math.floor(random() * letters.length));
  return epoch;
}
