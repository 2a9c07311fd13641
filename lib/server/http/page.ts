import type { Clock } from '../../core/clock.ts';
import { type Gap, type Loss, maxReplicaLagMs, toGap } from '../../core/continuity.ts';
import { formatCursor, formatPosition, type Position } from '../../core/cursor.ts';
import { beforeFirst, type EventId, idBefore } from '../../core/ids.ts';
import { type EventLog, readBudgetBytes } from '../../log/event-log.ts';
import { type Loaded, loadPage } from '../tail/read-through.ts';
import type { LogProgress } from '../tail/replica-wait.ts';
import { type Entry, eventJson, jsonOf } from '../tail/ring-buffer.ts';
import type { PollSlot } from './admission.ts';
import { positionAtEnd } from './read-query.ts';

/** A page as it is put together: events as ready JSON, and where the reader is after it. */
export type Page = {
  readonly events: readonly string[];
  readonly gaps: readonly Gap[];
  readonly positions: ReadonlyMap<string, Position>;
  readonly more: boolean;
};

type Reading = { readonly log: EventLog; readonly clock: Clock; readonly progress: LogProgress };

/** Where a page is read for a reader who may have to wait for a log that lags. */
type Patience = Reading & {
  /** The clock's `elapsed` when the page was asked for. */
  readonly startedAt: number;
  readonly slot: Pick<PollSlot, 'take' | 'signal'>;
};

/**
 * Reads one page after the positions, judged like a stream.
 * @param types types to deliver; null: all.
 * @param limit events looked at, in all channels together; fewer where they are large.
 * @param slot is taken if the log lags behind a position and the page waits for it. The wait ends when the reader leaves.
 * @throws FeedError `too-many-streams` if it would have to wait and there is no slot.
 */
export async function readPage(
  reading: Reading,
  positions: ReadonlyMap<string, Position>,
  types: ReadonlySet<string> | null,
  limit: number,
  slot: Pick<PollSlot, 'take' | 'signal'>,
): Promise<Page> {
  const events: string[] = [];
  const gaps: Gap[] = [];
  const after = new Map(positions);
  let more = false;
  let bytes = 0;
  let room = limit;
  let left = positions.size;
  const unread = new Map<string, Position>();
  // One patience for the page: what the reader has was told ahead of it, whichever channel is read when. A patience each,
  // one after the other, would outlast the reader's own.
  const { log, clock, progress } = reading;
  const patience = { log, clock, progress, startedAt: clock.elapsed(), slot };
  for (const [channel, position] of positions) {
    // An even share each, and what earlier channels left over, so that a busy channel starves none.
    // A page that has as much as a read answers with reads no further channel.
    const share = bytes < readBudgetBytes ? Math.ceil(room / left) : 0;
    left -= 1;
    if (share === 0) {
      unread.set(channel, position);
      continue;
    }
    const read = await readChannel(patience, channel, position, share);
    for (const loss of read.losses) gaps.push(toGap(channel, loss.after, loss.loss, types !== null));
    for (const entry of read.entries) {
      bytes += entry.frame.length;
      if (types?.has(entry.type) ?? true) events.push(jsonOf(entry));
    }
    after.set(channel, read.position);
    more ||= read.more;
    room -= read.entries.length;
  }
  if (!more && unread.size > 0) more = await isAnyBehind(log, unread);
  return { events, gaps, positions: after, more };
}

/** Whether a log has anything after one of the positions; where it has begun anew, that is to be told too. */
async function isAnyBehind(log: EventLog, positions: ReadonlyMap<string, Position>): Promise<boolean> {
  const ends = await log.ends([...positions.keys()]);
  return [...positions].some(([channel, position]) => {
    const end = positionAtEnd(ends.get(channel) ?? null);
    return formatPosition(end) !== formatPosition({ id: position.id, epoch: position.epoch ?? end.epoch });
  });
}

/** Reads one page backwards: the newest events ahead of `before`, newest first. */
export async function readHistory(
  log: EventLog,
  channel: string,
  before: EventId,
  types: ReadonlySet<string> | null,
  limit: number,
): Promise<Page> {
  const { state, events } = await log.read(channel, { kind: 'before', id: before }, limit);
  const [oldest] = events;
  const wanted = events.filter((event) => types?.has(event.type) ?? true);
  // Reading on from here gives what lies after this page.
  const position = {
    id: events.at(-1)?.id ?? (before.seq === 0 ? beforeFirst : idBefore(before)),
    epoch: state?.epoch ?? null,
  };
  return {
    events: wanted.map((event) => eventJson(channel, event)).reverse(),
    gaps: [],
    positions: new Map([[channel, position]]),
    more: state !== null && oldest !== undefined && oldest.id.seq > state.first.seq,
  };
}

/** The page's cursor, as the wire writes it. */
export function cursorOfPage(page: Page): string {
  return formatCursor(page.positions);
}

type Told = { readonly after: EventId; readonly loss: Loss };

async function readChannel(patience: Patience, channel: string, start: Position, limit: number) {
  const losses: Told[] = [];
  let position = start;
  for (;;) {
    const loaded = await loadPatiently(patience, channel, position, limit);
    if (loaded.kind === 'segment') {
      const { entries, base } = loaded.segment;
      const last: Entry | undefined = entries.at(-1);
      return {
        losses: resumedAt(losses, entries[0]?.id ?? null),
        entries,
        position: last === undefined ? base : { id: last.id, epoch: base.epoch },
        more: loaded.more,
      };
    }
    losses.push({ after: position.id, loss: loaded });
    position = loaded.resume;
  }
}

/** What was stored since the log said that it has nothing after a loss is where that loss ends. */
function resumedAt(losses: readonly Told[], first: EventId | null): readonly Told[] {
  return losses.map((told, index) => {
    const isOpen = index === losses.length - 1 && told.loss.resumesAt === null;
    return isOpen ? { ...told, loss: { ...told.loss, resumesAt: first } } : told;
  });
}

async function loadPatiently(
  { log, clock, progress, startedAt, slot }: Patience,
  channel: string,
  position: Position,
  limit: number,
): Promise<Exclude<Loaded, { kind: 'stale' }>> {
  for (;;) {
    // An answer tells what was true when it was asked for, however late it comes.
    const askedAt = clock.elapsed();
    const loaded = await loadPage(log, channel, position, null, limit);
    if (loaded.kind !== 'stale') return loaded;
    const leftMs = maxReplicaLagMs - (askedAt - startedAt);
    if (leftMs <= 0 || slot.signal.aborted) return loaded.otherwise;
    slot.take();
    await progress.past(channel, loaded, leftMs, slot.signal);
  }
}
