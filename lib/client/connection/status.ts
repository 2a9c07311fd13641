import type { Problem } from '../../core/sse-frames.ts';
import type { Connection } from './state.ts';

/** What a feed is doing, in the words of the page. */
export type FeedStatus =
  | 'connecting'
  | 'streaming'
  /** The next stream is being opened while this one goes on. */
  | 'handing over'
  /** A failure; the next try is at `retryAt`. */
  | 'waiting'
  | 'polling'
  /** Hidden for a while, or switched off by the app. */
  | 'paused'
  | 'offline'
  /** Closed, or refused for good: `problem` says why. */
  | 'stopped';

/** The status of a connection. */
export function statusOf(state: Connection): FeedStatus {
  switch (state.mode) {
    case 'stopped':
      return 'stopped';
    case 'paused':
      return state.pausedBy === 'unstarted' ? 'connecting' : 'paused';
    case 'streaming':
      return state.streams.length > 1 || state.streams[0]?.isEnding === true ? 'handing over' : 'streaming';
    case 'polling':
      return state.pollFailures === 0 ? 'polling' : waiting(state, 'waiting');
    case 'following':
      return waiting(state, state.leader?.status ?? 'connecting');
    case 'connecting':
      // Another tab reads on until this one does.
      return state.leader?.transport ? 'handing over' : waiting(state, 'connecting');
    case 'waiting':
      return waiting(state, 'waiting');
    default:
      return state.mode satisfies never;
  }
}

function waiting(state: Connection, status: FeedStatus): FeedStatus {
  return state.isOnline || (status !== 'waiting' && status !== 'connecting') ? status : 'offline';
}

/** What brings events now; null while nothing does. */
export function transportOf(state: Connection): 'stream' | 'poll' | null {
  if (state.mode === 'streaming') return 'stream';
  if (state.mode === 'following' || state.mode === 'connecting') return state.leader?.transport ?? null;
  return state.mode === 'polling' && state.pollFailures === 0 ? 'poll' : null;
}

/** What the server said of the last refusal; null once it has been served again. */
export function problemOf(state: Connection): Problem | null {
  return state.mode === 'following' ? (state.leader?.problem ?? null) : state.problem;
}

/** When the next try is, by the connection's clock; null while none is waited for. */
export function retryAtOf(state: Connection): number | null {
  if (state.mode === 'waiting') return state.retryAt;
  if (state.mode === 'following') return state.leader?.retryAt ?? null;
  return state.mode === 'polling' && state.pollFailures > 0 ? state.pollAt : null;
}
