import type { Problem } from '../../core/sse-frames.ts';
import type { Connection, PollingReason } from './state.ts';

/** What a feed is doing, as the page shows it. */
export type FeedStatus =
  | 'connecting'
  | 'streaming'
  /** The next stream is being opened while this one goes on. */
  | 'handing over'
  /** After a failure. The next attempt is at `retryAt`. */
  | 'waiting'
  | 'polling'
  /** Nothing happens in the feed: the server wants polls instead of a stream, less and less often. */
  | 'resting'
  /** The page has been hidden for a while, or the app has switched the feed off. */
  | 'paused'
  | 'offline'
  /** Closed, or refused by the server: `problem` says why. */
  | 'stopped'
  /** All channels have ended, and the reader has their last events. */
  | 'ended';

/** What reads for a feed, as its page shows it. */
export type ReadingState = {
  readonly status: FeedStatus;
  /** What brings events now; null while nothing does. */
  readonly transport: 'stream' | 'poll' | null;
  /** The time of the next attempt, by the connection's clock; null while none is planned. */
  readonly retryAt: number | null;
  /** Why the server refused last; null once it has served the reader again. */
  readonly problem: Problem | null;
  /** Why streams do not work here; null if they do. */
  readonly pollingReason: PollingReason | null;
};

/** What a connection reads by itself. On standby, that is nothing. */
export function readingOf(state: Connection): ReadingState {
  return {
    status: statusOf(state),
    transport: transportOf(state),
    retryAt: retryAtOf(state),
    problem: state.mode === 'standby' ? null : state.problem,
    pollingReason: state.pollingReason,
  };
}

/** The status of a connection. */
export function statusOf(state: Connection): FeedStatus {
  switch (state.mode) {
    case 'stopped':
    case 'ended':
      return state.mode;
    case 'paused':
      return state.pausedBy === 'unstarted' ? 'connecting' : 'paused';
    case 'streaming':
      return state.streams.some(({ isEnding }) => isEnding) ? 'handing over' : 'streaming';
    case 'polling':
      if (state.pollFailures > 0) return offlineOr(state, 'waiting');
      return state.restMs > 0 ? 'resting' : 'polling';
    case 'standby':
      return offlineOr(state, 'connecting');
    case 'connecting':
    case 'waiting':
      return state.isResuming && state.isOnline ? 'streaming' : offlineOr(state, state.mode);
    default:
      return state.mode satisfies never;
  }
}

/** A status, or `offline` if it is a wait and the browser reports no network. */
export function offlineOr({ isOnline }: Connection, status: FeedStatus): FeedStatus {
  return isOnline || (status !== 'waiting' && status !== 'connecting') ? status : 'offline';
}

function transportOf({ mode, pollFailures, isResuming }: Connection): ReadingState['transport'] {
  if (mode === 'streaming' || isResuming) return 'stream';
  return mode === 'polling' && pollFailures === 0 ? 'poll' : null;
}

function retryAtOf({ mode, retryAt, pollAt, pollFailures, isResuming }: Connection): number | null {
  if (mode === 'waiting') return isResuming ? null : retryAt;
  return mode === 'polling' && pollFailures > 0 ? pollAt : null;
}
