import type { ConnectionSettings } from '../../config/client-timing.ts';
import { defaultPollAdvice } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import type { Refusal } from '../transport/wire.ts';
import { writeCursor } from './sequencer.ts';
import type { Connection, Poll, Stream } from './state.ts';

/** No I/O and no timers but the page's own. */
export function stopIO(state: Connection): Connection {
  return {
    ...state,
    streams: [],
    poll: null,
    retryAt: null,
    pollAt: null,
    probeAt: null,
    yieldAt: null,
    isRetryAfterPending: false,
  };
}

/** Lets everything go and listens to the tab that leads. */
export function following(state: Connection): Connection {
  return {
    ...stopIO(state),
    mode: 'following',
    pausedBy: null,
    stoppedBy: null,
    pauseAt: null,
    pollFailures: 0,
    advice: defaultPollAdvice,
  };
}

/** One more stream, from where the reader is. */
export function openStream(state: Connection, now: number): Connection {
  const { settings, reader } = state;
  const stream: Stream = {
    key: state.nextKey,
    after: writeCursor(reader),
    token: state.token,
    phase: 'preparing',
    sentAt: now,
    liveAt: now,
    heartbeatMs: settings.heartbeatMs,
    isProven: false,
    timeout: { name: 'hello', at: now + settings.helloMs },
    source: reader.positions,
    isEnding: false,
    switchAt: null,
  };
  return { ...state, streams: [...state.streams, stream], retryAt: null, nextKey: state.nextKey + 1 };
}

/** Lets everything go and connects anew; where streaming did not work, by a poll with a probe beside it. */
export function connect(state: Connection, now: number): Connection {
  if (state.isFollower) return following(state);
  const calm: Connection = { ...stopIO(state), pausedBy: null, stoppedBy: null, leader: null };
  const { transport } = state.settings;
  if (transport === 'poll' || calm.isStreamingBlocked) {
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
  const polling: Connection = { ...stopIO(state), mode: 'polling', pollAt, probeAt };
  return startDue(polling, now);
}

/** The floor: streaming does not work here. A probe will try it again. */
export function fallBackToPolling(
  state: Connection,
  now: number,
  random: number,
  delayMs: number,
): Connection {
  const probeAt = now + delayMs + probeDelayMs(state.probes, random, state.settings);
  return startPolling({ ...state, isStreamingBlocked: true, pollFailures: 0 }, now, now + delayMs, probeAt);
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
  const { settings, reader, advice } = state;
  const poll: Poll = {
    key: state.nextKey,
    after: writeCursor(reader),
    token: state.token,
    waitSeconds: advice.waitSeconds,
    startedAt: now,
    timeoutAt: now + advice.waitSeconds * 1_000 + settings.pollTimeoutMs,
    source: reader.positions,
  };
  return { ...state, poll, pollAt: null, isRetryAfterPending: false, nextKey: state.nextKey + 1 };
}

/** Lets everything go until something says otherwise. */
export function pause(state: Connection, pausedBy: Connection['pausedBy']): Connection {
  return { ...stopIO(state), mode: 'paused', pausedBy, pauseAt: null };
}

/** Lets everything go for good, or until the reader's own wish. */
export function stop(
  state: Connection,
  stoppedBy: 'closed' | 'refused',
  problem: Problem | null,
): Connection {
  return { ...stopIO(state), mode: 'stopped', stoppedBy, problem, pauseAt: null, pausedBy: null };
}

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
  const shown: Connection = { ...state, isHidden: false, pauseAt: null };
  if (shown.pausedBy === 'hidden' || shown.pausedBy === 'frozen') return connect(shown, now);
  return retryNow(shown, now, false);
}

/** A page may be thawed while it is hidden: its time to let go begins anew. */
export function onRestored(state: Connection, now: number): Connection {
  const begun = connect(state, now);
  return begun.isHidden ? onHidden(begun, now) : begun;
}

/** The page is hidden: what is its own connection is let go in a while. */
export function onHidden(state: Connection, now: number): Connection {
  const { hiddenMs } = state.settings;
  // What follows holds no connection; what yields lets go in a moment.
  const isFree = isAtRest(state) || state.isFollower;
  const pauseAt = isFree || hiddenMs === 0 ? null : (state.pauseAt ?? now + hiddenMs);
  return { ...state, isHidden: true, pauseAt };
}

/**
 * There is reason to think that a connection works now: what waits is tried at once.
 * @param isNetworkNew the network may be another: a stream is followed by a new one, which costs no pause.
 */
export function retryNow(state: Connection, now: number, isNetworkNew: boolean): Connection {
  switch (state.mode) {
    case 'waiting':
      return state.isRetryAfterPending ? state : connect(state, now);
    case 'polling':
      return state.probeAt === null || state.isRetryAfterPending
        ? state
        : startDue({ ...state, probeAt: now }, now);
    case 'streaming':
      return isNetworkNew && state.streams.length === 1 && !state.isRetryAfterPending
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

/**
 * Time in ms to wait after the `failures`-th failure in a row (1, 2, …): anything up to a range that doubles
 * ("full jitter"), so that readers cut at the same moment do not come back at the same moment.
 * A `Retry-After` is waited out first; the random part is added to it.
 */
export function backoffMs(
  failures: number,
  retryAfterMs: number | null,
  random: number,
  settings: ConnectionSettings,
): number {
  const range = Math.min(settings.maxBackoffMs, settings.backoffMs * 2 ** Math.max(0, failures - 1));
  return Math.min(settings.maxRetryAfterMs, retryAfterMs ?? 0) + random * range;
}

/** Time in ms to the next try to stream while polling: doubles with each, and differs by a fifth between readers. */
export function probeDelayMs(probes: number, random: number, settings: ConnectionSettings): number {
  return Math.min(settings.maxProbeMs, settings.probeMs * 2 ** probes) * (1 + random / 5);
}

/**
 * What a refusal makes of a connection where waiting is of no use: it stops, or asks for a new token and tries again.
 * @param state without the refused stream or poll.
 * @param token the number of the token that was refused.
 * @returns null where the same is to be tried later.
 */
export function handleRefusal(
  state: Connection,
  role: 'stream' | 'poll',
  token: number,
  refusal: Refusal,
  now: number,
): Connection | null {
  switch (refusal.status) {
    case 400:
    case 403:
      return stop(state, 'refused', refusal.problem);
    case 401:
      return renewToken(state, role, token, refusal, now);
    default:
      return null;
  }
}

/** Whether the answer is no stream or page, but somebody else's, or of a server in trouble; told to wait, it is none. */
export function isUnexpected({ status }: Refusal): boolean {
  return status !== 429;
}

/**
 * Answers a 401 for a request made with token number `token`: with a newer token if there is one, else by asking
 * for one, once. Refused with that too, it stops and says so.
 */
function renewToken(
  state: Connection,
  role: 'stream' | 'poll',
  token: number,
  refusal: Refusal,
  now: number,
): Connection {
  const isOutdated = token < state.token;
  if (!isOutdated && (!state.settings.hasToken || state.isTokenNew))
    return stop(state, 'refused', refusal.problem);
  const renewed = isOutdated ? state : { ...state, token: state.token + 1, isTokenNew: true };
  return role === 'stream' ? openStream(renewed, now) : startPoll(renewed, now);
}
