import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { EventLog } from '../../log/event-log.ts';
import { outageOf, type RingState } from './ring-sync.ts';
import { tailTimes } from './subscription.ts';

/**
 * When a tail is held against the log's end, and what follows. A check of silence finds a subscription that has gone
 * deaf; a look makes sure of one that was just acknowledged: at once, and again a second later, for a replica may lag.
 */
export type TailCheck = Checkable & {
  /** Something was heard, which proves the subscription. */
  heard(): void;
  /** Looks now, and again a second later. */
  look(): void;
  /** Looks a second from now. */
  lookLater(): void;
  /** What the log was asked before this proves nothing. */
  distrust(): void;
  close(): void;
};

export type TailCheckOptions = {
  readonly channel: string;
  readonly clock: Clock;
  /** Longest silence before the log is asked. */
  readonly checkMs: number;
  readonly checks: Checks;
  readonly state: () => RingState;
  readonly isSame: (log: LogState) => boolean;
  /** Takes what the log answered. */
  readonly onFound: (found: Found) => void;
  /** Called when the log has what was not announced in time. */
  readonly onDeaf: () => void;
};

/** Begins with a check of silence due after the shortest time, and no look. */
export function createTailCheck(options: TailCheckOptions): TailCheck {
  const { channel, clock, checks, state, isSame, onFound, onDeaf } = options;
  const silence = createSilence(clock, options.checkMs);
  let lookDueAt = Infinity;
  let looksLeft = 0;
  let distrusts = 0;
  let isClosed = false;
  let cancelLook = () => {};

  function lookIn(ms: number): void {
    cancelLook();
    lookDueAt = clock.elapsed() + ms;
    cancelLook = clock.after(ms, () => {
      // A timer may go off a little early.
      lookDueAt = clock.elapsed();
      checks.gather();
    });
  }

  /** A tail that is bridging reads anyway. */
  function canBeChecked(): boolean {
    return state().isConnected && outageOf(state()) === null;
  }

  /** The second look may come somewhat early, to go with that of another. */
  function isLookNear(): boolean {
    return lookDueAt - clock.elapsed() <= tailTimes.gatherMs;
  }

  /** An announcement on its way explains a difference; one that does not come means the subscription is deaf. */
  function expectToHear(log: LogState): void {
    const expected = distrusts;
    clock.after(tailTimes.rereadMs, () => {
      const heard = state().newestAnnounced;
      const hasHeard = log !== null && heard !== null && compareEventIds(heard, log.last) >= 0;
      if (!hasHeard && !isClosed && expected === distrusts) onDeaf();
    });
  }

  const check: TailCheck = {
    channel,
    heard: silence.broken,
    isConnecting: () => !state().isConnected,
    checkDueAt: () => (canBeChecked() ? Math.min(lookDueAt, silence.dueAt()) : Infinity),
    isCheckWelcome: () => canBeChecked() && (silence.isSilent() || isLookNear()),
    beginCheck() {
      const isLook = isLookNear();
      const proven = distrusts;
      if (isLook) {
        cancelLook();
        lookDueAt = Infinity;
        looksLeft -= 1;
      }
      if (!isLook) silence.checked();
      else if (silence.isSilent()) silence.putOff();
      return (found) => {
        // What was asked before a subscription's acknowledgement proves nothing of it; a look of its own is due.
        if (isClosed || proven !== distrusts) return;
        const isUnexpected = found !== null && !isSame(found.state);
        onFound(found);
        if (isUnexpected && !isLook) expectToHear(found.state);
        if (isLook && looksLeft > 0) lookIn(tailTimes.rereadMs);
      };
    },
    look() {
      looksLeft = 2;
      cancelLook();
      lookDueAt = clock.elapsed();
      checks.gather();
    },
    lookLater() {
      if (isClosed) return;
      looksLeft = 1;
      lookIn(tailTimes.rereadMs);
    },
    distrust() {
      distrusts += 1;
    },
    close() {
      isClosed = true;
      cancelLook();
      checks.remove(check);
    },
  };
  checks.add(check);
  return check;
}

/** What the log answered to a check; null when it could not be reached. */
export type Found = { readonly state: LogState } | null;

/** A tail, as it is seen by those who check it. */
type Checkable = {
  readonly channel: string;
  /** Whether it waits for its subscription to be acknowledged. */
  isConnecting(): boolean;
  /** When its next check is due, on the clock's `elapsed`; Infinity while other reads make it needless. */
  checkDueAt(): number;
  /** Whether a check of another tail may as well include this one. */
  isCheckWelcome(): boolean;
  /** Begins a check, which then is not due any more; the function given back takes what the log answers. */
  beginCheck(): (found: Found) => void;
};

/** Asks the log for the ends of its channels: one call for all tails of a process that need to be sure. */
export type Checks = {
  add(tail: Checkable): void;
  remove(tail: Checkable): void;
  /** Checks now, if the check of any tail is due, or will be within `withinMs`; 0. */
  run(withinMs?: number): void;
  /** A check is due now: waits a moment for tails whose subscriptions come back about the same time. */
  gather(): void;
};

/** Makes the checks of a process. Nothing runs until it is told to. */
export function createChecks(log: EventLog, clock: Clock): Checks {
  const tails = new Set<Checkable>();
  let cancelGather: (() => void) | null = null;

  function run(withinMs = 0): void {
    const until = clock.elapsed() + withinMs;
    if ([...tails].some((tail) => tail.checkDueAt() <= until)) void ask(until);
  }

  async function ask(until: number): Promise<void> {
    stopGathering();
    const asked = [...tails].filter((tail) => tail.isCheckWelcome() || tail.checkDueAt() <= until);
    // What falls due from here on is not proven by this answer: it is asked for by a call of its own.
    const takers = asked.map((tail) => ({ channel: tail.channel, take: tail.beginCheck() }));
    try {
      const ends = await log.ends(takers.map(({ channel }) => channel));
      for (const { channel, take } of takers) take({ state: ends.get(channel) ?? null });
    } catch {
      // Each tail reads for itself, and says what is wrong where readers hear it.
      for (const { take } of takers) take(null);
    }
  }

  function gather(): void {
    const isLast = ![...tails].some((tail) => tail.isConnecting());
    if (isLast) run();
    else cancelGather ??= clock.after(tailTimes.gatherMs, endGathering);
  }

  function endGathering(): void {
    cancelGather = null;
    run();
  }

  function stopGathering(): void {
    cancelGather?.();
    cancelGather = null;
  }

  return {
    add: (tail) => void tails.add(tail),
    remove(tail) {
      tails.delete(tail);
      if (tails.size === 0) stopGathering();
    },
    run,
    gather,
  };
}

/**
 * Decides when a tail that hears nothing asks the log whether there is nothing to hear: when it has been silent for
 * three times the channel's usual pause, 5 s at the earliest, then ever more seldom, up to `maxMs`.
 */
export type Silence = {
  /** Something was heard, which proves the subscription. */
  broken(): void;
  /** The log was asked: the next check waits twice as long. */
  checked(): void;
  /** The log was asked for another reason: the next check waits as long again. */
  putOff(): void;
  /** When the next check is due, on the clock's `elapsed`. */
  dueAt(): number;
  /** Whether nothing was heard for as long as the first check waits at the earliest. */
  isSilent(): boolean;
};

/** Starts now, with a check due after the shortest time. */
export function createSilence(clock: Clock, maxMs: number): Silence {
  const firstMs = Math.min(tailTimes.firstCheckMs, maxMs);
  let usualPauseMs = 0;
  let heardAt: number | null = null;
  let pauseMs = firstMs;
  const startedAt = clock.elapsed();
  let dueAt = startedAt + firstMs;

  return {
    broken() {
      const now = clock.elapsed();
      if (heardAt !== null) usualPauseMs += (now - heardAt - usualPauseMs) / 4;
      heardAt = now;
      pauseMs = Math.min(maxMs, Math.max(firstMs, 3 * usualPauseMs));
      dueAt = now + pauseMs;
    },
    checked() {
      pauseMs = Math.min(maxMs, pauseMs * 2);
      dueAt = clock.elapsed() + pauseMs;
    },
    putOff() {
      dueAt = clock.elapsed() + pauseMs;
    },
    dueAt: () => dueAt,
    isSilent: () => clock.elapsed() - (heardAt ?? startedAt) >= firstMs,
  };
}
