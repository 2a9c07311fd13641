import { type Gap, type Loss, maxReplicaLagMs, toGap } from '../../core/continuity.ts';
import { formatCursor, formatPosition, type Position } from '../../core/cursor.ts';
import type { PollAdvice } from '../../core/event.ts';
import { beforeFirst, type EventId, formatEventId, idBefore } from '../../core/ids.ts';
import { escapeLineEnds } from '../../core/safe-text.ts';
import { type EventLog, readBudgetBytes } from '../../log/event-log.ts';
import type { PollSlot } from '../admission.ts';
import type { Runtime } from '../runtime.ts';
import { readState, type StatePlace } from '../stream/channel-state.ts';
import { positionAtEnd } from '../stream/start-position.ts';
import { type Loaded, loadPage } from '../tail/read-through.ts';
import { type Entry, type EventFilter, eventJson, isWanted, jsonOf } from '../tail/ring-buffer.ts';

/** A page before it is written: its events are JSON text already. */
export type Page = {
  readonly events: readonly string[];
  readonly gaps: readonly Gap[];
  /** Where the reader is after the page. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly more: boolean;
  /** The page reaches the end of its channels, and all of them have ended. */
  readonly ended: boolean;
  /** The page is of one channel, which has ended, with this page or later: what the log has of it stays as it is. */
  readonly isFinal: boolean;
  /** With the state of a channel, and `more`: where the next page begins. */
  readonly next: EventId | null;
};

/** The log, and what is needed to wait for a replica that lags. */
type PageSource = Pick<Runtime, 'log' | 'clock' | 'replicaWait'>;

/** The part of a poll's slot that reading a page needs. */
type WaitSlot = Pick<PollSlot, 'take' | 'signal'>;

/**
 * Reads one page after the positions. It reports gaps by the same rule as a stream.
 * @param filter which events to deliver.
 * @param limit events to read from all channels together; fewer if they are large.
 * @param slot is taken if the log lags behind a position and the page waits for it. The wait ends when the reader leaves.
 * @throws FeedError `too-many-streams` if it would have to wait and there is no slot.
 */
export async function readPage(
  source: PageSource,
  positions: ReadonlyMap<string, Position>,
  filter: EventFilter | null,
  limit: number,
  slot: WaitSlot,
): Promise<Page> {
  const events: string[] = [];
  const gaps: Gap[] = [];
  const after = new Map(positions);
  let more = false;
  let haveAllEnded = true;
  let bytes = 0;
  let eventsLeft = limit;
  let channelsLeft = positions.size;
  const unread = new Map<string, Position>();
  // All channels share one time limit, because the reader got all of its positions before it asked. If each channel had its
  // own limit, one after the other, the page could take longer than the reader waits.
  const { log, clock, replicaWait } = source;
  const wait = { log, clock, replicaWait, startedAt: clock.elapsed(), slot };
  for (const [channel, position] of positions) {
    // An even share for each channel, and what earlier channels left over, so that a busy channel starves no other. A page
    // that holds as many bytes as one read returns reads no further channel.
    const share = bytes < readBudgetBytes ? Math.ceil(eventsLeft / channelsLeft) : 0;
    channelsLeft -= 1;
    if (share === 0) {
      unread.set(channel, position);
      continue;
    }
    const read = await readChannel(wait, channel, position, share);
    for (const loss of read.losses) gaps.push(toGap(channel, loss.after, loss.loss, filter !== null));
    for (const entry of read.entries) {
      bytes += entry.frame.length;
      if (isWanted(filter, entry)) events.push(jsonOf(entry));
    }
    after.set(channel, read.position);
    more ||= read.more;
    haveAllEnded &&= read.hasEnded;
    eventsLeft -= read.entries.length;
  }
  if (!more && unread.size > 0) {
    const rest = await compareWithEnds(log, unread);
    more = rest.isAnyBehind;
    haveAllEnded &&= rest.haveAllEnded;
  }
  const isFinal = haveAllEnded && positions.size === 1;
  return { events, gaps, positions: after, more, ended: haveAllEnded && !more, isFinal, next: null };
}

/** Reads one page backwards: the newest events before `before`, newest first. */
export async function readHistory(
  log: EventLog,
  channel: string,
  before: EventId,
  filter: EventFilter | null,
  limit: number,
): Promise<Page> {
  const { state, events } = await log.read(channel, { kind: 'before', id: before }, limit);
  const [oldest] = events;
  const wanted = events.filter((event) => isWanted(filter, event));
  // A read that continues from here gives the events after this page.
  const position = {
    id: events.at(-1)?.id ?? (before.seq === 0 ? beforeFirst : idBefore(before)),
    epoch: state?.epoch ?? null,
  };
  return {
    events: wanted.map((event) => eventJson(channel, event)).reverse(),
    gaps: [],
    positions: new Map([[channel, position]]),
    more: state !== null && oldest !== undefined && oldest.id.seq > state.first.seq,
    ended: false,
    isFinal: false,
    next: null,
  };
}

/**
 * Reads a page of a channel's state. If the log was lost since the first page, it is the first page of the new log.
 * @param slot is taken if the log lags behind the first page and the page waits for it.
 */
export async function readLatestPage(
  source: Pick<Runtime, 'states' | 'clock' | 'replicaWait'>,
  channel: string,
  place: StatePlace,
  filter: EventFilter | null,
  limit: number,
  slot: WaitSlot,
): Promise<Page> {
  const { events, next, position, hasEnded } = await readState(source, channel, place, limit, {
    waiting: slot,
  });
  return {
    events: events.filter((event) => isWanted(filter, event)).map((event) => eventJson(channel, event)),
    gaps: [],
    positions: new Map([[channel, position]]),
    more: next !== null,
    ended: hasEnded && next === null,
    isFinal: false,
    next: next === null ? null : (events.at(-1)?.id ?? null),
  };
}

/** The page as JSON, on one line for every reader. Its events are text already, and are not parsed again. */
export function pageJson(page: Page, poll: PollAdvice): string {
  const { gaps, more, next, ended } = page;
  const rest = JSON.stringify({
    cursor: formatCursor(page.positions),
    gaps,
    more,
    ...(next !== null && { next: formatEventId(next) }),
    ...(ended && { ended }),
    poll,
  });
  return escapeLineEnds(`{"events":[${page.events.join(',')}],${rest.slice(1)}`);
}

/** How clients should poll: long polls on a server of your own; short ones if a CDN shares the answers. */
export function pollAdvice(mode: 'long' | 'short'): PollAdvice {
  return mode === 'long' ? { waitSeconds: 20, everyMs: 0 } : { waitSeconds: 0, everyMs: 2_000 };
}

/** Whether the log has anything after one of the positions, or has started again since; and whether all channels have ended. */
async function compareWithEnds(log: EventLog, positions: ReadonlyMap<string, Position>) {
  const ends = await log.ends([...positions.keys()]);
  const isAnyBehind = [...positions].some(([channel, position]) => {
    const end = positionAtEnd(ends.get(channel) ?? null);
    return formatPosition(end) !== formatPosition({ id: position.id, epoch: position.epoch ?? end.epoch });
  });
  return { isAnyBehind, haveAllEnded: [...ends.values()].every((state) => state?.ended === true) };
}

/** Reads for a reader that may have to wait for a lagging replica. */
type WaitOptions = PageSource & {
  /** The clock's `elapsed` when the page was requested. */
  readonly startedAt: number;
  readonly slot: WaitSlot;
};

type LossAfter = { readonly after: EventId; readonly loss: Loss };

async function readChannel(wait: WaitOptions, channel: string, start: Position, limit: number) {
  const losses: LossAfter[] = [];
  let position = start;
  for (;;) {
    const loaded = await loadFresh(wait, channel, position, limit);
    if (loaded.kind === 'segment') {
      const { entries, base } = loaded.segment;
      const last: Entry | undefined = entries.at(-1);
      return {
        losses: withResume(losses, entries[0]?.id ?? null),
        entries,
        position: last === undefined ? base : { id: last.id, epoch: base.epoch },
        more: loaded.more,
        hasEnded: loaded.hasEnded,
      };
    }
    losses.push({ after: position.id, loss: loaded });
    position = loaded.resume;
  }
}

/** If the log had nothing after the last loss, that loss ends at the first event that was stored since. */
function withResume(losses: readonly LossAfter[], first: EventId | null): readonly LossAfter[] {
  return losses.map((each, index) => {
    const isOpen = index === losses.length - 1 && each.loss.resumesAt === null;
    return isOpen ? { ...each, loss: { ...each.loss, resumesAt: first } } : each;
  });
}

/**
 * Loads a page from the log; asks again while the answer may be a lagging replica's, up to `maxReplicaLagMs`. If the reader
 * leaves before that, the page is empty: the loss that the answer shows is not proven.
 */
async function loadFresh(
  { log, clock, replicaWait, startedAt, slot }: WaitOptions,
  channel: string,
  position: Position,
  limit: number,
): Promise<Exclude<Loaded, { kind: 'stale' }>> {
  for (;;) {
    // An answer says what was true when the log was asked, however late it arrives.
    const askedAt = clock.elapsed();
    const loaded = await loadPage(log, channel, position, null, limit);
    if (loaded.kind !== 'stale') return loaded;
    const leftMs = maxReplicaLagMs - (askedAt - startedAt);
    if (leftMs <= 0) return loaded.otherwise;
    if (slot.signal.aborted)
      return { kind: 'segment', segment: { base: position, entries: [] }, more: false, hasEnded: false };
    slot.take();
    await replicaWait.untilCaughtUp(channel, loaded, leftMs, slot.signal);
  }
}
