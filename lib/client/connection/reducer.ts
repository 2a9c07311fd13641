import type { FeedItem } from '../transport/messages.ts';
import {
  connect,
  end,
  isDue,
  isInactive,
  isOff,
  isOver,
  notHeld,
  onActivate,
  onCatchUp,
  onHidden,
  onRetryDue,
  onStandBy,
  pause,
  startDue,
  startPoll,
  stop,
  withHeld,
} from './lifecycle.ts';
import { onPoll, onPollFailed, onPollShared } from './on-poll.ts';
import { onCheckAnswered, onStream, onStreamTimeout } from './on-stream.ts';
import {
  comeBack,
  onRestored,
  onReturnChecked,
  onVisible,
  onWoke,
  repeatCheck,
  withSilenceLimit,
} from './returning.ts';
import type { Advanced } from './share.ts';
import { type Connection, type Signal, withApplied } from './state.ts';

/**
 * The next state of a connection after a signal. All rules of the client are reached from here. They know neither clock
 * nor chance.
 * @param now ms of a clock that never goes back.
 * @param random 0 ≤ x < 1, a new one for each call.
 */
export function reducer(before: Connection, signal: Signal, now: number, random: number): Connection {
  const state = before.accepted.length === 0 ? before : { ...before, accepted: [] };
  if (state.stoppedBy === 'closed') return state;
  const next = withHeld(handle(state, signal, now, random));
  return isActive(state, next) ? { ...next, activeAt: now } : next;
}

/** Whether something has happened: an event came, the reader came, or it has come back from rest. */
function isActive(before: Connection, after: Connection): boolean {
  const hasCome = !isReading(before) && isReading(after);
  return after.accepted.length > 0 || hasCome || (before.restMs > 0 && after.restMs === 0);
}

function isReading(state: Connection): boolean {
  return !isInactive(state) && state.mode !== 'standby';
}

/** The next state of a connection after several signals, one after the other at one time, and what it accepted. */
export function advance(
  before: Connection,
  signals: readonly Signal[],
  now: number,
  random: () => number,
): Advanced {
  let connection = before;
  const accepted: FeedItem[] = [];
  for (const signal of signals) {
    connection = reducer(connection, signal, now, random());
    accepted.push(...connection.accepted);
  }
  return { connection, accepted };
}

function handle(state: Connection, signal: Signal, now: number, random: number): Connection {
  if ('stream' in signal) {
    const stream = state.streams.find(({ key }) => key === signal.stream);
    return stream === undefined ? state : onStream(state, stream, signal, now, random);
  }
  if ('poll' in signal) {
    if (state.poll?.key !== signal.poll) return state;
    if (signal.kind !== 'polled') return onPoll(state, state.poll, signal, now, random);
    return onCheckAnswered(onPoll(onReturnChecked(state, now), state.poll, signal, now, random), now, random);
  }
  switch (signal.kind) {
    case 'pollShared':
      return onPollShared(state, signal.shared, now, random);
    case 'moved':
      return withApplied(state, signal);
    case 'standBy':
      return onStandBy(state);
    case 'activate':
      return onActivate(state, signal.known, now);
    case 'catchUp':
      return onCatchUp(state, now);
    case 'timer':
      return onTimer(state, now, random);
    case 'pollDue':
      return state.mode === 'polling' && isDue(state.pollAt, now) ? startPoll(state, now) : state;
    case 'woke':
      return onWoke(state, now);
    case 'online':
      return comeBack(onOnline(state), now, !state.isOnline);
    case 'offline':
      // A hint, not a fact: a stream that still brings bytes goes on.
      return { ...state, isOnline: false };
    case 'visible':
      return onVisible(state, now);
    case 'hidden':
      return onHidden(state, now);
    case 'frozen':
      return isOver(state) || isOff(state) ? state : pause(state, 'frozen');
    case 'restored':
      return isOver(state) || isOff(state) ? state : onRestored(state, now);
    case 'enabled':
      return isOff(state) ? connect({ ...state, enabledAt: state.enabledAt ?? now }, now) : state;
    case 'disabled':
      return isOver(state) ? state : pause(state, 'disabled');
    case 'retry':
      return isOff(state) ? state : connect({ ...state, ...notHeld, isTokenNew: false }, now);
    case 'end':
      return end(state);
    case 'close':
      return stop(state, 'closed', null);
    default:
      return signal satisfies never;
  }
}

/** What cut silent connections on the last network may not be on this one. */
function onOnline(state: Connection): Connection {
  if (state.isOnline) return state;
  const { heartbeatMs } = state.settings;
  return { ...state, isOnline: true, heartbeatMs, maxWaitSeconds: Number.POSITIVE_INFINITY };
}

/** Everything whose time has come. */
function onTimer(before: Connection, now: number, random: number): Connection {
  if (isDue(before.pauseAt, now)) return pause(before, 'hidden');
  let state = before;
  for (const { key } of before.streams) {
    const stream = state.streams.find((other) => other.key === key);
    if (stream !== undefined && stream.timeout.at <= now) state = onStreamTimeout(state, stream, now, random);
  }
  const { poll } = state;
  if (poll !== null && poll.timeoutAt <= now) {
    const isReturning = state.returnLimitMs > 0;
    state = isReturning ? repeatCheck(state, now) : onPollFailed(state, poll, null, now, random);
  }
  if (isDue(state.retryAt, now)) state = onRetryDue(state, now);
  return startDue(withSilenceLimit(state, now), now);
}
