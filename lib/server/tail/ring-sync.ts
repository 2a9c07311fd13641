import { type Clock, wait } from '../../core/clock.ts';
import { checkContinuity, type LogState, maxReplicaLagMs } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { beforeFirst, compareEventIds, type EventId, idBefore } from '../../core/ids.ts';
import { type EventLog, type FollowSignal, type LogEvent, maxRead } from '../../log/event-log.ts';
import { loadPage } from './read-through.ts';
import { createRing, encodeEntry, type Ring } from './ring-buffer.ts';
import { retryPauseMs, tailTimes } from './subscription.ts';

/** Keeps a ring equal to the end of a channel's log, by what is announced and by reading. */
export type RingKeeper = {
  /** The newest events. Read it only after `ready`; `end()` is where "now" is. */
  readonly ring: Ring;
  /** Resolves when the log has answered. @throws FeedError `log-unavailable` when it did not. */
  ready(): Promise<void>;
  /** Whether the log has answered. */
  isReady(): boolean;
  /** Reads until the ring has all that the log has. Resolves to what went wrong, if anything. */
  sync(): Promise<FeedError | null>;
  /** Reads in `ms` at the latest, unless `stay` is called before. */
  syncWithin(ms: number): void;
  /** Gives up a read that is planned. */
  stay(): void;
  /** Takes announced events; what does not continue the ring makes it read. */
  hear(announcement: Announcement): void;
  /** The newest id heard of; null where nothing was. */
  heard(): EventId | null;
  /** Believes nothing until the log has answered again. */
  distrust(): void;
  /** Whether it has read the log, reads nothing now, and the last read went well. */
  isAtRest(): boolean;
  /**
   * Takes what the log says of its end, asked for since the last `distrust`: believes it where the ring is the same,
   * else reads. @returns whether it is the same.
   */
  compare(state: LogState): boolean;
  /** Gives up what is held; it goes on after `position`. */
  restart(position: Position): void;
  /** Whether the log could not be reached when it was last read. */
  isFailing(): boolean;
  /** For how long the log could not be reached, in ms; 0 when it can. */
  failingForMs(): number;
};

export type RingKeeperOptions = {
  readonly log: EventLog;
  readonly channel: string;
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Whether announcements come; while they do not, the log is read every second. */
  readonly isConnected: () => boolean;
  /** Called whenever the ring has changed. */
  readonly onChange: () => void;
  /** Called when the ring has given up what it held, ahead of `onChange`. */
  readonly onRestart: () => void;
};

const ringBounds = { maxEntries: 2_048, maxBytes: 2 * 1024 * 1024 };
const maxPending = 1_000;

/** Whether a read gave all there is, or an answer that may be stale. */
type Found = 'all' | 'more' | 'stale';

/** Makes a keeper with an empty ring; it reads nothing until it is told to. */
export function createRingKeeper(options: RingKeeperOptions): RingKeeper {
  const { log, channel, clock, signal, isConnected, onChange, onRestart } = options;
  const ring = createRing({ id: beforeFirst, epoch: null }, ringBounds);
  let isFilled = false;
  let isTrusted = false;
  let heard: EventId | null = null;
  let pending: Announcement[] = [];
  let syncing: Promise<FeedError | null> | null = null;
  let mustReadAgain = false;
  /** When the first of the answers was asked for that may be stale; null: the last was not. */
  let staleSince: number | null = null;
  let failingSince: number | null = null;
  let failures = 0;
  let nextAt = Infinity;
  let cancelNext = () => {};
  let answer = Promise.withResolvers<FeedError | null>();

  function sync(): Promise<FeedError | null> {
    mustReadAgain = true;
    syncing ??= readAll().then((failure) => {
      syncing = null;
      settle(failure);
      // What was asked for or heard between the last read and here waits for no one else.
      const isLeftOver = mustReadAgain || pending.length > 0;
      if (failure === null && isLeftOver && !signal.aborted) void sync();
      return failure;
    });
    return syncing;
  }

  /** Tells who waits for the log's answer. */
  function settle(failure: FeedError | null): void {
    answer.resolve(failure);
    answer = Promise.withResolvers();
  }

  async function readAll(): Promise<FeedError | null> {
    stay();
    try {
      while (mustReadAgain && !signal.aborted) {
        mustReadAgain = false;
        await readOnce();
      }
    } catch (cause) {
      return fail(cause);
    }
    failingSince = null;
    failures = 0;
    if (!isConnected()) syncWithin(tailTimes.bridgeMs);
    return null;
  }

  function fail(cause: unknown): FeedError {
    failingSince ??= clock.elapsed();
    failures += 1;
    staleSince = null;
    stay();
    syncWithin(retryPauseMs(clock, failures, tailTimes.retryMs, tailTimes.maxRetryMs));
    if (cause instanceof FeedError) return cause;
    return new FeedError('log-unavailable', 'The log did not answer', { cause });
  }

  function syncWithin(ms: number): void {
    const at = clock.elapsed() + ms;
    if (signal.aborted || nextAt <= at) return;
    stay();
    nextAt = at;
    cancelNext = clock.after(ms, () => void sync());
  }

  function stay(): void {
    cancelNext();
    nextAt = Infinity;
  }

  async function readOnce(): Promise<void> {
    const askedAt = clock.elapsed();
    const found = isFilled ? await readOn() : await fill();
    if (found === 'more') mustReadAgain = true;
    // A read asked for meanwhile comes first: it may find a break that what was announced since would hide.
    if (found === 'all' && !mustReadAgain) believe();
    else if (found !== 'stale') return;
    if (found === 'stale' || pending.length > 0 || isBehind()) await beStale(askedAt);
    else staleSince = null;
  }

  /** The ring is what the log has; what was announced meanwhile goes on from there. */
  function believe(): void {
    isTrusted = true;
    settle(null);
    const waiting = pending;
    pending = [];
    for (const announcement of waiting) {
      // After the first hole the rest is kept for when the hole is filled.
      if (pending.length > 0 || !apply(announcement)) pending.push(announcement);
    }
  }

  /** Takes the newest page, whatever was there before. */
  async function fill(): Promise<Found> {
    const { state, events: newest } = await log.read(channel, { kind: 'newest' }, maxRead);
    // What lies before a hole is judged by whoever reads it from the log: a ring has no place for holes.
    const events = withoutHole(newest);
    const [first] = events;
    const isEmpty = state === null || first === undefined;
    ring.reset(isEmpty ? { id: beforeFirst, epoch: null } : { id: idBefore(first.id), epoch: state.epoch });
    onRestart();
    isFilled = true;
    if (isEmpty) onChange();
    else append(state.epoch, events);
    return 'all';
  }

  async function readOn(): Promise<Found> {
    const loaded = await loadPage(log, channel, ring.end(), heard, maxRead);
    if (!isFilled) return 'more';
    switch (loaded.kind) {
      case 'segment': {
        const { base, entries } = loaded.segment;
        if (entries.length > 0) {
          if (ring.base.epoch === null) ring.reset(base);
          ring.append(entries);
          onChange();
        }
        return loaded.more ? 'more' : 'all';
      }
      case 'gap':
        isFilled = false;
        return 'more';
      case 'stale':
        return 'stale';
    }
  }

  /** Whether the log has announced more than it gave when read. */
  function isBehind(): boolean {
    return heard !== null && compareEventIds(ring.end().id, heard) < 0;
  }

  /** Asks again while patience lasts; then believes the log's answer, and forgets what it does not have. */
  async function beStale(askedAt: number): Promise<void> {
    mustReadAgain = true;
    staleSince ??= askedAt;
    if (askedAt - staleSince < maxReplicaLagMs) return wait(clock, tailTimes.staleMs, signal);
    staleSince = null;
    heard = null;
    pending = [];
    isFilled = false;
  }

  function append(epoch: string, events: readonly LogEvent[]): void {
    ring.append(events.map((event) => encodeEntry(channel, epoch, event)));
    onChange();
  }

  /** Takes announced events that continue the ring. False: there is a hole before them. */
  function apply(announcement: Announcement): boolean {
    const fresh = freshAfter(ring.end(), announcement);
    if (fresh === 'hole') return false;
    if (fresh.length === 0) return true;
    if (ring.base.epoch === null) ring.reset({ id: beforeFirst, epoch: announcement.epoch });
    append(announcement.epoch, fresh);
    return true;
  }

  function compare(state: LogState): boolean {
    const end = ring.end();
    const isSame =
      state === null
        ? end.epoch === null
        : state.epoch === end.epoch && compareEventIds(state.last, end.id) === 0;
    if (!isSame) void sync();
    // While it reads, what it reads is as good.
    else if (isAtRest()) believe();
    return isSame;
  }

  function isReady(): boolean {
    return isTrusted && failingSince === null;
  }

  function isAtRest(): boolean {
    return isFilled && syncing === null && failingSince === null;
  }

  function hear(announcement: Announcement): void {
    const last = announcement.events.at(-1);
    if (last !== undefined && (heard === null || compareEventIds(last.id, heard) > 0)) heard = last.id;
    if (syncing === null && isTrusted && apply(announcement)) return;
    pending.push(announcement);
    if (pending.length > maxPending) pending = pending.slice(-1);
    // While the log fails, a retry is planned.
    if (syncing === null && failingSince === null) void sync();
  }

  signal.addEventListener('abort', stay, { once: true });

  return {
    ring,
    isReady,
    async ready() {
      if (isReady()) return;
      const failure = await (failingSince === null ? answer.promise : sync());
      if (failure !== null) throw failure;
    },
    sync,
    syncWithin,
    stay,
    hear,
    heard: () => heard,
    distrust() {
      isTrusted = false;
    },
    isAtRest,
    compare,
    restart(position) {
      onRestart();
      ring.reset(position);
      isFilled = false;
      void sync();
    },
    isFailing: () => failingSince !== null,
    failingForMs: () => (failingSince === null ? 0 : clock.elapsed() - failingSince),
  };
}

/** New events of one append, as a subscription told them. */
type Announcement = Extract<FollowSignal, { kind: 'events' }>;

/**
 * What an announcement holds that is new after `end`, judged like everything else; older events are dropped.
 * `hole`: something is missing before it.
 */
function freshAfter(end: Position, { epoch, events }: Announcement): readonly LogEvent[] | 'hole' {
  const isKnown = (event: LogEvent) => end.epoch === epoch && compareEventIds(event.id, end.id) <= 0;
  const fresh = events.filter((event) => !isKnown(event));
  const [first] = fresh;
  const last = fresh.at(-1);
  if (first === undefined || last === undefined) return [];
  const state = { epoch, first: first.id, last: last.id };
  const isDense = last.id.seq - first.id.seq === fresh.length - 1;
  return isDense && checkContinuity({ position: end, state, next: first.id }).kind === 'continue'
    ? fresh
    : 'hole';
}

/** The events from the last hole on. */
function withoutHole(events: readonly LogEvent[]): readonly LogEvent[] {
  const isAfterHole = (event: LogEvent, index: number) =>
    event.id.seq !== (events[index - 1]?.id.seq ?? 0) + 1;
  return events.slice(Math.max(0, events.findLastIndex(isAfterHole)));
}
