import { begin, openStream, startDue } from './begin.ts';
import type { Connection } from './connection.ts';

/** Whether it reads nothing, nor is about to. */
export function isAtRest({ mode }: Connection): boolean {
  return mode === 'paused' || mode === 'stopped';
}

/** Not begun, or switched off by the app: only the app switches it on. */
export function isOff({ pausedBy }: Connection): boolean {
  return pausedBy === 'unstarted' || pausedBy === 'disabled';
}

/** The page is shown: what was paused for its sake goes on from its cursor. */
export function onVisible(state: Connection, now: number): Connection {
  const shown: Connection = { ...state, isHidden: false, hideAt: null };
  if (shown.pausedBy === 'hidden' || shown.pausedBy === 'frozen') return begin(shown, now);
  return hasten(shown, now, false);
}

/** A page may be thawed while it is hidden: its time to let go begins anew. */
export function onRestored(state: Connection, now: number): Connection {
  const begun = begin(state, now);
  return begun.isHidden ? onHidden(begun, now) : begun;
}

/** The page is hidden: what is its own connection is let go in a while. */
export function onHidden(state: Connection, now: number): Connection {
  const { hiddenMs } = state.settings;
  // What follows holds no connection; what yields lets go in a moment.
  const isFree = isAtRest(state) || state.isFollower;
  const hideAt = isFree || hiddenMs === 0 ? null : (state.hideAt ?? now + hiddenMs);
  return { ...state, isHidden: true, hideAt };
}

/**
 * There is reason to think that a connection works now: what waits is tried at once.
 * @param isNetworkNew the network may be another: a stream is followed by a new one, which costs no pause.
 */
export function hasten(state: Connection, now: number, isNetworkNew: boolean): Connection {
  switch (state.mode) {
    case 'waiting':
      return state.isHeld ? state : begin(state, now);
    case 'polling':
      return state.probeAt === null || state.isHeld ? state : startDue({ ...state, probeAt: now }, now);
    case 'streaming':
      return isNetworkNew && state.streams.length === 1 && !state.isHeld
        ? openStream({ ...state, retryAt: null }, now)
        : state;
    case 'connecting':
    case 'following':
    case 'paused':
    case 'stopped':
      return state;
    default:
      return state.mode satisfies never;
  }
}
