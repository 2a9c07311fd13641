import { FeedError } from '../../core/feed-error.ts';
import { addressOf } from '../address-limits.ts';
import type { Runtime } from '../runtime.ts';

/** Streams, held polls and subscriptions of a process together: the platform gives it 1,024 file descriptors. */
export const maxOpen = 900;

/** Elsewhere the setting may ask for more streams than that; so many subscriptions come on top of them. */
export const maxBesides = 100;

/**
 * Makes sure that this process can hold one request more, a stream or a poll that waits, which follows `channels`. Where
 * there is no room, tails without readers make it; it is refused where all are in use.
 * @throws FeedError `too-many-streams`
 */
export function makeRoom(
  { settings, streams, heldPolls, tails }: Pick<Runtime, 'settings' | 'streams' | 'heldPolls' | 'tails'>,
  channels: readonly string[],
): void {
  const held = streams.size + heldPolls.size;
  const added = channels.filter((channel) => !tails.has(channel)).length;
  if (held + 1 > settings.streamMaxConnections) {
    throw new FeedError(
      'too-many-streams',
      `this process holds ${held} streams and polls that wait, its maximum (STREAM_MAX_CONNECTIONS); try again shortly`,
    );
  }
  const most = settings.isVercel ? maxOpen : Math.max(maxOpen, settings.streamMaxConnections + maxBesides);
  const beyond = held + tails.count() + 1 + added - most;
  if (beyond <= 0 || tails.endIdle(beyond, channels)) return;
  throw new FeedError(
    'too-many-streams',
    `this process holds ${held} streams and polls that wait, and follows ${tails.count()} channels, its maximum; try again shortly`,
  );
}

/**
 * Takes a place for a request that is to be held, in this process and of its address; the function given back gives it
 * back, once.
 * @throws FeedError `too-many-streams`
 */
export function takePlace(request: Request, runtime: Runtime, channels: readonly string[]): () => void {
  const { settings, places } = runtime;
  makeRoom(runtime, channels);
  return places.take(places.isLimited ? addressOf(request, settings.isVercel) : null, channels.length);
}

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
