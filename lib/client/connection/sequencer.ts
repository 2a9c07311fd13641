import { type Gap, type Loss, lossBetween, toGap } from '../../core/continuity.ts';
import { type Cursor, formatPosition, type Position } from '../../core/cursor.ts';
import { compareEventIds, formatEventId, idAfter } from '../../core/ids.ts';
import { channelOf, entryOf, type FeedEntry, type FeedItem, gapEntry } from '../transport/feed-items.ts';
import type { Connection, Place, Progress, Source } from './state.ts';

/** The work of taking what one source told, so that a page of 500 events does not copy the reader's state 500 times. */
type Taking = {
  progress: Progress;
  source: Source;
  /** What was new to the reader: nothing where another source was faster. */
  readonly taken: FeedEntry[];
  /** With a type filter seqs jump; only the log's own word tells of a loss then. */
  readonly isFiltered: boolean;
};

/** What was told does not follow from where the reader is: events are missing, and nothing said so. */
type Hole = {
  readonly channel: string;
  /** What to say if reading again does not fill it; null when the source is merely late. */
  readonly loss: Loss | null;
};

/**
 * Takes an event or gap into the reader's progress, each once and in order, whichever source was faster.
 * Whether an event follows is judged by the one rule of continuity.
 * @returns null, or the hole for which it was not taken.
 */
function take(taking: Taking, item: FeedItem): Hole | null {
  const channel = channelOf(item);
  const place = taking.progress.places.get(channel);
  if (place === undefined)
    return move(taking, channel, { position: item.position, generation: 0 }, entryOf(item));
  const isLate = isBehind(taking, channel, place);
  if (item.kind === 'gap') return takeGap(taking, item.gap, item.position, place, isLate);
  if (isLate) return { channel, loss: null };
  const position = { id: item.position.id, epoch: item.position.epoch ?? place.position.epoch };
  const next = { position, generation: place.generation };
  if (isPassed(place, position)) return reach(taking, channel, next);
  const loss = lossBefore(place.position, position);
  const isLoss = loss !== null && !(taking.isFiltered && loss.reason === 'trimmed');
  return isLoss ? { channel, loss } : move(taking, channel, next, entryOf(item));
}

/** Whether the source is in a life of the log that the reader has left. */
function isBehind({ source }: Taking, channel: string, { generation }: Place): boolean {
  return (source.get(channel)?.generation ?? generation) < generation;
}

function isSameLife({ position }: Place, { epoch }: Position): boolean {
  return position.epoch === null || position.epoch === epoch;
}

/** Whether the reader has been at `position`. */
function isPassed(place: Place, position: Position): boolean {
  return isSameLife(place, position) && compareEventIds(position.id, place.position.id) <= 0;
}

/** What is lost between where the reader is and `next`, if nothing is said of it; null when `next` follows. */
function lossBefore(place: Position, { id, epoch }: Position): Loss | null {
  return lossBetween(place, epoch ?? '', id, id);
}

function takeGap(taking: Taking, gap: Gap, position: Position, place: Place, isLate: boolean): Hole | null {
  const { channel, reason } = gap;
  const next = { position, generation: place.generation };
  if (reason === 'trimmed') {
    if (isLate) return null;
    // The position's time is borrowed from the event that follows (`idBefore`): the reader may be there by its seq.
    const isThere = isSameLife(place, position) && position.id.seq === place.position.id.seq;
    if (isThere || isPassed(place, position)) return reach(taking, channel, next);
    return move(taking, channel, next, gapEntry(shrink(gap, place, position)));
  }
  if (isLate && isSameLife(place, position)) return reach(taking, channel, next);
  if (isLate && taking.progress.left.includes(`${channel}~${position.epoch}`)) return null;
  return move(taking, channel, { position, generation: place.generation + 1 }, gapEntry(gap));
}

/** A faster source may have brought part of what this one's log had trimmed: only the rest is missing. */
function shrink(gap: Gap, place: Place, position: Position): Gap {
  const after = formatEventId(place.position.id);
  if (gap.after === after || gap.missed === null) return gap;
  return { ...gap, after, missed: position.id.seq - place.position.id.seq };
}

/** The reader goes on, and the source with it. */
function move(taking: Taking, channel: string, place: Place, entry: FeedEntry | null): null {
  const { progress } = taking;
  const places = new Map(progress.places).set(channel, place);
  taking.progress = { ...leaveLife(progress, channel, place), places };
  if (entry !== null) taking.taken.push(entry);
  return reach(taking, channel, place);
}

/** The source goes on; the reader was there before. */
function reach(taking: Taking, channel: string, place: Place): null {
  // With each event a source says where it is in all of its channels; in most it has been there before.
  if (!isThere(taking.source.get(channel), place)) taking.source = new Map(taking.source).set(channel, place);
  return null;
}

function isThere(mine: Place | undefined, { position, generation }: Place): boolean {
  if (mine?.generation !== generation || mine.position.epoch !== position.epoch) return false;
  return mine.position.id.seq === position.id.seq;
}

const maxLeft = 100;

/** Remembers the life of the log that a new generation leaves behind. */
function leaveLife(progress: Progress, channel: string, next: Place): Progress {
  const place = progress.places.get(channel);
  if (place === undefined || next.generation === place.generation || place.position.epoch === null)
    return progress;
  const { id, epoch } = place.position;
  if (epoch === next.position.epoch) return { ...progress, forks: new Map(progress.forks).set(channel, id) };
  return { ...progress, left: [...progress.left, `${channel}~${epoch}`].slice(-maxLeft) };
}

/** Says a hole aloud as a gap, once reading again has not filled it. */
function sayHole(taking: Taking, channel: string, loss: Loss): void {
  const place = taking.progress.places.get(channel);
  const gap = toGap(channel, place?.position.id ?? loss.resume.id, loss, false);
  const generation = (place?.generation ?? 0) + (loss.reason === 'restarted' ? 1 : 0);
  move(taking, channel, { position: loss.resume, generation }, gapEntry(gap));
}

/**
 * Takes the position a source claims after a frame: all up to it was told before, or did not match the filter.
 * Ahead of the reader without a filter, it proves that something was not told.
 * @returns null, or the first hole; channels after it are not looked at.
 */
function settle(taking: Taking, cursor: Cursor): Hole | null {
  for (const [channel, position] of cursor) {
    const hole = settleChannel(taking, channel, position);
    if (hole !== null) return hole;
  }
  return null;
}

function settleChannel(taking: Taking, channel: string, position: Position): Hole | null {
  const place = taking.progress.places.get(channel);
  if (place === undefined) return move(taking, channel, { position, generation: 0 }, null);
  if (isBehind(taking, channel, place)) return { channel, loss: null };
  const known = place.position;
  const ahead = compareEventIds(position.id, known.id);
  const isSame = position.epoch === null || isSameLife(place, position);
  if (!isSame || (ahead > 0 && !taking.isFiltered)) {
    const loss = lossBefore(known, { ...position, id: idAfter(position.id, 1) });
    return { channel, loss: loss && { ...loss, resume: position, resumesAt: null } };
  }
  const next = { position, generation: place.generation };
  const isNews = ahead > 0 || (ahead === 0 && known.epoch === null && position.epoch !== null);
  return isNews ? move(taking, channel, next, null) : reach(taking, channel, next);
}

/**
 * Takes the first word of a stream. A channel it was opened with stays where it was asked for: a gap may follow.
 * A channel it was not opened with begins where the log says, unless another source has begun it meanwhile.
 */
function greet(taking: Taking, cursor: Cursor): Hole | null {
  return settle(taking, new Map([...cursor].filter(([channel]) => !taking.source.has(channel))));
}

/** What a source told, taken into the state. */
export type Absorbed = {
  readonly state: Connection;
  /** Where the source is now. */
  readonly source: Source;
  /** False when something is missing: the source must be left, and the log read again from the reader's cursor. */
  readonly isWhole: boolean;
};

/** How often a hole is read again before it is said aloud as a gap. */
const patience = 2;

/** Takes a stream's first word. */
export function absorbHello(state: Connection, source: Source, cursor: Cursor): Absorbed {
  const taking: Taking = { progress: state.progress, source, taken: [], isFiltered: false };
  const hole = greet(taking, cursor);
  if (hole !== null) return { state, source, isWhole: false };
  return { state: { ...state, progress: taking.progress }, source: taking.source, isWhole: true };
}

/**
 * Takes events and gaps in order, then the position the source claims to be at.
 * @param witness `log`: what the server said; a hole that it repeats is said aloud. `tab`: what another tab said; of
 * a hole in that only the log can tell.
 */
export function absorb(
  before: Connection,
  source: Source,
  items: readonly FeedItem[],
  cursor: Cursor,
  witness: 'log' | 'tab' = 'log',
): Absorbed {
  const { isFiltered } = before.settings;
  const taking: Taking = { progress: before.progress, source, taken: [...before.taken], isFiltered };
  let state = before;

  /** Does `act`; a hole that reading again did not fill is said aloud, and `act` done once more. */
  function attempt(act: () => Hole | null): boolean {
    const hole = act();
    if (hole === null) return true;
    if (witness === 'tab') return false;
    state = countHole(state, taking, hole);
    if (hole.loss === null || (state.hole?.count ?? 0) <= patience) return false;
    sayHole(taking, hole.channel, hole.loss);
    return act() === null;
  }

  // A gap has told its position itself; a late source may have more restarts to tell before it is up to date.
  const last = items.at(-1);
  const claim = last?.kind === 'gap' ? without(cursor, last.gap.channel) : cursor;
  const isWhole =
    items.every((item) => attempt(() => take(taking, item))) && attempt(() => settle(taking, claim));
  const { progress, taken } = taking;
  return { state: { ...state, progress, taken }, source: taking.source, isWhole };
}

function without(cursor: Cursor, channel: string): Cursor {
  return new Map([...cursor].filter(([name]) => name !== channel));
}

function countHole(state: Connection, { progress }: Taking, { channel, loss }: Hole): Connection {
  // A source that is merely late is left, but nothing is missing.
  if (loss === null) return state;
  const place = progress.places.get(channel);
  const at = `${channel}@${place === undefined ? '' : formatPosition(place.position)}`;
  const count = state.hole?.at === at ? state.hole.count + 1 : 1;
  return { ...state, hole: { at, count }, holes: state.holes + 1 };
}
