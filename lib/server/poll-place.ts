import { FeedError } from '../core/feed-error.ts';
import { takePlace } from './room.ts';
import type { Runtime } from './runtime.ts';

/** A poll's place among the requests that are held. It is taken when the poll first has to wait: most never do. */
export type PollPlace = {
  /** Aborts when the reader has left. */
  readonly signal: AbortSignal;
  /** Takes the place where that has not been done yet. @throws FeedError `too-many-streams` where there is none. */
  take(): void;
  /** Takes it, and tells whether there was one. */
  tryTake(): boolean;
  /** Gives it back where it was taken. */
  leave(): void;
};

/** The place of a poll of `channels`, not taken yet. */
export function createPollPlace(request: Request, runtime: Runtime, channels: readonly string[]): PollPlace {
  const { heldPolls } = runtime;
  let giveBack: (() => void) | null = null;

  function take(): void {
    if (giveBack !== null) return;
    giveBack = takePlace(request, runtime, channels);
    heldPolls.add(request);
  }

  return {
    signal: request.signal,
    take,
    tryTake() {
      try {
        take();
        return true;
      } catch (error) {
        if (error instanceof FeedError && error.code === 'too-many-streams') return false;
        throw error;
      }
    },
    leave() {
      heldPolls.delete(request);
      giveBack?.();
      giveBack = null;
    },
  };
}
