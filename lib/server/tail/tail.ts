import type { Clock } from '../../core/clock.ts';
import type { Loss } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { EventLog, FollowSignal } from '../../log/event-log.ts';
import { type Checks, createTailCheck } from './liveness-check.ts';
import { createPageCache, type Loaded, loadPage, type StaleAnswer } from './read-through.ts';
import type { LogProgress } from './replica-wait.ts';
import { indexAfter, type Ring, type Segment } from './ring-buffer.ts';
import { createRingKeeper } from './ring-sync.ts';
import { keepFollowing, tailTimes } from './subscription.ts';

/** The one reader of a channel's new events in this process, shared by all its streams. */
export type Tail = {
  readonly channel: string;
  /** The newest events. Read it only after `ready`; `end()` is where "now" is. */
  readonly ring: Ring;
  /** Resolves when the log has answered. @throws FeedError `log-unavailable` when it did not. */
  ready(): Promise<void>;
  /** Whether the log has answered. */
  isReady(): boolean;
  /** Events after `position` that are in memory, in the ring or a page read lately; null where they are not. */
  find(position: Position): Segment | null;
  /** Events after `position` from the log, read together with all who ask for the same. */
  load(position: Position): Promise<Loaded>;
  /** Resolves when it is worth to load again after an answer that may be stale, or `ms` are over. */
  untilPast(answer: StaleAnswer, ms: number): Promise<void>;
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
  /** What asks the log for this tail and others together. */
  readonly checks: Checks;
  /** What waits for the log together with all readers that are ahead of it. */
  readonly progress: LogProgress;
};

/** Starts a tail: it subscribes, waits for the acknowledgement, then reads: the order that leaves no hole. */
export function createTail({ log, channel, clock, checkMs, checks, progress }: TailOptions): Tail {
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  const keeper = createRingKeeper({
    log,
    channel,
    clock,
    signal: closing.signal,
    isConnected: () => subscription.isConnected(),
    onChange: wakeAll,
    onRestart: () => pages.clear(),
  });
  const { ring, sync } = keeper;
  const pages = createPageCache((position, limit) => loadPage(log, channel, position, keeper.heard(), limit));

  /** Whether memory would give a reader that goes on after `resume` what the log has lost. */
  function isOfLostLine(segment: Segment | null, lost: Position, { resume }: Loss): boolean {
    if (segment === null || segment.base.epoch !== lost.epoch) return false;
    if (resume.epoch === null) return true;
    // What was stored since is later than all that was lost.
    const next = segment.entries[indexAfter(segment, resume)];
    return next !== undefined && compareEventIds(next.id, lost.id) <= 0;
  }

  function onSignal(signal: FollowSignal): void {
    switch (signal.kind) {
      case 'connected':
        // The log may have lost its end meanwhile: it is asked before anything announced is taken to go on.
        check.distrust();
        makeSure();
        return;
      case 'events':
        check.heard();
        keeper.hear(signal);
        return;
      case 'unsure':
        void sync();
        return;
      case 'lost':
        // Mostly it is back ahead of the first read, which then is needless.
        keeper.syncWithin(keeper.isAtRest() ? tailTimes.bridgeMs : tailTimes.staleMs);
    }
  }

  /** The subscription was acknowledged: what came before it is found, by a look at the end where that is enough. */
  function makeSure(): void {
    if (keeper.isAtRest()) {
      keeper.stay();
      check.look();
    } else {
      void sync().then(check.lookLater);
    }
  }

  /** Subscribes anew; the log is read in time even where that is never acknowledged. */
  function renew(): void {
    subscription.renew();
    if (!subscription.isConnected()) keeper.syncWithin(tailTimes.acknowledgeMs);
  }

  function wakeAll(): void {
    for (const wake of listeners) wake();
  }

  const check = createTailCheck({
    channel,
    clock,
    checkMs,
    checks,
    keeper,
    isConnected: () => subscription.isConnected(),
    onDeaf: renew,
  });
  const subscription = keepFollowing(log, channel, clock, onSignal);
  if (!subscription.isConnected()) keeper.syncWithin(tailTimes.acknowledgeMs);

  return {
    channel,
    ring,
    ready: keeper.ready,
    isReady: keeper.isReady,
    find(position) {
      return indexAfter(ring, position) === -1 ? pages.find(position) : ring;
    },
    load: (position) => pages.load(position),
    untilPast: (answer, ms) => progress.past(channel, answer, ms),
    forget(lost, loss) {
      if (isOfLostLine(pages.find(loss.resume), lost, loss)) pages.clear();
      if (!isOfLostLine(ring, lost, loss)) return;
      keeper.restart(loss.resume);
    },
    nudge() {
      // While the log fails, a retry is planned; many readers must not make it many.
      if (!keeper.isFailing()) void sync();
    },
    listen(wake) {
      listeners.add(wake);
      return () => listeners.delete(wake);
    },
    wakeAll,
    failingForMs: keeper.failingForMs,
    distrust() {
      check.distrust();
      renew();
    },
    close() {
      closing.abort();
      check.close();
      subscription.close();
      listeners.clear();
    },
  };
}
