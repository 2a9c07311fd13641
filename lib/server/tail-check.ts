import type { Clock } from '../core/clock.ts';
import type { LogState } from '../core/continuity.ts';
import { compareEventIds } from '../core/ids.ts';
import type { Checkable, Checks } from './checks.ts';
import type { RingKeeper } from './ring-keeper.ts';
import { createSilence } from './silence.ts';
import { tailTimes } from './tail-clockwork.ts';

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
  readonly keeper: RingKeeper;
  readonly isConnected: () => boolean;
  /** Called when the log has what was not announced in time. */
  readonly onDeaf: () => void;
};

/** Begins with a check of silence due after the shortest time, and no look. */
export function createTailCheck(options: TailCheckOptions): TailCheck {
  const { channel, clock, checks, keeper, isConnected, onDeaf } = options;
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
    return isConnected() && !keeper.isFailing();
  }

  /** The second look may come somewhat early, to go with that of another. */
  function isLookNear(): boolean {
    return lookDueAt - clock.elapsed() <= tailTimes.gatherMs;
  }

  /** An announcement on its way explains a difference; one that does not come means the subscription is deaf. */
  function expectToHear(state: LogState): void {
    const expected = distrusts;
    clock.after(tailTimes.rereadMs, () => {
      const heard = keeper.heard();
      const hasHeard = state !== null && heard !== null && compareEventIds(heard, state.last) >= 0;
      if (!hasHeard && !isClosed && expected === distrusts) onDeaf();
    });
  }

  const check: TailCheck = {
    channel,
    heard: silence.broken,
    isConnecting: () => !isConnected(),
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
        const isSame = found !== null && keeper.compare(found.state);
        if (found === null) void keeper.sync();
        else if (!isSame && !isLook) expectToHear(found.state);
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
      keeper.distrust();
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
