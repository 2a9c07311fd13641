import type { ConnectionSettings } from '../../config/client-timing.ts';
import { defaultPollAdvice } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import type { Refusal } from '../transport/messages.ts';
import { writeCursor } from './sequencer.ts';
import {
  type Connection,
  type KnownState,
  ownPollAt,
  type Poll,
  type PollingReason,
  type Stream,
} from './state.ts';

/*
 * The life of a connection: it connects, polls, pauses, stops, or stands by. The app, the page, and the tabs that share the
 * connection decide that. Requests are started and ended here alone.
 */

/** No `Retry-After` holds. */
export const notHeld = {
  noPollBefore: Number.NEGATIVE_INFINITY,
  noStreamBefore: Number.NEGATIVE_INFINITY,
} as const;

/** The server wants no stream before `at`, and no poll either if `isForPolls`. */
export function holdUntil(state: Connection, at: number, isForPolls = true): Connection {
  const { noPollBefore, noStreamBefore } = state;
  return {
    ...state,
    noPollBefore: isForPolls ? Math.max(noPollBefore, at) : noPollBefore,
    noStreamBefore: Math.max(noStreamBefore, at),
  };
}

/** The same with no poll and no probe before the time that the server has named. */
export function withHeld(state: Connection): Connection {
  const { pollAt, probeAt, noPollBefore, noStreamBefore } = state;
  return {
    ...state,
    pollAt: pollAt === null ? null : Math.max(pollAt, noPollBefore),
    probeAt: probeAt === null ? null : Math.max(probeAt, noStreamBefore),
  };
}

/**
 * Ends all requests and opens a stream. Where streaming is blocked, it polls and probes at once instead. A `Retry-After`
 * comes first.
 */
export function connect(state: Connection, now: number): Connection {
  if (state.isStandby) return standBy(state);
  const fresh: Connection = { ...stopIO(state), pausedBy: null, stoppedBy: null };
  const isPollOnly = state.settings.transport === 'poll';
  const mustPoll = isPollOnly || state.pollingReason !== null;
  const heldUntil = mustPoll ? state.noPollBefore : state.noStreamBefore;
  if (now < heldUntil) return { ...fresh, mode: 'waiting', retryAt: heldUntil };
  if (mustPoll) return startPolling(fresh, now, now, isPollOnly ? null : now);
  return openStream(checkBy({ ...fresh, mode: 'connecting' }, now + state.settings.checkMs), now);
}

/**
 * Lets a poll check for events at `at`, or when a check is due before that. A check that waits because others have failed
 * keeps its time. Only the transport `auto` has checks.
 */
export function checkBy(state: Connection, at: number): Connection {
  if (state.settings.transport !== 'auto') return state;
  const { pollAt, pollFailures } = state;
  return { ...state, pollAt: pollAt === null || pollFailures === 0 ? Math.min(pollAt ?? at, at) : pollAt };
}

/** Polls from now on, because streams do not bring events in time here. A probe tries to stream again later. */
export function fallBackToPolling(
  state: Connection,
  now: number,
  random: number,
  delayMs: number,
  pollingReason: PollingReason,
): Connection {
  const probeAt = now + delayMs + probeDelayMs(state.probes, random, state.settings);
  return startPolling({ ...state, pollingReason, pollFailures: 0 }, now, now + delayMs, probeAt);
}

function startPolling(state: Connection, now: number, pollAt: number, probeAt: number | null): Connection {
  return startDue({ ...stopIO(state), mode: 'polling', pollAt, probeAt }, now);
}

/** Polls after `delayMs`, and opens no stream until something happens: the server wants that in a quiet time. */
export function startRest(state: Connection, restMs: number, delayMs: number, now: number): Connection {
  const resting: Connection = { ...stopIO(state), mode: 'polling', restMs, pollFailures: 0 };
  return startDue({ ...resting, pollAt: now + delayMs }, now);
}

/** Streams again after a rest. The page shows no pause: polls have worked until now. */
export function endRest(state: Connection, now: number): Connection {
  const next = connect(state, now);
  return { ...next, isResuming: next.mode === 'connecting' };
}

/** Starts the poll and the probe whose time has come. */
export function startDue(before: Connection, now: number): Connection {
  const state = withHeld(before);
  const next = isDue(ownPollAt(state), now) ? startPoll(state, now) : state;
  const isProbeDue = isDue(next.probeAt, now) && next.streams.length === 0;
  return isProbeDue ? openStream({ ...next, probeAt: null, probes: next.probes + 1 }, now) : next;
}

/** Whether it neither reads nor tries to. */
export function isInactive(state: Connection): boolean {
  return state.mode === 'paused' || isOver(state);
}

/** Whether only the user can start it again. */
export function isOver({ mode }: Connection): boolean {
  return mode === 'stopped' || mode === 'ended';
}

/** Whether a time has come. Null never comes. */
export function isDue(at: number | null, now: number): boolean {
  return at !== null && at <= now;
}

/** Ends all requests. Another source brings the events. */
export function standBy(state: Connection): Connection {
  return {
    ...stopIO(state),
    mode: 'standby',
    pausedBy: null,
    stoppedBy: null,
    pauseAt: null,
    pollFailures: 0,
    advice: defaultPollAdvice,
  };
}

/** Ends all requests until a signal starts them again. */
export function pause(state: Connection, pausedBy: Connection['pausedBy']): Connection {
  return { ...stopIO(state), mode: 'paused', pausedBy, pauseAt: null };
}

/** Ends all requests for good, or until the user retries. */
export function stop(
  state: Connection,
  stoppedBy: Connection['stoppedBy'],
  problem: Problem | null,
): Connection {
  return { ...stopIO(state), mode: 'stopped', stoppedBy, problem, pauseAt: null, pausedBy: null };
}

/** All channels have ended, and the reader has their last events: there is nothing left to ask for. */
export function end(state: Connection): Connection {
  return { ...stop(state, null, null), mode: 'ended', pollingReason: null };
}

/** A wait is over: connect, or repeat a handover that failed while the old stream goes on. */
export function onRetryDue(state: Connection, now: number): Connection {
  const { isResuming } = state;
  if (state.mode !== 'streaming') {
    const { poll, pollAt, returnLimitMs } = state;
    const next: Connection = { ...connect(state, now), isResuming };
    if (next.mode !== 'connecting') return next;
    // Checks go on.
    return { ...next, poll, pollAt: pollAt ?? next.pollAt, returnLimitMs };
  }
  return openStream(state, now);
}

/** The page is hidden: its connection ends after a while, unless it is on standby. */
export function onHidden(state: Connection, now: number): Connection {
  const { hiddenMs } = state.settings;
  const hasNone = isInactive(state) || state.isStandby;
  const pauseAt = hasNone || hiddenMs === 0 ? null : (state.pauseAt ?? now + hiddenMs);
  return { ...state, isHidden: true, pauseAt };
}

/** Not started yet, or switched off by the app: only the app can switch it on. */
export function isOff({ pausedBy }: Connection): boolean {
  return pausedBy === 'unstarted' || pausedBy === 'disabled';
}

/** Ends all requests. A connection that is switched off, frozen or stopped stays so, and stands by when it is resumed. */
export function onStandBy(before: Connection): Connection {
  const state: Connection = { ...before, isStandby: true, pauseAt: null };
  return isInactive(state) && state.pausedBy !== 'hidden' ? state : standBy(state);
}

/** Reads by itself from now on, from the reader's cursor. `known`: what another connection has found out. */
export function onActivate(before: Connection, known: KnownState | null, now: number): Connection {
  const state: Connection = { ...before, isStandby: false };
  if (state.mode !== 'standby') return state;
  const { isHidden, settings } = state;
  // The page has been hidden for long: to take over is no reason to connect.
  if (isHidden && known?.isPaused === true) return pause(state, 'hidden');
  const active: Connection = {
    ...state,
    pollingReason: known === null ? state.pollingReason : known.pollingReason,
    pauseAt: isHidden && settings.hiddenMs > 0 ? now + settings.hiddenMs : null,
  };
  if (known === null) return connect(active, now);
  const held = holdUntil({ ...active, ...notHeld }, known.notBefore);
  return known.restMs > 0 ? startRest(held, known.restMs, 0, now) : connect(held, now);
}

/** Starts to poll the log to its end, once; unless that is under way. */
export function onCatchUp(state: Connection, now: number): Connection {
  return state.mode !== 'standby' || isCatchingUp(state) ? state : startDue({ ...state, pollAt: now }, now);
}

/** Whether a poll is in flight, or waits for its next try. */
export function isCatchingUp({ mode, poll, pollAt }: Connection): boolean {
  return mode === 'standby' && (poll !== null || pollAt !== null);
}

/** Ends all requests and their timers. The timer of a hidden page runs on. */
export function stopIO(state: Connection): Connection {
  return {
    ...state,
    streams: [],
    poll: null,
    retryAt: null,
    pollAt: null,
    probeAt: null,
    restMs: 0,
    isResuming: false,
    returnLimitMs: 0,
  };
}

/** Opens one more stream, from the reader's cursor. */
export function openStream(state: Connection, now: number): Connection {
  const { settings, reader } = state;
  const stream: Stream = {
    key: state.nextKey,
    after: writeCursor(reader),
    tokenVersion: state.tokenVersion,
    phase: 'preparing',
    sentAt: now,
    liveAt: now,
    heartbeatMs: state.heartbeatMs,
    isProven: false,
    freshAt: now,
    leastAge: null,
    lateFrom: null,
    owed: null,
    hasDelivered: false,
    timeout: { name: 'hello', at: now + settings.helloMs },
    source: reader.positions,
    isEnding: false,
    ended: [],
    switchAt: null,
  };
  return { ...state, streams: [...state.streams, stream], retryAt: null, nextKey: state.nextKey + 1 };
}

/** Sends one poll, from the reader's cursor. A check is not held by the server. */
export function startPoll(state: Connection, now: number): Connection {
  const { settings, reader, advice, maxWaitSeconds, pollFailures, returnLimitMs, restMs } = state;
  const isHeld = state.mode === 'polling' && returnLimitMs + restMs === 0;
  const waitSeconds = isHeld ? Math.min(advice.waitSeconds, Math.floor(maxWaitSeconds)) : 0;
  // A slow network may need more time.
  const limitMs = returnLimitMs || settings.pollTimeoutMs * (pollFailures > 0 ? 2 : 1);
  const poll: Poll = {
    key: state.nextKey,
    after: writeCursor(reader),
    tokenVersion: state.tokenVersion,
    waitSeconds,
    restMs,
    startedAt: now,
    timeoutAt: now + waitSeconds * 1_000 + limitMs,
    source: reader.positions,
  };
  return { ...state, poll, pollAt: null, nextKey: state.nextKey + 1 };
}

/**
 * What a refusal means where a retry does not help: the connection stops, or asks for a new token and tries again. Only
 * the feed's server explains its refusals, with a problem. Without one a filter in between may have answered, which
 * refuses streams and passes polls, or is gone tomorrow: the connection goes on trying.
 * @param state without the request that was refused.
 * @param tokenVersion the number of the token that was refused.
 * @returns null where the same request is to be tried later.
 */
export function handleRefusal(
  state: Connection,
  role: 'stream' | 'poll',
  tokenVersion: number,
  refusal: Refusal,
  now: number,
): Connection | null {
  switch (refusal.status) {
    case 400:
    case 403:
      return refusal.problem === null ? null : stop(state, 'refused', refusal.problem);
    case 401:
      return renewToken(state, role, tokenVersion, refusal, now);
    default:
      return null;
  }
}

/**
 * Handles a 401 for a request with token number `tokenVersion`: it uses a newer token if there is one, and asks for a new one
 * otherwise. If the new token is refused too, the connection stops.
 */
function renewToken(
  state: Connection,
  role: 'stream' | 'poll',
  tokenVersion: number,
  refusal: Refusal,
  now: number,
): Connection | null {
  const isOutdated = tokenVersion < state.tokenVersion;
  const isFinal = !isOutdated && (!state.settings.hasToken || state.isTokenNew);
  if (isFinal) return refusal.problem === null ? null : stop(state, 'refused', refusal.problem);
  const renewed = isOutdated ? state : { ...state, tokenVersion: state.tokenVersion + 1, isTokenNew: true };
  return role === 'stream' ? openStream(renewed, now) : startPoll(renewed, now);
}

/**
 * Wait in ms after the `failures`-th failure in a row (1, 2, …): a random part of a range that doubles ("full jitter"),
 * so that readers that lost their streams together do not return together. A `Retry-After` comes on top.
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

/** Wait in ms before the next probe: it doubles with each probe, and differs by up to a fifth between readers. */
export function probeDelayMs(probes: number, random: number, settings: ConnectionSettings): number {
  return Math.min(settings.maxProbeMs, settings.probeMs * 2 ** probes) * (1 + random / 5);
}
