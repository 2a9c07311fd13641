import { type Clock, wait } from '../core/clock.ts';
import { judge, type LogState, type Loss, patienceMs } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import { beforeFirst, compareEventIds, type EventId, idBefore } from '../core/event-id.ts';
import { FeedError } from '../core/feed-error.ts';
import { type EventLog, type FollowSignal, type LogEvent, maxRead } from '../log/event-log.ts';
import { encodeEntry } from './entry.ts';
import { type Loaded, loadPage } from './load-page.ts';
import { createPageCache } from './page-cache.ts';
import { createRing, type Ring } from './ring.ts';
import { indexAfter, type Segment } from './segment.ts';
import { createSilence } from './silence.ts';
import { keepFollowing } from './subscription.ts';
import { retryPauseMs, tailTimes } from './tail-clockwork.ts';

/** The one reader of a channel's new events in this process, shared by all its streams. */
export type Tail = {
  readonly channel: string;
  /** The newest events. Read it only after `ready`; `end()` is where "now" is. */
  readonly ring: Ring;
  /** Resolves when the log has answered. @throws FeedError `log-unavailable` when it did not. */
  ready(): Promise<void>;
  /** Events after `position` that are in memory, in the ring or a page read lately; null where they are not. */
  find(position: Position): Segment | null;
  /** Events after `position` from the log, read together with all who ask for the same. */
  load(position: Position): Promise<Loaded>;
  /** Takes what the log told a reader at `lost`: memory that still holds what the log has lost is given up. */
  forget(lost: Position, loss: Loss): void;
  /** Reads what is new in the log; for a caller that knows more than this tail has heard. */
  nudge(): void;
  /** Calls `wake` whenever the ring has changed; the function given back ends that. */
  listen(wake: () => void): () => void;
  /** Wakes all who listen. */
  wakeAll(): void;
  /** For how long the log could not be reached, in ms; 0 when it can. */
  failingForMs(): number;
  /** When the next check of a silent subscription is due; Infinity while other reads make it needless. */
  checkDueAt(): number;
  /** Whether a check of another tail may as well include this one. */
  isSilent(): boolean;
  /** Takes what the log answered to a check; null when it could not be reached. */
  check(found: { readonly state: LogState } | null): void;
  /** Believes nothing until the log has answered again; for a process that was frozen. */
  distrust(): void;
  close(): void;
};

export type TailOptions = {
  readonly log: EventLog;
  readonly channel: string;
  readonly clock: Clock;
  /** Longest silence before the log is asked. */
  readonly checkMs: number;
};

const ringBounds = { maxEntries: 2_048, maxBytes: 2 * 1024 * 1024 };
const maxPending = 1_000;

/** Whether a read gave all there is, or an answer that may be stale. */
type Found = 'all' | 'more' | 'stale';

type Announcement = Extract<FollowSignal, { kind: 'events' }>;

/** Starts a tail: it subscribes, waits for the acknowledgement, then reads: the order that leaves no hole. */
export function createTail({ log, channel, clock, checkMs }: TailOptions): Tail {
  const ring = createRing({ id: beforeFirst, epoch: null }, ringBounds);
  const pages = createPageCache((position, limit) => loadPage(log, channel, position, heard, limit));
  const listeners = new Set<() => void>();
  const silence = createSilence(clock, checkMs);
  const closing = new AbortController();
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
  let cancelNext = () => {};
  let answer = Promise.withResolvers<FeedError | null>();

  /** Reads until the ring has all that the log has. Resolves to what went wrong, if anything. */
  function sync(): Promise<FeedError | null> {
    mustReadAgain = true;
    syncing ??= readAll().then((failure) => {
      syncing = null;
      settle(failure);
      // What was asked for or heard between the last read and here waits for no one else.
      const isLeftOver = mustReadAgain || pending.length > 0;
      if (failure === null && isLeftOver && !closing.signal.aborted) void sync();
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
    cancelNext();
    try {
      while (mustReadAgain && !closing.signal.aborted) {
        mustReadAgain = false;
        await readOnce();
      }
    } catch (cause) {
      return fail(cause);
    }
    failingSince = null;
    failures = 0;
    if (!subscription.isConnected()) syncAfter(tailTimes.bridgeMs);
    return null;
  }

  function fail(cause: unknown): FeedError {
    failingSince ??= clock.elapsed();
    failures += 1;
    staleSince = null;
    syncAfter(retryPauseMs(clock, failures, tailTimes.retryMs, tailTimes.maxRetryMs));
    if (cause instanceof FeedError) return cause;
    return new FeedError('log-unavailable', 'The log did not answer', { cause });
  }

  function syncAfter(ms: number): void {
    cancelNext();
    if (closing.signal.aborted) return;
    cancelNext = clock.after(ms, () => void sync());
  }

  async function readOnce(): Promise<void> {
    const askedAt = clock.elapsed();
    const found = isFilled ? await readOn() : await fill();
    if (found === 'more') mustReadAgain = true;
    // A read asked for meanwhile comes first: it may find a break that what was announced since would hide.
    if (!mustReadAgain) believe();
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
    pages.clear();
    isFilled = true;
    if (isEmpty) wakeAll();
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
          wakeAll();
        }
        return loaded.more ? 'more' : 'all';
      }
      case 'gap':
        isFilled = false;
        return 'more';
      case 'again':
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
    if (askedAt - staleSince < patienceMs) return wait(clock, tailTimes.staleMs, closing.signal);
    staleSince = null;
    heard = null;
    pending = [];
    isFilled = false;
  }

  /** Whether memory would give a reader that goes on after `resume` what the log has lost. */
  function isOfLostLine(segment: Segment | null, lost: Position, { resume }: Loss): boolean {
    if (segment === null || segment.base.epoch !== lost.epoch) return false;
    if (resume.epoch === null) return true;
    // What was stored since is later than all that was lost.
    const next = segment.entries[indexAfter(segment, resume)];
    return next !== undefined && compareEventIds(next.id, lost.id) <= 0;
  }

  function append(epoch: string, events: readonly LogEvent[]): void {
    ring.append(events.map((event) => encodeEntry(channel, epoch, event)));
    wakeAll();
  }

  /** Takes announced events that continue the ring, and drops older ones. False: there is a hole before them. */
  function apply({ epoch, events }: Announcement): boolean {
    const end = ring.end();
    const isKnown = (event: LogEvent) => end.epoch === epoch && compareEventIds(event.id, end.id) <= 0;
    const fresh = events.filter((event) => !isKnown(event));
    const [first] = fresh;
    const last = fresh.at(-1);
    if (first === undefined || last === undefined) return true;
    const state = { epoch, first: first.id, last: last.id };
    const isDense = last.id.seq - first.id.seq === fresh.length - 1;
    if (!isDense || judge({ position: end, state, next: first.id }).kind !== 'continue') return false;
    if (end.epoch === null) ring.reset({ id: beforeFirst, epoch });
    append(epoch, fresh);
    return true;
  }

  function hear(announcement: Announcement): void {
    silence.broken();
    const last = announcement.events.at(-1);
    if (last !== undefined && (heard === null || compareEventIds(last.id, heard) > 0)) heard = last.id;
    if (syncing === null && isTrusted && apply(announcement)) return;
    pending.push(announcement);
    if (pending.length > maxPending) pending = pending.slice(-1);
    if (syncing === null) void sync();
  }

  function onSignal(signal: FollowSignal): void {
    switch (signal.kind) {
      case 'connected':
        void sync().then(() => clock.after(tailTimes.rereadMs, () => void sync()));
        return;
      case 'events':
        hear(signal);
        return;
      case 'unsure':
        void sync();
        return;
      case 'lost':
        syncAfter(tailTimes.staleMs);
    }
  }

  /** Subscribes anew; the log is read in time even where that is never acknowledged. */
  function renew(): void {
    subscription.renew();
    if (!subscription.isConnected()) syncAfter(tailTimes.acknowledgeMs);
  }

  /** A tail that is bridging reads anyway. */
  function canBeChecked(): boolean {
    return subscription.isConnected() && failingSince === null;
  }

  function wakeAll(): void {
    for (const wake of listeners) wake();
  }

  const subscription = keepFollowing(log, channel, clock, onSignal);
  if (!subscription.isConnected()) syncAfter(tailTimes.acknowledgeMs);

  return {
    channel,
    ring,
    async ready() {
      if (isTrusted && failingSince === null) return;
      const failure = await (failingSince === null ? answer.promise : sync());
      if (failure !== null) throw failure;
    },
    find(position) {
      return indexAfter(ring, position) === -1 ? pages.find(position) : ring;
    },
    load: (position) => pages.load(position),
    forget(lost, loss) {
      if (isOfLostLine(pages.find(loss.resume), lost, loss)) pages.clear();
      if (!isOfLostLine(ring, lost, loss)) return;
      pages.clear();
      ring.reset(loss.resume);
      isFilled = false;
      void sync();
    },
    nudge() {
      // While the log fails, a retry is planned; many readers must not make it many.
      if (failingSince === null) void sync();
    },
    listen(wake) {
      listeners.add(wake);
      return () => listeners.delete(wake);
    },
    wakeAll,
    failingForMs: () => (failingSince === null ? 0 : clock.elapsed() - failingSince),
    checkDueAt: () => (canBeChecked() ? silence.dueAt() : Infinity),
    isSilent: () => canBeChecked() && silence.isSilent(),
    check(found) {
      silence.checked();
      if (found === null) {
        void sync();
        return;
      }
      const end = ring.end();
      const { state } = found;
      const isSame =
        state === null
          ? end.epoch === null
          : state.epoch === end.epoch && compareEventIds(state.last, end.id) === 0;
      if (isSame) return;
      void sync();
      // An announcement on its way explains the difference; one that does not come means the subscription is deaf.
      clock.after(tailTimes.rereadMs, () => {
        const hasHeard = state !== null && heard !== null && compareEventIds(heard, state.last) >= 0;
        if (!hasHeard && !closing.signal.aborted) renew();
      });
    },
    distrust() {
      isTrusted = false;
      renew();
    },
    close() {
      closing.abort();
      cancelNext();
      subscription.close();
      listeners.clear();
    },
  };
}

/** The events from the last hole on. */
function withoutHole(events: readonly LogEvent[]): readonly LogEvent[] {
  const isAfterHole = (event: LogEvent, index: number) =>
    event.id.seq !== (events[index - 1]?.id.seq ?? 0) + 1;
  return events.slice(Math.max(0, events.findLastIndex(isAfterHole)));
}
