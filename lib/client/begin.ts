import type { Problem } from '../core/sse-frames.ts';
import { probeMs } from './backoff.ts';
import { type Connection, newAdvice, type Poll, type Stream } from './connection.ts';
import { writeCursor } from './place.ts';

/** No I/O and no timers but the page's own. */
export function idle(state: Connection): Connection {
  return {
    ...state,
    streams: [],
    poll: null,
    retryAt: null,
    pollAt: null,
    probeAt: null,
    yieldAt: null,
    isHeld: false,
  };
}

/** Lets everything go and listens to the tab that leads. */
export function following(state: Connection): Connection {
  return {
    ...idle(state),
    mode: 'following',
    pausedBy: null,
    stoppedBy: null,
    hideAt: null,
    pollFailures: 0,
    advice: newAdvice,
  };
}

/** One more stream, from where the reader is. */
export function openStream(state: Connection, now: number): Connection {
  const { settings, progress } = state;
  const stream: Stream = {
    key: state.nextKey,
    after: writeCursor(progress.places, settings.channels),
    token: state.token,
    phase: 'preparing',
    sentAt: now,
    liveAt: now,
    heartbeatMs: settings.heartbeatMs,
    hasLived: false,
    deadline: { name: 'hello', at: now + settings.helloMs },
    source: progress.places,
    isLeaving: false,
    goal: null,
  };
  return { ...state, streams: [...state.streams, stream], retryAt: null, nextKey: state.nextKey + 1 };
}

/** Lets everything go and connects anew; where streaming did not work, by a poll with a probe beside it. */
export function begin(state: Connection, now: number): Connection {
  if (state.isFollower) return following(state);
  const calm: Connection = { ...idle(state), pausedBy: null, stoppedBy: null, leader: null };
  const { transport } = state.settings;
  if (transport === 'poll' || calm.isFallen) {
    return startPolling(calm, now, now, transport === 'poll' ? null : now);
  }
  return openStream({ ...calm, mode: 'connecting' }, now);
}

/** Polling, the first at `pollAt`; a probe at `probeAt`. */
export function startPolling(
  state: Connection,
  now: number,
  pollAt: number,
  probeAt: number | null,
): Connection {
  const polling: Connection = { ...idle(state), mode: 'polling', pollAt, probeAt };
  return startDue(polling, now);
}

/** The floor: streaming does not work here. A probe will try it again. */
export function fall(state: Connection, now: number, random: number, delayMs: number): Connection {
  const probeAt = now + delayMs + probeMs(state.probes, random, state.settings);
  return startPolling({ ...state, isFallen: true, pollFailures: 0 }, now, now + delayMs, probeAt);
}

/** Starts what is due while polling: a poll where the connection itself drives them, a probe. */
export function startDue(state: Connection, now: number): Connection {
  let next = state;
  if (next.pollAt !== null && next.pollAt <= now && next.settings.polls === 'timer')
    next = startPoll(next, now);
  if (next.probeAt !== null && next.probeAt <= now && next.streams.length === 0) {
    next = openStream({ ...next, probeAt: null, probes: next.probes + 1 }, now);
  }
  return next;
}

/** One poll, from where the reader is. */
export function startPoll(state: Connection, now: number): Connection {
  const { settings, progress, advice } = state;
  const poll: Poll = {
    key: state.nextKey,
    after: writeCursor(progress.places, settings.channels),
    token: state.token,
    waitSeconds: advice.waitSeconds,
    startedAt: now,
    deadlineAt: now + advice.waitSeconds * 1_000 + settings.pollTimeoutMs,
    source: progress.places,
  };
  return { ...state, poll, pollAt: null, isHeld: false, nextKey: state.nextKey + 1 };
}

/** Lets everything go until something says otherwise. */
export function pause(state: Connection, pausedBy: Connection['pausedBy']): Connection {
  return { ...idle(state), mode: 'paused', pausedBy, hideAt: null };
}

/** Lets everything go for good, or until the reader's own wish. */
export function stop(
  state: Connection,
  stoppedBy: 'closed' | 'refused',
  problem: Problem | null,
): Connection {
  return { ...idle(state), mode: 'stopped', stoppedBy, problem, hideAt: null, pausedBy: null };
}
