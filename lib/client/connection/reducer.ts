import { onPollDue, onPolled, onPollFailed } from './on-poll.ts';
import { failStream, onBytes, onFrame, onNoFirstByte, onSent, onStreamEnd } from './on-stream.ts';
import { onFilled, onFollow, onHeard, onLead } from './on-tab-update.ts';
import type { Connection, Poll, Signal, Stream } from './state.ts';
import {
  connect,
  following,
  isAtRest,
  isOff,
  onHidden,
  onRestored,
  onVisible,
  openStream,
  pause,
  retryNow,
  startDue,
  startPoll,
  stop,
} from './transitions.ts';

/**
 * What a connection becomes when something happens to it. The whole of the client's rules is reached from here; it
 * asks neither clock nor chance.
 * @param now ms of a clock that never goes back.
 * @param random 0 ≤ x < 1, a new one for each step.
 */
export function reducer(before: Connection, signal: Signal, now: number, random: number): Connection {
  const state = before.accepted.length === 0 ? before : { ...before, accepted: [] };
  if (state.stoppedBy === 'closed') return state;
  const next = handle(state, signal, now, random);
  return mustFollow(next) ? following(next) : next;
}

/** Whether it would read beside the tab that leads. One that yields, and loses what it read by, has no more to give. */
function mustFollow({ isFollower, yieldAt, mode }: Connection): boolean {
  if (!isFollower || mode === 'following' || mode === 'paused' || mode === 'stopped') return false;
  return yieldAt === null || (mode !== 'streaming' && mode !== 'polling');
}

function handle(state: Connection, signal: Signal, now: number, random: number): Connection {
  if ('stream' in signal) {
    const stream = state.streams.find(({ key }) => key === signal.stream);
    return stream === undefined ? state : onStream(state, stream, signal, now, random);
  }
  if ('poll' in signal)
    return state.poll?.key === signal.poll ? onPoll(state, state.poll, signal, now, random) : state;
  switch (signal.kind) {
    case 'heard':
      return onHeard(state, signal.told, now);
    case 'lead':
      return onLead(state, signal.isHandover, now);
    case 'follow':
      return onFollow(state, now);
    case 'timer':
      return onTimer(state, now, random);
    case 'pollDue':
      return onPollDue(state, now);
    case 'woke':
      // A hidden page's timers are late by the browser's will, not by sleep.
      if (state.isHidden || isAtRest(state) || state.mode === 'following') return state;
      // What is open may be dead; what the server asked to be waited for is not open.
      return state.isRetryAfterPending && state.streams.length === 0 ? state : connect(state, now);
    case 'online':
      return retryNow({ ...state, isOnline: true }, now, !state.isOnline);
    case 'offline':
      // A sign, not a fact: what still carries bytes goes on.
      return { ...state, isOnline: false };
    case 'visible':
      return onVisible(state, now);
    case 'hidden':
      return onHidden(state, now);
    case 'frozen':
      return state.mode === 'stopped' || isOff(state) ? state : pause(state, 'frozen');
    case 'restored':
      return state.mode === 'stopped' || isOff(state) ? state : onRestored(state, now);
    case 'enabled':
      return isOff(state) ? connect(state, now) : state;
    case 'disabled':
      return state.mode === 'stopped' ? state : pause(state, 'disabled');
    case 'retry':
      return isOff(state) ? state : connect({ ...state, isTokenNew: false }, now);
    case 'close':
      return stop(state, 'closed', null);
    default:
      return signal satisfies never;
  }
}

type StreamSignal = Extract<Signal, { readonly stream: number }>;
type PollSignal = Extract<Signal, { readonly poll: number }>;

function onStream(
  state: Connection,
  stream: Stream,
  signal: StreamSignal,
  now: number,
  random: number,
): Connection {
  switch (signal.kind) {
    case 'sent':
      return onSent(state, stream, now);
    case 'bytes':
      return onBytes(state, stream, now);
    case 'frame':
      return onFrame(state, stream, signal.frame, now, random);
    case 'refused':
      return failStream(state, stream, signal.refusal, now, random);
    case 'ended':
      return onStreamEnd(state, stream, stream.phase === 'open' ? 'noHello' : 'disconnected', now, random);
    case 'disconnected':
      return onStreamEnd(state, stream, 'disconnected', now, random);
    default:
      return signal satisfies never;
  }
}

function onPoll(state: Connection, poll: Poll, signal: PollSignal, now: number, random: number): Connection {
  switch (signal.kind) {
    case 'polled':
      return (state.mode === 'following' ? onFilled : onPolled)(state, poll, signal.page, now, random);
    case 'pollRefused':
      return onPollFailed(state, poll, signal.refusal, now, random);
    case 'pollFailed':
      return onPollFailed(state, poll, null, now, random);
    default:
      return signal satisfies never;
  }
}

/** Everything whose time has come. */
function onTimer(before: Connection, now: number, random: number): Connection {
  if (before.pauseAt !== null && before.pauseAt <= now) return pause(before, 'hidden');
  if (before.yieldAt !== null && before.yieldAt <= now) return following(before);
  let state = before;
  for (const { key } of before.streams) {
    const stream = state.streams.find((other) => other.key === key);
    if (stream !== undefined && stream.timeout.at <= now) state = expire(state, stream, now, random);
  }
  const { poll } = state;
  if (poll !== null && poll.timeoutAt <= now) state = onPollFailed(state, poll, null, now, random);
  if (state.retryAt !== null && state.retryAt <= now) state = retry(state, now);
  if (state.mode === 'following' && state.pollAt !== null && state.pollAt <= now)
    return startPoll(state, now);
  return state.mode === 'polling' ? startDue(state, now) : state;
}

function expire(state: Connection, stream: Stream, now: number, random: number): Connection {
  switch (stream.timeout.name) {
    case 'firstByte':
      return onNoFirstByte(state, stream, now, random);
    case 'hello':
      return failStream(state, stream, 'noHello', now, random);
    case 'watchdog':
      return onStreamEnd(state, stream, 'disconnected', now, random);
    default:
      return stream.timeout.name satisfies never;
  }
}

/** After a failure: connect; while an old stream still lives: try the next one again. */
function retry(state: Connection, now: number): Connection {
  if (state.mode !== 'streaming') return connect(state, now);
  return openStream({ ...state, retryAt: null, isRetryAfterPending: false }, now);
}
