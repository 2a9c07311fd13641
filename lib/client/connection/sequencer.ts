import { type Gap, type Loss, lossBetween, toGap } from '../../core/continuity.ts';
import { type Cursor, formatPosition, type Position } from '../../core/cursor.ts';
import { compareEventIds, type EventId, formatEventId, idAfter } from '../../core/ids.ts';
import { channelOf, type FeedItem } from '../transport/messages.ts';

/*
 * The sequencer makes one ordered history out of several sources that overlap. The reader gets each event once, in
 * order, from the source that was faster. Missing events are read again from the log; if they are gone, the reader gets a gap.
 * The sequencer knows nothing of connections: a source is a stream, a poll, or another tab.
 *
 * The log can be lost, and all sources do not find out at the same time. So the sequencer remembers this for each channel:
 * - generation: how many `restarted` gaps came so far. A source in a lower generation than the reader is late.
 * - left epochs: the epochs before such gaps. A source that is still in one is late too.
 * - fork: where the reader was when the log lost its end and went on in the same epoch. Up to there one id can name two events.
 * Example: a reader is at 7 of epoch A, generation 0. A new stream reports that the log started again in epoch B: the reader
 * is in generation 1, and A is a left epoch. An event 8 of epoch A, from the old stream or another tab, is not shown.
 */

/** Where a reader or a source is in one channel. */
export type ChannelPosition = {
  readonly position: Position;
  /** Counts the `restarted` gaps of the channel, from 0. */
  readonly generation: number;
};

/** Where one source is, by channel. Its holder only passes it back to the sequencer. */
export type SourcePositions = ReadonlyMap<string, ChannelPosition>;

/** What a reader subscribes to. */
export type Subscription = {
  readonly channels: readonly string[];
  /** With a type filter the events of a source need not have consecutive numbers. */
  readonly isFiltered: boolean;
};

/** Where the reader is, over all of its sources, and what it remembers of the way. */
export type ReaderPositions = {
  readonly subscription: Subscription;
  /** A new source begins here. */
  readonly positions: SourcePositions;
  /** `channel~epoch` of the epochs that the reader has left, oldest first. A source that is still in one is late. */
  readonly leftEpochs: readonly string[];
  /** Per channel whose log lost its end: where the reader was then. Up to here an id may name two events. */
  readonly forks: ReadonlyMap<string, EventId>;
  /** The last discontinuity, and how often in a row it was found. */
  readonly unresolved: { readonly at: string; readonly count: number } | null;
  /** Discontinuities found so far. The page shows the number. */
  readonly discontinuities: number;
};

/** What became of an update. */
export type Applied = {
  /** The same object as before when nothing changed. */
  readonly reader: ReaderPositions;
  readonly source: SourcePositions;
  /** What is new to the reader, in order. Empty when another source was faster. */
  readonly accepted: readonly FeedItem[];
  /** False: something is missing. Leave the source, and read again from the reader's cursor. */
  readonly isComplete: boolean;
};

/** How often a discontinuity is read again before it becomes a gap. */
const maxRereads = 2;

/** Epochs that a reader remembers. */
const maxLeftEpochs = 100;

/** A reader that begins at `cursor`. A channel without a position begins where its first source does. */
export function readerAt(cursor: Cursor, subscription: Subscription): ReaderPositions {
  const positions = new Map(
    [...cursor].map(([channel, position]) => [channel, { position, generation: 0 }] as const),
  );
  return {
    subscription,
    positions,
    leftEpochs: [],
    forks: new Map(),
    unresolved: null,
    discontinuities: 0,
  };
}

/**
 * Applies what a server sent: events and gaps in order, then the cursor that the source claims.
 * A discontinuity that comes back after two reads becomes a gap.
 */
export function accept(
  reader: ReaderPositions,
  source: SourcePositions,
  items: readonly FeedItem[],
  cursor: Cursor,
): Applied {
  const context = contextOf(reader, source);
  const isComplete = apply(context, items, cursor, (found) => reportIfUnresolved(context, found));
  return appliedOf(context, isComplete);
}

/**
 * Applies the first message of a stream. A channel that the stream was opened with stays at that position, since a gap
 * may follow. Any other channel begins where the log says, unless another source was faster.
 */
export function acceptHello(reader: ReaderPositions, source: SourcePositions, cursor: Cursor): Applied {
  return accept(reader, source, [], new Map([...cursor].filter(([channel]) => !source.has(channel))));
}

/** A stretch of the log: all events after `from` up to `cursor`, without those that the type filter leaves out. */
export type Segment = {
  readonly from: Cursor;
  readonly items: readonly FeedItem[];
  readonly cursor: Cursor;
};

/**
 * Applies what another tab has read, as far as it continues from the reader's position. It never reports a gap: a tab
 * can be late or in another epoch, and messages between tabs can be lost. Only the log can say what is missing.
 */
export function acceptSegment(reader: ReaderPositions, segment: Segment): Omit<Applied, 'source'> {
  const newer = [...segment.cursor].filter(([channel, position]) => isAhead(reader, channel, position));
  const cursor = new Map(newer.filter(([channel]) => continues(reader, channel, segment)));
  const items = segment.items.filter((item) => cursor.has(channelOf(item)));
  // The source counts as being at the reader's position: events that the reader has are skipped, new ones accepted.
  const context = contextOf(reader, reader.positions);
  const isComplete = apply(context, items, cursor, () => false) && cursor.size === newer.length;
  return appliedOf(context, isComplete);
}

/** Whether a source at `cursor` may have read events that the reader does not have. */
export function isBehind(reader: ReaderPositions, cursor: Cursor): boolean {
  return [...cursor].some(([channel, position]) => isAhead(reader, channel, position));
}

/** Whether the reader is exactly at `cursor` in each of its channels. */
export function isAt({ positions, subscription }: ReaderPositions, cursor: Cursor): boolean {
  return subscription.channels.every((channel) => {
    const position = positions.get(channel)?.position;
    const other = cursor.get(channel);
    return position && other && formatPosition(position) === formatPosition(other);
  });
}

/** Whether `source` has sent everything that a source at `target` has. Then a handover from that one can end. */
export function hasReached(source: SourcePositions, target: SourcePositions): boolean {
  return [...target].every(([channel, { position, generation }]) => {
    const own = source.get(channel);
    if (own === undefined || own.generation < generation) return false;
    return own.generation > generation || compareEventIds(own.position.id, position.id) >= 0;
  });
}

/** The cursor to continue from, as the query `after` has it; null where no position is known yet. */
export function writeCursor({ positions, subscription }: ReaderPositions): string | null {
  const isSingle = subscription.channels.length === 1;
  const parts: string[] = [];
  for (const [channel, { position }] of positions) {
    parts.push(isSingle ? formatPosition(position) : `${channel}@${formatPosition(position)}`);
  }
  return parts.length === 0 ? null : parts.join(',');
}

/** The working copy of one update. The maps are copied once: a page has up to 500 events. */
type ApplyContext = {
  readonly reader: ReaderPositions;
  readonly positions: Map<string, ChannelPosition>;
  readonly source: Map<string, ChannelPosition>;
  readonly accepted: FeedItem[];
  leftEpochs: readonly string[];
  forks: ReadonlyMap<string, EventId>;
  unresolved: ReaderPositions['unresolved'];
  discontinuities: number;
  hasReaderMoved: boolean;
};

function contextOf(reader: ReaderPositions, source: SourcePositions): ApplyContext {
  const { leftEpochs, forks, unresolved, discontinuities } = reader;
  return {
    reader,
    leftEpochs,
    forks,
    unresolved,
    discontinuities,
    positions: new Map(reader.positions),
    source: new Map(source),
    accepted: [],
    hasReaderMoved: false,
  };
}

function appliedOf(context: ApplyContext, isComplete: boolean): Applied {
  const { reader, positions, source, accepted, leftEpochs, forks, unresolved, discontinuities } = context;
  const isSame = !context.hasReaderMoved && discontinuities === reader.discontinuities;
  const { subscription } = reader;
  const after = { subscription, positions, leftEpochs, forks, unresolved, discontinuities };
  return { reader: isSame ? reader : after, source, accepted, isComplete };
}

/** An update does not continue from the reader's position, and no gap explains it. */
type Discontinuity = {
  readonly channel: string;
  /** The gap to report if reading again does not help. Null: the source is late, and nothing is missing. */
  readonly loss: Loss | null;
};

/**
 * Applies items in order, then the cursor.
 * @param resolve gets each discontinuity. It returns true when it has reported a gap there, so that the step can be
 * tried again.
 * @returns whether everything was applied; the first step that cannot be ends it.
 */
function apply(
  context: ApplyContext,
  items: readonly FeedItem[],
  cursor: Cursor,
  resolve: (found: Discontinuity) => boolean,
): boolean {
  const attempt = (step: () => Discontinuity | null) => {
    const found = step();
    return found === null || (resolve(found) && step() === null);
  };
  // A gap that comes last says itself where the source is in that channel. The cursor may name an epoch that the source has
  // yet to reach: after two restarts, a source that is late has sent the gap of the first one only.
  const last = items.at(-1);
  const claimed = [...cursor].filter(([channel]) => last?.kind !== 'gap' || last.gap.channel !== channel);
  return (
    items.every((item) => attempt(() => applyItem(context, item))) &&
    attempt(() => reconcile(context, claimed))
  );
}

/** Counts a discontinuity. @returns whether it was read again often enough, and is now reported as a gap. */
function reportIfUnresolved(context: ApplyContext, { channel, loss }: Discontinuity): boolean {
  if (loss === null) return false;
  const known = context.positions.get(channel);
  const at = `${channel}@${known === undefined ? '' : formatPosition(known.position)}`;
  const count = context.unresolved?.at === at ? context.unresolved.count + 1 : 1;
  context.unresolved = { at, count };
  context.discontinuities += 1;
  if (count <= maxRereads) return false;
  reportGap(context, channel, loss);
  return true;
}

function reportGap(context: ApplyContext, channel: string, loss: Loss): void {
  const known = context.positions.get(channel);
  const gap = toGap(channel, known?.position.id ?? loss.resume.id, loss, false);
  const generation = (known?.generation ?? 0) + (loss.reason === 'restarted' ? 1 : 0);
  moveReader(
    context,
    channel,
    { position: loss.resume, generation },
    { kind: 'gap', gap, position: loss.resume },
  );
}

/** @returns null, or the discontinuity for which the item was not applied. */
function applyItem(context: ApplyContext, item: FeedItem): Discontinuity | null {
  const channel = channelOf(item);
  const known = context.positions.get(channel);
  if (known === undefined)
    return moveReader(context, channel, { position: item.position, generation: 0 }, item);
  const isLate = isInEarlierGeneration(context, channel, known);
  if (item.kind === 'gap') return applyGap(context, item.gap, item.position, known, isLate);
  if (isLate) return { channel, loss: null };
  const position = { id: item.position.id, epoch: item.position.epoch ?? known.position.epoch };
  const next = { position, generation: known.generation };
  if (hasPassed(known, position)) return confirm(context, channel, next);
  const loss = lossBefore(known.position, position);
  const isExcused = context.reader.subscription.isFiltered && loss?.reason === 'trimmed';
  return loss !== null && !isExcused ? { channel, loss } : moveReader(context, channel, next, item);
}

function applyGap(
  context: ApplyContext,
  gap: Gap,
  position: Position,
  known: ChannelPosition,
  isLate: boolean,
): Discontinuity | null {
  const { channel, reason } = gap;
  const next = { position, generation: known.generation };
  if (reason === 'trimmed') {
    if (isLate) return null;
    // The position's time comes from the event that follows (`idBefore`), so only its number can be compared.
    const isThere = isSameEpoch(known, position) && position.id.seq === known.position.id.seq;
    if (isThere || hasPassed(known, position)) return confirm(context, channel, next);
    return moveReader(context, channel, next, {
      kind: 'gap',
      gap: remainderOf(gap, known, position),
      position,
    });
  }
  if (isLate && isSameEpoch(known, position)) return confirm(context, channel, next);
  if (isLate && context.leftEpochs.includes(`${channel}~${position.epoch}`)) return null;
  const generation = known.generation + 1;
  return moveReader(context, channel, { position, generation }, { kind: 'gap', gap, position });
}

/** A faster source may have brought part of what this source's log has trimmed. Only the rest is missing. */
function remainderOf(gap: Gap, known: ChannelPosition, position: Position): Gap {
  const after = formatEventId(known.position.id);
  if (gap.after === after || gap.missed === null) return gap;
  return { ...gap, after, missed: position.id.seq - known.position.id.seq };
}

/**
 * Applies the cursor that a source claims: it has sent every event up to there that matches the filter. If the cursor is
 * beyond the reader's position and there is no filter, events are missing.
 * @returns null, or the first discontinuity. The channels after it are left as they are.
 */
function reconcile(
  context: ApplyContext,
  cursor: readonly (readonly [string, Position])[],
): Discontinuity | null {
  for (const [channel, position] of cursor) {
    const found = reconcileChannel(context, channel, position);
    if (found !== null) return found;
  }
  return null;
}

function reconcileChannel(context: ApplyContext, channel: string, position: Position): Discontinuity | null {
  const known = context.positions.get(channel);
  if (known === undefined) return moveReader(context, channel, { position, generation: 0 }, null);
  if (isInEarlierGeneration(context, channel, known)) return { channel, loss: null };
  const order = compareEventIds(position.id, known.position.id);
  const isSame = position.epoch === null || isSameEpoch(known, position);
  // A source that names the channel for the first time was not asked to begin where the reader is, filter or not.
  const isNew = !context.source.has(channel);
  const isExcused = context.reader.subscription.isFiltered && !isNew;
  if (!isSame || (order > 0 && !isExcused)) {
    const loss = lossBefore(known.position, { ...position, id: idAfter(position.id, 1) });
    return { channel, loss: isNew || loss === null ? null : { ...loss, resume: position, resumesAt: null } };
  }
  const next = { position, generation: known.generation };
  const isNews = order > 0 || (order === 0 && known.position.epoch === null && position.epoch !== null);
  return isNews ? moveReader(context, channel, next, null) : confirm(context, channel, next);
}

/** The reader moves on, and the source with it. */
function moveReader(
  context: ApplyContext,
  channel: string,
  next: ChannelPosition,
  item: FeedItem | null,
): null {
  leaveEpoch(context, channel, next);
  context.positions.set(channel, next);
  context.hasReaderMoved = true;
  if (item !== null) context.accepted.push(item);
  return confirm(context, channel, next);
}

/** The source moves on. The reader was there before. */
function confirm(context: ApplyContext, channel: string, next: ChannelPosition): null {
  context.source.set(channel, next);
  return null;
}

/** A new generation leaves an epoch behind; or the same epoch goes on without its end: a fork. */
function leaveEpoch(context: ApplyContext, channel: string, next: ChannelPosition): void {
  const known = context.positions.get(channel);
  if (known === undefined || next.generation === known.generation || known.position.epoch === null) return;
  const { id, epoch } = known.position;
  if (epoch === next.position.epoch) context.forks = new Map(context.forks).set(channel, id);
  else context.leftEpochs = [...context.leftEpochs, `${channel}~${epoch}`].slice(-maxLeftEpochs);
}

/** Whether the source is in a generation that the reader has left. */
function isInEarlierGeneration(
  { source }: ApplyContext,
  channel: string,
  { generation }: ChannelPosition,
): boolean {
  return (source.get(channel)?.generation ?? generation) < generation;
}

function isSameEpoch({ position }: ChannelPosition, { epoch }: Position): boolean {
  return position.epoch === null || position.epoch === epoch;
}

/** Whether the reader has been at `position`. */
function hasPassed(known: ChannelPosition, position: Position): boolean {
  return isSameEpoch(known, position) && compareEventIds(position.id, known.position.id) <= 0;
}

/** What is lost between the reader and an event at `next`; null when it is the next event. */
function lossBefore(known: Position, { id, epoch }: Position): Loss | null {
  return lossBetween(known, epoch ?? '', id, id);
}

function isAhead({ positions, leftEpochs }: ReaderPositions, channel: string, position: Position): boolean {
  const known = positions.get(channel);
  if (known === undefined) return true;
  if (leftEpochs.includes(`${channel}~${position.epoch}`)) return false;
  const order = compareWithin(known.position, position);
  return order === 'apart' || order > 0;
}

/** Whether a segment begins no later than the reader's position in `channel`, in the same epoch. */
function continues(
  { positions, forks, subscription }: ReaderPositions,
  channel: string,
  { from, cursor, items }: Segment,
): boolean {
  const known = positions.get(channel)?.position;
  const begin = from.get(channel);
  const end = cursor.get(channel);
  if (known === undefined || begin === undefined || end === undefined) return false;
  const order = compareWithin(known, begin);
  if (order === 'apart' || order > 0 || compareWithin(known, end) === 'apart') return false;
  const ids = items.filter((item) => channelOf(item) === channel).map(({ position }) => position.id);
  // With a filter numbers jump. Only the reader's own position in the segment shows that it is the same history.
  const isOnPath = order === 0 || ids.some((id) => compareEventIds(id, known.id) === 0);
  if (subscription.isFiltered && !isOnPath) return false;
  // An event that was lost with the log's end must not come back from a tab that does not know of the loss yet.
  const fork = forks.get(channel);
  const isCertain = (id: EventId) =>
    fork === undefined || compareEventIds(id, known.id) <= 0 || compareEventIds(id, fork) > 0;
  return [end.id, ...ids].every(isCertain);
}

/** Positive when `position` is after `known`, negative when before; `apart` when they cannot be of one history. */
function compareWithin(known: Position, position: Position): number | 'apart' {
  if (known.epoch !== null && position.epoch !== null && known.epoch !== position.epoch) return 'apart';
  const order = compareEventIds(position.id, known.id);
  // Within one epoch a later event has the higher number.
  return Math.sign(order) === Math.sign(position.id.seq - known.id.seq) ? order : 'apart';
}
