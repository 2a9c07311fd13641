import { FeedError } from './feed-error.ts';
import { type EventId, formatEventId, isName, notAName, notAnEventId, readEventId } from './ids.ts';
import { excerpt } from './safe-text.ts';

/** A place in one channel: the last id that the reader has passed, and the epoch of that id. */
export type Position = {
  readonly id: EventId;
  /** Six characters `[a-z0-9]`; null when it is unknown: the reader sent none, or the log is empty. */
  readonly epoch: string | null;
};

/** The place of a reader: one position for each of its channels. */
export type Cursor = ReadonlyMap<string, Position>;

/** Writes `<id>~<epoch>`, or `<id>` when the epoch is unknown. */
export function formatPosition(position: Position): string {
  const id = formatEventId(position.id);
  return position.epoch === null ? id : `${id}~${position.epoch}`;
}

/** Writes a cursor: the position alone for one channel, `channel@position,…` for several. */
export function formatCursor(cursor: Cursor): string {
  const isSingle = cursor.size === 1;
  const parts: string[] = [];
  for (const [channel, position] of cursor) {
    parts.push(isSingle ? formatPosition(position) : `${channel}@${formatPosition(position)}`);
  }
  return parts.join(',');
}

/**
 * Reads a cursor from outside.
 * @param channels the channels of the request.
 * @param what names the cursor in the error: `after`, `Last-Event-ID`.
 * @throws FeedError `bad-request`
 */
export function parseCursor(text: string, channels: readonly string[], what: string): Map<string, Position> {
  return readCursor(text, channels, throwBadRequest(what));
}

/** To find each cursor broken takes time, and a request has room for thousands. */
const maxJoinedCursors = 10;

/**
 * Reads the last valid one of cursors that are joined by commas. HTTP joins headers of the same name so, with a blank
 * after the comma or without: a client and its polyfill may each send a `Last-Event-ID`. A new cursor begins after a blank,
 * or with a channel that stands again. Only the last ten are looked at.
 * @throws FeedError `bad-request` if none is valid.
 */
export function parseLastCursor(
  text: string,
  channels: readonly string[],
  what: string,
): Map<string, Position> {
  let fault: unknown;
  for (const cursor of splitCursors(text, channels).slice(-maxJoinedCursors).reverse()) {
    try {
      return parseCursor(cursor, channels, what);
    } catch (error) {
      fault ??= error;
    }
  }
  throw fault;
}

function splitCursors(text: string, channels: readonly string[]): string[] {
  const cursors: string[][] = [];
  const named = new Set<string | undefined>();
  for (const part of text.split(',')) {
    const at = part.indexOf('@');
    const channel = at === -1 ? onlyOf(channels) : part.slice(0, at);
    const current = /^\s/.test(part) || named.has(channel) ? undefined : cursors.at(-1);
    if (current === undefined) {
      named.clear();
      cursors.push([part.trim()]);
    } else current.push(part.trim());
    named.add(channel);
  }
  return cursors.map((parts) => parts.join(','));
}

/**
 * Reads one position, `<id>` or `<id>~<epoch>`, from outside.
 * @param what names the position in the error.
 * @throws FeedError `bad-request`
 */
export function parsePosition(text: string, what: string): Position {
  return readPosition(text, throwBadRequest(what));
}

/** What is wrong with a part of a cursor: it names no channel, or a channel twice; or its name, id or epoch is invalid. */
type CursorFault = 'no-channel' | 'duplicate' | 'name' | 'id' | 'epoch';

/**
 * Reads a cursor: `position *("," position)`, `position = [channel "@"] id ["~" epoch]`. Positions of channels that the
 * request does not ask for must be well-formed too, but are left out.
 * @param channels the channels of the request. A position without a name is allowed for a single channel only.
 * @param fail gets the wrong part, and throws.
 */
export function readCursor(
  text: string,
  channels: readonly string[],
  fail: (fault: CursorFault, part: string) => never,
): Map<string, Position> {
  const positions = new Map<string, Position>();
  for (const part of text.split(',')) {
    const at = part.indexOf('@');
    const channel = at === -1 ? onlyOf(channels) : part.slice(0, at);
    if (channel === undefined) return fail('no-channel', part);
    if (at !== -1 && !isName(channel)) return fail('name', channel);
    const position = readPosition(part.slice(at + 1), fail);
    if (positions.has(channel)) return fail('duplicate', channel);
    positions.set(channel, position);
  }
  return new Map([...positions].filter(([channel]) => channels.includes(channel)));
}

function onlyOf(channels: readonly string[]): string | undefined {
  return channels.length === 1 ? channels[0] : undefined;
}

function readPosition(text: string, fail: (fault: CursorFault, part: string) => never): Position {
  const tilde = text.indexOf('~');
  const epoch = tilde === -1 ? null : text.slice(tilde + 1);
  if (epoch !== null && !isEpoch(epoch)) return fail('epoch', epoch);
  const idText = tilde === -1 ? text : text.slice(0, tilde);
  return { id: readEventId(idText) ?? fail('id', idText), epoch };
}

function throwBadRequest(what: string): (fault: CursorFault, part: string) => never {
  return (fault, part) => {
    throw new FeedError('bad-request', `${what}: ${describeFault(fault, `"${excerpt(part)}"`)}`);
  };
}

function describeFault(fault: CursorFault, part: string): string {
  switch (fault) {
    case 'name':
      return `channel: ${part} ${notAName}`;
    case 'id':
      return `${part} ${notAnEventId}`;
    case 'epoch':
      return `${part} is not an epoch, which has six characters a-z 0-9. Send the cursor as the server gave it.`;
    case 'duplicate':
      return `channel ${part} has two positions. Send one for each channel.`;
    case 'no-channel':
      return `${part} names no channel. With several channels, write each position as channel@id.`;
  }
}

const epochPattern = /^[a-z0-9]{6}$/;

/** Whether `text` has the form of an epoch. */
export function isEpoch(text: string): boolean {
  return epochPattern.test(text);
}

const epochCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes an epoch: six characters `[a-z0-9]`.
 * @param random returns numbers 0 ≤ x < 1.
 */
export function newEpoch(random: () => number): string {
  let epoch = '';
  while (epoch.length < 6) epoch += epochCharacters.charAt(Math.floor(random() * epochCharacters.length));
  return epoch;
}
