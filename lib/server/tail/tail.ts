import type { Clock } from '../../core/clock.ts';
import type { Loss } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { compareEventIds, type EventId } from '../../core/ids.ts';
import { type EventLog, type FollowSignal, maxRead } from '../../log/event-log.ts';
import type { LivenessChecks } from './liveness-check.ts';
import { createPageCache, type Loaded, loadNewest, loadPage, type StaleAnswer } from './read-through.ts';
import type { ReplicaWait } from './replica-wait.ts';
import { createRing, encodeEntry, indexAfter, type Segment } from './ring-buffer.ts';
import {
  dueAt,
  emptyRing,
  isAtEnd,
  isInDoubt,
  isReady,
  outageOf,
  type RingEffect,
  type RingSignal,
  step,
} from './ring-sync.ts';
import { keepFollowing } from './subscription.ts';

/** A channel's events, for its readers. */
export type ReadableTail = {
  readonly channel: string;
  /** Where "now" is: the end of the log, once the tail is ready. */
  end(): Position;
  /** The segment in memory that `position` lies in: the newest events, or a page read lately; null: the log must be asked. */
  find(position: Position): Segment | null;
  /** Reads what follows `position` from the log, in one read for all who ask for the same. */
  load(position: Position): Promise<Loaded>;
  /** Resolves when it is worth to load again after an answer that may be stale, or `ms` are over. */
  untilCaughtUp(answer: StaleAnswer, ms: number): Promise<void>;
  /** Drops what memory still holds of the events that the log has lost; a reader at `lost` found that out. */
  discardLost(lost: Position, loss: Loss): void;
  /** Reads what is new in the log; for a reader that knows of more than this tail. */
  requestSync(): void;
  /** Calls `wake` whenever there may be more, or the log fails for too long; the returned function ends that. */
  listen(wake: () => void): () => void;
};

/** Whether a tail can be relied on, for the code that opens a stream or gives one up. */
export type TailStatus = {
  /**
   * Whether the tail has all that the log has.
   * @param from where a reader starts: the tail is not ready for it while it is in doubt whether the log still has what
   * follows. Null: it starts at the end.
   */
  isReady(from?: Position | null): boolean;
  /** Resolves when the tail is ready. @throws FeedError `log-unavailable` when the log does not answer. */
  ready(from?: Position | null): Promise<void>;
  /** For how long the log could not be read, in ms; 0: it can be read. */
  failingForMs(): number;
};

/** What a stream or a request gets of a tail. */
export type LeasedTail = ReadableTail & TailStatus;

/** The one reader of a channel's new events in this process, shared by all its streams. */
export type Tail = LeasedTail & {
  /** Whether the channel has ended, as far as the tail has read. */
  hasEnded(): boolean;
  /** Subscribes anew and trusts nothing until the log has answered; for a process that was frozen. */
  restart(): void;
  close(): void;
};

/** Why a tail subscribes again: the subscription broke, reported nothing although events were stored, or the process was frozen. */
export type ResubscribeReason = 'lost' | 'deaf' | 'frozen';

/** Hears what happens in tails. A callback must not throw. */
export type TailObserver = {
  /** A channel has new events. */
  onEvents(): void;
  /** A tail has read events that no announcement had brought. */
  onRepair(channel: string, events: number): void;
  onResubscribe(channel: string, reason: ResubscribeReason): void;
  /** The readers were woken for new events: those that could take more have them. `end` is the newest. */
  onDelivered(channel: string, end: EventId, readers: number): void;
};

export type TailOptions = {
  readonly log: EventLog;
  readonly channel: string;
  readonly clock: Clock;
  /** How long the channel may be quiet before the log is asked for missed events, in ms. */
  readonly checkMs: number;
  /** The process has one. It asks the log for the ends of several channels in one call. */
  readonly checks: LivenessChecks;
  /** The process has one. It asks the log again, in one call for all readers that are ahead of it. */
  readonly replicaWait: ReplicaWait;
  /** Hears what happens from the log's first answer on. */
  readonly observer?: TailObserver;
};

const ringLimits = { maxEntries: 2_048, maxBytes: 2 * 1024 * 1024 };

/** Starts a tail. It subscribes, waits for the acknowledgement, then reads: in this order it misses nothing. */
export function createTail(options: TailOptions): Tail {
  const { log, channel, clock, checkMs, checks, replicaWait, observer } = options;
  const ring = createRing(emptyRing.end, ringLimits);
  const pages = createPageCache((position, limit) =>
    loadPage(log, channel, position, state.newestAnnounced, limit),
  );
  const listeners = new Set<() => void>();
  let state = emptyRing;
  let timer = { at: Infinity, cancel() {} };
  let answer = Promise.withResolvers<FeedError | null>();
  let isClosed = false;
  /** Whether the log has answered: what it had until then is no news. */
  let hasStarted = false;

  function dispatch(signal: RingSignal): void {
    if (isClosed) return;
    const next = step(state, signal, clock.elapsed());
    state = next.state;
    setTimer();
    if (!state.isConnected) check.setStatus('connecting');
    else check.setStatus(outageOf(state) === null ? 'live' : 'failing');
    for (const effect of next.effects) run(effect);
  }

  function setTimer(): void {
    const at = dueAt(state);
    if (at === timer.at) return;
    timer.cancel();
    const cancel = at === Infinity ? () => {} : clock.after(at - clock.elapsed(), onTimer);
    timer = { at, cancel };
  }

  function onTimer(): void {
    timer = { at: Infinity, cancel() {} };
    dispatch({ kind: 'due' });
  }

  function run(effect: RingEffect): void {
    switch (effect.kind) {
      case 'reset':
        ring.reset(effect.base);
        break;
      case 'append':
        ring.append(effect.entries);
        if (hasStarted) observer?.onEvents();
        if (hasStarted) observer?.onRepair(channel, effect.entries.length);
        break;
      case 'encode':
        ring.append(effect.events.map((event) => encodeEntry(channel, effect.epoch, event)));
        if (hasStarted) observer?.onEvents();
        break;
      case 'drop-pages':
        pages.clear();
        break;
      case 'read':
        void read(effect);
        break;
      case 'ask-end':
        check.askEnd(effect.when);
        break;
      case 'settle':
        hasStarted ||= effect.failure === null;
        answer.resolve(effect.failure);
        answer = Promise.withResolvers();
        break;
      case 'wake':
        for (const wake of listeners) wake();
        observer?.onDelivered(channel, state.end.id, listeners.size);
    }
  }

  async function read({ from, newestAnnounced }: Extract<RingEffect, { kind: 'read' }>): Promise<void> {
    const reading =
      from === 'newest'
        ? loadNewest(log, channel).then((segment) => ({ kind: 'newest', segment }) as const)
        : loadPage(log, channel, from, newestAnnounced, maxRead);
    dispatch(
      await reading.then(
        (found) => ({ kind: 'loaded', found }) as const,
        (cause: unknown) => ({ kind: 'failed', failure: toFailure(cause), random: clock.random() }) as const,
      ),
    );
  }

  function onSignal(signal: FollowSignal): void {
    if (signal.kind === 'events') {
      check.announced();
      dispatch({ kind: 'announced', announcement: signal });
    } else if (signal.kind === 'unsure') {
      dispatch({ kind: 'requested', isUrgent: true });
    } else {
      dispatch({ kind: signal.kind });
      if (signal.kind === 'lost') observer?.onResubscribe(channel, 'lost');
    }
  }

  function isReadyFor(from?: Position | null): boolean {
    return isReady(state) && isUndisputed(from);
  }

  function isUndisputed(from: Position | null = null): boolean {
    return from === null || !isInDoubt(state, from);
  }

  function resubscribe(reason: ResubscribeReason): void {
    observer?.onResubscribe(channel, reason);
    dispatch({ kind: 'subscribing' });
    subscription.renew();
  }

  /** Whether memory would give a reader that continues after `resume` what the log has lost. */
  function isLostHistory(segment: Segment | null, lost: Position, { resume }: Loss): boolean {
    if (segment === null || segment.base.epoch !== lost.epoch) return false;
    if (resume.epoch === null) return true;
    // What was stored since has a later id than everything that was lost.
    const next = segment.entries[indexAfter(segment, resume)];
    return next !== undefined && compareEventIds(next.id, lost.id) <= 0;
  }

  const check = checks.start({
    channel,
    checkMs,
    isAtEnd: (end) => isAtEnd(state, end),
    newestAnnounced: () => state.newestAnnounced,
    onAnswer(answer) {
      if (answer === null) dispatch({ kind: 'requested', isUrgent: true });
      else dispatch({ kind: 'checked', log: answer.end });
    },
    onDeaf: () => resubscribe('deaf'),
  });
  dispatch({ kind: 'subscribing' });
  const subscription = keepFollowing(log, channel, clock, onSignal);

  return {
    channel,
    end: ring.end,
    find: (position) => (indexAfter(ring, position) === -1 ? pages.find(position) : ring),
    load: (position) => pages.load(position),
    untilCaughtUp: (stale, ms) => replicaWait.untilCaughtUp(channel, stale, ms),
    discardLost(lost, loss) {
      if (isLostHistory(pages.find(loss.resume), lost, loss)) pages.clear();
      if (isLostHistory(ring, lost, loss)) dispatch({ kind: 'disproved', resume: loss.resume });
    },
    requestSync: () => dispatch({ kind: 'requested', isUrgent: false }),
    listen(wake) {
      listeners.add(wake);
      return () => listeners.delete(wake);
    },
    isReady: isReadyFor,
    async ready(from) {
      while (!isReadyFor(from)) {
        if (outageOf(state) !== null) dispatch({ kind: 'requested', isUrgent: true });
        const failure = await answer.promise;
        if (failure !== null) throw failure;
        if (isUndisputed(from)) return;
      }
    },
    failingForMs() {
      const outage = outageOf(state);
      return outage === null ? 0 : clock.elapsed() - outage.since;
    },
    hasEnded: () => ring.entries.at(-1)?.isEnd === true,
    restart() {
      dispatch({ kind: 'invalidated' });
      resubscribe('frozen');
    },
    close() {
      isClosed = true;
      timer.cancel();
      check.close();
      subscription.close();
      listeners.clear();
    },
  };
}

function toFailure(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  return new FeedError('log-unavailable', 'The log did not answer', { cause });
}
