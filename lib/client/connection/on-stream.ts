import type { StreamFrame } from '../transport/sse.ts';
import type { Refusal } from '../transport/wire.ts';
import { accept, acceptHello, hasReached } from './sequencer.ts';
import { type Connection, type Stream, withApplied } from './state.ts';
import {
  backoffMs,
  fallBackToPolling,
  handleRefusal,
  isUnexpected,
  openStream,
  probeDelayMs,
  stopIO,
} from './transitions.ts';

/** The request of a stream has left: from now on bytes are waited for. */
export function onSent(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'preparing') return state;
  const timeout = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return replaceStream(state, { ...stream, phase: 'opening', sentAt: now, timeout });
}

/** Bytes came: a sign of life, whatever they are. */
export function onBytes(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase === 'live') {
    const { heartbeatMs, liveAt } = stream;
    const isProven = stream.isProven || now - liveAt >= heartbeatMs;
    const next = replaceStream(state, { ...stream, isProven, timeout: watchdog(heartbeatMs, now) });
    return isProven ? resetFailures(next) : next;
  }
  if (stream.phase === 'open') return state;
  const timeout = { name: 'hello', at: stream.sentAt + state.settings.helloMs } as const;
  return replaceStream(state, { ...stream, phase: 'open', timeout });
}

/**
 * No byte came in time. Beside an old stream that may be for want of a connection (HTTP/1.1: six to an origin, for all
 * tabs of a browser): the next stream gets the old one's, and as much time again.
 */
export function onNoFirstByte(state: Connection, stream: Stream, now: number, random: number): Connection {
  const isNext = state.streams.some(({ key }) => key < stream.key);
  if (!isNext) return failStream(state, stream, 'noFirstByte', now, random);
  const timeout = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return switchTo(state, { ...stream, sentAt: now, timeout });
}

/** Silence of 2.5 heartbeats is a cut: one heartbeat may be late, two may not be missing. */
function watchdog(heartbeatMs: number, now: number): Stream['timeout'] {
  return { name: 'watchdog', at: now + 2.5 * heartbeatMs };
}

/** A stream told something. */
export function onFrame(
  state: Connection,
  stream: Stream,
  frame: StreamFrame,
  now: number,
  random: number,
): Connection {
  const lose = (from: Connection) => failStream(from, latest(from, stream), 'disconnected', now, random);
  switch (frame.kind) {
    case 'refused': {
      const refusal = { status: frame.problem.status, retryAfterMs: null, problem: frame.problem };
      return failStream(state, stream, refusal, now, random);
    }
    case 'hello': {
      if (stream.phase === 'live') return state;
      const applied = acceptHello(state.reader, stream.source, frame.cursor);
      const next = withApplied(state, applied);
      if (!applied.isComplete) return lose(next);
      const told = Number(frame.hello.heartbeatMs);
      const heartbeatMs = told > 0 ? told : state.settings.heartbeatMs;
      const live: Stream = {
        ...stream,
        phase: 'live',
        liveAt: now,
        heartbeatMs,
        timeout: watchdog(heartbeatMs, now),
        source: applied.source,
      };
      return goLive(next, live);
    }
    case 'item':
    case 'heartbeat':
    case 'handover': {
      const items = frame.kind === 'item' ? [frame.item] : [];
      const applied = accept(state.reader, stream.source, items, frame.cursor);
      const accepted = withApplied(state, applied);
      if (!applied.isComplete) return lose(accepted);
      const moved = { ...stream, source: applied.source };
      const next = finishHandover(replaceStream(accepted, moved));
      if (frame.kind !== 'handover') return next;
      // A token that has expired must not be shown again.
      const isTokenOld = frame.handover.reason === 'token' && next.settings.hasToken;
      return startHandover(isTokenOld ? { ...next, token: next.token + 1 } : next, moved, now);
    }
    default:
      return frame satisfies never;
  }
}

/** The log has answered: this stream is live, whatever it was opened for. */
function goLive(state: Connection, stream: Stream): Connection {
  const [old] = state.streams.filter((other) => other.key !== stream.key);
  const switchAt = old?.source ?? null;
  const next: Connection = {
    ...replaceStream(state, { ...stream, switchAt }),
    mode: 'streaming',
    poll: null,
    pollAt: null,
    probeAt: null,
    retryAt: null,
    isRetryAfterPending: false,
    isStreamingBlocked: false,
    isUnreachable: false,
    isTokenNew: false,
    problem: null,
    leader: null,
    handovers: state.handovers + (old?.isEnding === true ? 1 : 0),
  };
  return finishHandover(next);
}

/** The old stream is left once the next one has told all that the old one had when the next said hello. */
function finishHandover(state: Connection): Connection {
  const [, next] = state.streams;
  if (next === undefined || next.switchAt === null || !hasReached(next.source, next.switchAt)) return state;
  return switchTo(state, next);
}

/** A stream says that it will end as planned: the next one is opened now. */
function startHandover(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'live' || latest(state, stream).isEnding) return state;
  const leaving = replaceStream(state, { ...latest(state, stream), isEnding: true });
  const [first, second] = leaving.streams;
  // The next one is on its way already.
  if (second !== undefined && first?.key === stream.key) return leaving;
  const alone = second === undefined ? leaving : switchTo(leaving, second);
  const earliest = stream.liveAt + state.settings.minStreamMs;
  return now < earliest ? { ...alone, retryAt: earliest } : openStream(alone, now);
}

/**
 * The stream is over, cleanly or not. After a handover that is as planned, only less polite if it broke; else a failure.
 */
export function onStreamEnd(
  state: Connection,
  stream: Stream,
  failure: 'disconnected' | 'noHello',
  now: number,
  random: number,
): Connection {
  return stream.isEnding ? onPlannedEnd(state, stream, now) : failStream(state, stream, failure, now, random);
}

function latest(state: Connection, stream: Stream): Stream {
  return state.streams.find((other) => other.key === stream.key) ?? stream;
}

function replaceStream(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.map((other) => (other.key === stream.key ? stream : other)) };
}

/** How a stream failed. */
export type Failure =
  /** It broke, ended without a handover, fell silent, or was never made. */
  | 'disconnected'
  /** No byte came: something in between buffers. */
  | 'noFirstByte'
  /** Bytes came, but no hello: the log does not answer. */
  | 'noHello'
  | Refusal;

const maxDisconnects = 3;
const maxUnexpectedResponses = 2;

/** A stream is gone that should not be. */
export function failStream(
  before: Connection,
  stream: Stream,
  failure: Failure,
  now: number,
  random: number,
): Connection {
  const state = withoutStream(before, stream);
  const refusal = typeof failure === 'object' ? failure : null;
  const handled = refusal && handleRefusal(state, 'stream', stream.token, refusal, now);
  if (handled !== null) return handled;

  const [other] = state.streams;
  // The next stream is on its way, or there: what was lost was about to be left.
  if (other !== undefined && other.key > stream.key) return switchTo(state, other);
  if (state.mode === 'polling') return scheduleProbe(state, refusal, now, random);

  const counted = countFailure(state, stream, failure);
  const retryAfterMs = refusal?.retryAfterMs ?? null;
  // A time that was named to a stream that failed before holds still.
  const heldMs = state.isRetryAfterPending && state.retryAt !== null ? state.retryAt - now : 0;
  const isRetryAfterPending = retryAfterMs !== null || heldMs > 0;
  const delayAfter = (failures: number) =>
    Math.max(heldMs, backoffMs(failures, retryAfterMs, random, counted.settings));
  if (mustFallBack(counted, failure)) {
    // Polling counts its own failures: those of streaming are no reason to be long without events.
    const delayMs = failure === 'noFirstByte' ? Math.max(0, heldMs) : delayAfter(1);
    return { ...fallBackToPolling(counted, now, random, delayMs), isRetryAfterPending };
  }
  const retryAt = now + delayAfter(counted.failures);
  // A failed handover: the old stream goes on for as long as it lasts.
  if (other !== undefined) return { ...counted, retryAt, isRetryAfterPending };
  return { ...stopIO(counted), mode: 'waiting', retryAt, isRetryAfterPending };
}

function withoutStream(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.filter(({ key }) => key !== stream.key) };
}

/** The old stream is gone; the next one carries on, or is still on its way. */
function switchTo(state: Connection, next: Stream): Connection {
  const streams = [{ ...next, switchAt: null }];
  return { ...state, streams, mode: next.phase === 'live' ? 'streaming' : 'connecting' };
}

/** A stream that ended as it had said. Not a failure. */
function onPlannedEnd(before: Connection, stream: Stream, now: number): Connection {
  const state = withoutStream(before, stream);
  const [next] = state.streams;
  if (next !== undefined) return switchTo(state, next);
  // Its successor failed, and waits for its next try.
  return { ...state, mode: 'waiting', retryAt: state.retryAt ?? now };
}

function scheduleProbe(state: Connection, refusal: Refusal | null, now: number, random: number): Connection {
  const { probes, settings } = state;
  const retryAfterMs = Math.min(settings.maxRetryAfterMs, refusal?.retryAfterMs ?? 0);
  return { ...state, probeAt: now + Math.max(probeDelayMs(probes, random, settings), retryAfterMs) };
}

function countFailure(state: Connection, stream: Stream, failure: Failure): Connection {
  const refusal = typeof failure === 'object' ? failure : null;
  const wasLive = stream.phase === 'live';
  const reconnects = state.reconnects + (wasLive ? 1 : 0);
  const { isProven } = stream;
  const { failures, disconnects, unexpectedResponses } = isProven ? resetFailures(state) : state;
  return {
    ...state,
    problem: refusal === null ? state.problem : refusal.problem,
    reconnects,
    failures: failures + 1,
    disconnects: failure !== 'disconnected' ? disconnects : isProven ? 0 : disconnects + 1,
    unexpectedResponses:
      refusal !== null && isUnexpected(refusal) ? unexpectedResponses + 1 : unexpectedResponses,
    isUnreachable: failure === 'disconnected' && (stream.phase === 'preparing' || stream.phase === 'opening'),
  };
}

/** A hello and a heartbeat's worth of life: streaming works here. */
function resetFailures(state: Connection): Connection {
  if (state.failures + state.disconnects + state.unexpectedResponses + state.probes === 0) return state;
  return { ...state, failures: 0, disconnects: 0, unexpectedResponses: 0, probes: 0 };
}

function mustFallBack(state: Connection, failure: Failure): boolean {
  if (state.settings.transport !== 'auto') return false;
  return (
    failure === 'noFirstByte' ||
    state.disconnects >= maxDisconnects ||
    state.unexpectedResponses >= maxUnexpectedResponses
  );
}
