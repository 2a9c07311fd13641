import type { Clock } from '../core/clock.ts';
import type { LogState, Loss } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import { compareEventIds } from '../core/event-id.ts';
import type { EventLog, FollowSignal } from '../log/event-log.ts';
import { type Loaded, loadPage } from './load-page.ts';
import { createPageCache } from './page-cache.ts';
import type { Ring } from './ring.ts';
import { createRingKeeper } from './ring-keeper.ts';
import { indexAfter, type Segment } from './segment.ts';
import { createSilence } from './silence.ts';
import { keepFollowing } from './subscription.ts';
import { tailTimes } from './tail-clockwork.ts';

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

/** Starts a tail: it subscribes, waits for the acknowledgement, then reads: the order that leaves no hole. */
export function createTail({ log, channel, clock, checkMs }: TailOptions): Tail {
  const listeners = new Set<() => void>();
  const silence = createSilence(clock, checkMs);
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
  const { ring, sync, syncAfter } = keeper;
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
        // The log may have lost its end meanwhile: it is read before anything announced is taken to go on.
        keeper.distrust();
        void sync().then(() => clock.after(tailTimes.rereadMs, () => void sync()));
        return;
      case 'events':
        silence.broken();
        keeper.hear(signal);
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
    return subscription.isConnected() && !keeper.isFailing();
  }

  function wakeAll(): void {
    for (const wake of listeners) wake();
  }

  const subscription = keepFollowing(log, channel, clock, onSignal);
  if (!subscription.isConnected()) syncAfter(tailTimes.acknowledgeMs);

  return {
    channel,
    ring,
    ready: keeper.ready,
    find(position) {
      return indexAfter(ring, position) === -1 ? pages.find(position) : ring;
    },
    load: (position) => pages.load(position),
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
        const heard = keeper.heard();
        const hasHeard = state !== null && heard !== null && compareEventIds(heard, state.last) >= 0;
        if (!hasHeard && !closing.signal.aborted) renew();
      });
    },
    distrust() {
      keeper.distrust();
      renew();
    },
    close() {
      closing.abort();
      subscription.close();
      listeners.clear();
    },
  };
}
