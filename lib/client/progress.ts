import { judge, type Loss } from '../core/continuity.ts';
import type { Cursor, Position } from '../core/cursor.ts';
import { compareEventIds, formatEventId, idAfter } from '../core/event-id.ts';
import { type Gap, toGap } from '../core/gap.ts';
import { eventEntry, type FeedEntry, gapEntry } from './feed-entry.ts';
import type { FeedItem } from './feed-item.ts';
import type { Place, Progress, Source } from './place.ts';

/** What became of something a source told. */
export type Taking =
  | {
      readonly kind: 'taken';
      readonly progress: Progress;
      readonly source: Source;
      /** What is new to the reader: empty when another source was faster. */
      readonly entry: FeedEntry | null;
    }
  /** What was told does not follow from where the reader is: events are missing, and nothing said so. */
  | Hole;

export type Hole = {
  readonly kind: 'hole';
  readonly channel: string;
  /** What to say if reading again does not fill it; null when the source is merely late. */
  readonly loss: Loss | null;
};

/**
 * Takes an event or gap into the reader's progress, each once and in order, whichever source was faster.
 * Whether an event follows is judged by the one rule of continuity.
 * @param isFiltered with a type filter seqs jump; only the log's own word tells of a loss then.
 */
export function take(progress: Progress, source: Source, item: FeedItem, isFiltered: boolean): Taking {
  const channel = item.kind === 'event' ? item.event.channel : item.gap.channel;
  const place = progress.places.get(channel);
  if (place === undefined)
    return move(progress, source, channel, { position: item.position, generation: 0 }, item);
  const isLate = (source.get(channel)?.generation ?? place.generation) < place.generation;
  if (item.kind === 'gap') return takeGap(progress, source, item.gap, item.position, place, isLate);
  if (isLate) return { kind: 'hole', channel, loss: null };
  const position = { id: item.position.id, epoch: item.position.epoch ?? place.position.epoch };
  const isSameLife = place.position.epoch === null || place.position.epoch === position.epoch;
  const next = { position, generation: place.generation };
  if (isSameLife && compareEventIds(position.id, place.position.id) <= 0)
    return reach(progress, source, channel, next);
  const loss = lossBefore(place.position, position);
  const isLoss = loss !== null && !(isFiltered && loss.reason === 'trimmed');
  return isLoss ? { kind: 'hole', channel, loss } : move(progress, source, channel, next, item);
}

/** What is lost between where the reader is and `next`, if nothing is said of it; null when `next` follows. */
function lossBefore(place: Position, { id, epoch }: Position): Loss | null {
  const verdict = judge({ position: place, state: { epoch: epoch ?? '', first: id, last: id }, next: id });
  if (verdict.kind === 'continue') return null;
  return verdict.kind === 'gap' ? verdict : verdict.otherwise;
}

function takeGap(
  progress: Progress,
  source: Source,
  gap: Gap,
  position: Position,
  place: Place,
  isLate: boolean,
): Taking {
  const { channel } = gap;
  const { generation } = place;
  const isSameLife = place.position.epoch === null || place.position.epoch === position.epoch;
  if (gap.reason === 'trimmed') {
    // The position's time is borrowed from the event that follows (`idBefore`): the reader may be there by its seq.
    const isThere = position.id.seq === place.position.id.seq;
    const isPassed = isSameLife && (isThere || compareEventIds(position.id, place.position.id) <= 0);
    const next = { position, generation };
    if (isLate) return { kind: 'taken', progress, source, entry: null };
    if (isPassed) return reach(progress, source, channel, next);
    return move(progress, source, channel, next, {
      kind: 'gap',
      gap: shrink(gap, place, position),
      position,
    });
  }
  if (isLate && isSameLife) return reach(progress, source, channel, { position, generation });
  if (isLate && progress.left.includes(`${channel}~${position.epoch}`))
    return { kind: 'taken', progress, source, entry: null };
  const item: FeedItem = { kind: 'gap', gap, position };
  return move(progress, source, channel, { position, generation: generation + 1 }, item);
}

/** A faster source may have brought part of what this one's log had trimmed: only the rest is missing. */
function shrink(gap: Gap, place: Place, position: Position): Gap {
  const after = formatEventId(place.position.id);
  if (gap.after === after || gap.missed === null) return gap;
  return { ...gap, after, missed: position.id.seq - place.position.id.seq };
}

/** The reader goes on, and the source with it. */
function move(progress: Progress, source: Source, channel: string, place: Place, item: FeedItem): Taking {
  const entry = item.kind === 'event' ? eventEntry(item.event) : gapEntry(item.gap);
  const places = put(progress.places, channel, place);
  const next = { ...leaveLife(progress, channel, place), places };
  return { kind: 'taken', progress: next, source: put(source, channel, place), entry };
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

/** The source goes on; the reader was there before. */
function reach(progress: Progress, source: Source, channel: string, place: Place): Taking {
  return { kind: 'taken', progress, source: put(source, channel, place), entry: null };
}

function put(source: Source, channel: string, place: Place): Source {
  return new Map(source).set(channel, place);
}

/** Says a hole aloud as a gap, once reading again has not filled it. */
export function sayHole(progress: Progress, source: Source, channel: string, loss: Loss): Taking {
  const place = progress.places.get(channel);
  const gap = toGap(channel, place?.position.id ?? loss.resume.id, loss, false);
  const generation = (place?.generation ?? 0) + (loss.reason === 'restarted' ? 1 : 0);
  const item: FeedItem = { kind: 'gap', gap, position: loss.resume };
  return move(progress, source, channel, { position: loss.resume, generation }, item);
}

/**
 * Takes the position a source claims after a frame: all up to it was told before, or did not match the filter.
 * Ahead of the reader without a filter, it proves that something was not told.
 */
export function settle(progress: Progress, source: Source, cursor: Cursor, isFiltered: boolean): Taking {
  let taking: Taking = { kind: 'taken', progress, source, entry: null };
  for (const [channel, position] of cursor) {
    if (taking.kind === 'hole') return taking;
    taking = settleChannel(taking.progress, taking.source, channel, position, isFiltered);
  }
  return taking;
}

function settleChannel(
  progress: Progress,
  source: Source,
  channel: string,
  position: Position,
  isFiltered: boolean,
): Taking {
  const place = progress.places.get(channel);
  const mine = source.get(channel);
  if (place === undefined) {
    const first = { position, generation: 0 };
    return reach({ ...progress, places: put(progress.places, channel, first) }, source, channel, first);
  }
  const { generation } = place;
  const known = place.position;
  if ((mine?.generation ?? generation) < generation) return { kind: 'hole', channel, loss: null };
  const isSameLife = known.epoch === null || position.epoch === null || known.epoch === position.epoch;
  const ahead = compareEventIds(position.id, known.id);
  if (!isSameLife || (ahead > 0 && !isFiltered)) {
    const loss = lossBefore(known, { ...position, id: idAfter(position.id, 1) });
    return {
      kind: 'hole',
      channel,
      loss: loss === null ? null : { ...loss, resume: position, resumesAt: null },
    };
  }
  const isNews = ahead > 0 || (ahead === 0 && known.epoch === null && position.epoch !== null);
  const places = isNews ? put(progress.places, channel, { position, generation }) : progress.places;
  const isThere = mine?.position.id.seq === position.id.seq && mine.position.epoch === position.epoch;
  const next =
    isThere && mine.generation === generation ? source : put(source, channel, { position, generation });
  return { kind: 'taken', progress: isNews ? { ...progress, places } : progress, source: next, entry: null };
}

/**
 * Takes the first word of a stream. A channel it was opened with stays where it was asked for: a gap may follow.
 * A channel it was not opened with begins where the log says, unless another source has begun it meanwhile.
 */
export function greet(progress: Progress, source: Source, cursor: Cursor): Taking {
  const fresh: Cursor = new Map([...cursor].filter(([channel]) => !source.has(channel)));
  return settle(progress, source, fresh, false);
}
