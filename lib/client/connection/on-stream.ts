import type { StreamFrame } from '../transport/sse.ts';
import type { Refusal } from '../transport/wire.ts';
import { accept, acceptHello, hasReached } from './sequencer.ts';
import { type Connection, type Stream, withApplied } from './state.ts';
import { backoffMs, fall, heed, idle, isMisfit, openStream, probeMs } from './transitions.ts';

/** The request of a stream has left: from now on bytes are waited for. */
export function onSent(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'preparing') return state;
  const deadline = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return put(state, { ...stream, phase: 'opening', sentAt: now, deadline });
}

/** Bytes came: a sign of life, whatever they are. */
export function onBytes(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase === 'live') {
    const { heartbeatMs, liveAt } = stream;
    const hasLived = stream.hasLived || now - liveAt >= heartbeatMs;
    const next = put(state, { ...stream, hasLived, deadline: watchdog(heartbeatMs, now) });
    return hasLived ? proven(next) : next;
  }
  if (stream.phase === 'open') return state;
  const deadline = { name: 'hello', at: stream.sentAt + state.settings.helloMs } as const;
  return put(state, { ...stream, phase: 'open', deadline });
}

/**
 * No byte came in time. Beside an old stream that may be for want of a connection (HTTP/1.1: six to an origin, for all
 * tabs of a browser): the next stream gets the old one's, and as much time again.
 */
export function onSilent(state: Connection, stream: Stream, now: number, random: number): Connection {
  const isNext = state.streams.some(({ key }) => key < stream.key);
  if (!isNext) return loseStream(state, stream, 'silent', now, random);
  const deadline = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return leaveTo(state, { ...stream, sentAt: now, deadline });
}

/** Silence of 2.5 heartbeats is a cut: one heartbeat may be late, two may not be missing. */
function watchdog(heartbeatMs: number, now: number): Stream['deadline'] {
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
  const lose = (from: Connection) => loseStream(from, current(from, stream), 'cut', now, random);
  switch (frame.kind) {
    case 'refused': {
      const refusal = { status: frame.problem.status, retryAfterMs: null, problem: frame.problem };
      return loseStream(state, stream, refusal, now, random);
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
        deadline: watchdog(heartbeatMs, now),
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
      const next = leaveOld(put(accepted, moved));
      if (frame.kind !== 'handover') return next;
      // A token that has expired must not be shown again.
      const isTokenOld = frame.handover.reason === 'token' && next.settings.hasToken;
      return handOver(isTokenOld ? { ...next, token: next.token + 1 } : next, moved, now);
    }
    default:
      return frame satisfies never;
  }
}

/** The log has answered: this stream is live, whatever it was opened for. */
function goLive(state: Connection, stream: Stream): Connection {
  const [old] = state.streams.filter((other) => other.key !== stream.key);
  const goal = old?.source ?? null;
  const next: Connection = {
    ...put(state, { ...stream, goal }),
    mode: 'streaming',
    poll: null,
    pollAt: null,
    probeAt: null,
    retryAt: null,
    isHeld: false,
    isFallen: false,
    isUnreachable: false,
    isTokenNew: false,
    problem: null,
    leader: null,
    handovers: state.handovers + (old?.isLeaving === true ? 1 : 0),
  };
  return leaveOld(next);
}

/** The old stream is left once the next one has told all that the old one had when the next said hello. */
function leaveOld(state: Connection): Connection {
  const [, next] = state.streams;
  if (next === undefined || next.goal === null || !hasReached(next.source, next.goal)) return state;
  return leaveTo(state, next);
}

/** A stream says that it will end as planned: the next one is opened now. */
function handOver(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'live' || current(state, stream).isLeaving) return state;
  const leaving = put(state, { ...current(state, stream), isLeaving: true });
  const [first, second] = leaving.streams;
  // The next one is on its way already.
  if (second !== undefined && first?.key === stream.key) return leaving;
  const alone = second === undefined ? leaving : leaveTo(leaving, second);
  const earliest = stream.liveAt + state.settings.minStreamMs;
  return now < earliest ? { ...alone, retryAt: earliest } : openStream(alone, now);
}

/**
 * The stream is over, cleanly or not. After a handover that is as planned, only less polite if it broke; else a failure.
 */
export function onOver(
  state: Connection,
  stream: Stream,
  failure: 'cut' | 'noHello',
  now: number,
  random: number,
): Connection {
  return stream.isLeaving ? leaveStream(state, stream, now) : loseStream(state, stream, failure, now, random);
}

function current(state: Connection, stream: Stream): Stream {
  return state.streams.find((other) => other.key === stream.key) ?? stream;
}

function put(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.map((other) => (other.key === stream.key ? stream : other)) };
}

/** How a stream failed. */
export type Failure =
  /** It broke, ended without a handover, fell silent, or was never made. */
  | 'cut'
  /** No byte came: something in between buffers. */
  | 'silent'
  /** Bytes came, but no hello: the log does not answer. */
  | 'noHello'
  | Refusal;

const cutsToFall = 3;
const misfitsToFall = 2;

/** A stream is gone that should not be. */
export function loseStream(
  before: Connection,
  stream: Stream,
  failure: Failure,
  now: number,
  random: number,
): Connection {
  const state = without(before, stream);
  const refusal = typeof failure === 'object' ? failure : null;
  const heeded = refusal && heed(state, 'stream', stream.token, refusal, now);
  if (heeded !== null) return heeded;

  const [other] = state.streams;
  // The next stream is on its way, or there: what was lost was about to be left.
  if (other !== undefined && other.key > stream.key) return leaveTo(state, other);
  if (state.mode === 'polling') return failProbe(state, refusal, now, random);

  const counted = count(state, stream, failure);
  const retryAfterMs = refusal?.retryAfterMs ?? null;
  // A time that was named to a stream that failed before holds still.
  const heldMs = state.isHeld && state.retryAt !== null ? state.retryAt - now : 0;
  const isHeld = retryAfterMs !== null || heldMs > 0;
  const delayAfter = (failures: number) =>
    Math.max(heldMs, backoffMs(failures, retryAfterMs, random, counted.settings));
  if (mustFall(counted, failure)) {
    // Polling counts its own failures: those of streaming are no reason to be long without events.
    const delayMs = failure === 'silent' ? Math.max(0, heldMs) : delayAfter(1);
    return { ...fall(counted, now, random, delayMs), isHeld };
  }
  const retryAt = now + delayAfter(counted.failures);
  // A failed handover: the old stream goes on for as long as it lasts.
  if (other !== undefined) return { ...counted, retryAt, isHeld };
  return { ...idle(counted), mode: 'waiting', retryAt, isHeld };
}

function without(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.filter(({ key }) => key !== stream.key) };
}

/** The old stream is gone; the next one carries on, or is still on its way. */
function leaveTo(state: Connection, next: Stream): Connection {
  const streams = [{ ...next, goal: null }];
  return { ...state, streams, mode: next.phase === 'live' ? 'streaming' : 'connecting' };
}

/** A stream that ended as it had said. Not a failure. */
function leaveStream(before: Connection, stream: Stream, now: number): Connection {
  const state = without(before, stream);
  const [next] = state.streams;
  if (next !== undefined) return leaveTo(state, next);
  // Its successor failed, and waits for its next try.
  return { ...state, mode: 'waiting', retryAt: state.retryAt ?? now };
}

function failProbe(state: Connection, refusal: Refusal | null, now: number, random: number): Connection {
  const { probes, settings } = state;
  const retryAfterMs = Math.min(settings.maxRetryAfterMs, refusal?.retryAfterMs ?? 0);
  return { ...state, probeAt: now + Math.max(probeMs(probes, random, settings), retryAfterMs) };
}

function count(state: Connection, stream: Stream, failure: Failure): Connection {
  const refusal = typeof failure === 'object' ? failure : null;
  const wasLive = stream.phase === 'live';
  const reconnects = state.reconnects + (wasLive ? 1 : 0);
  const { hasLived } = stream;
  const { failures, cuts, misfits } = hasLived ? proven(state) : state;
  return {
    ...state,
    problem: refusal === null ? state.problem : refusal.problem,
    reconnects,
    failures: failures + 1,
    cuts: failure !== 'cut' ? cuts : hasLived ? 0 : cuts + 1,
    misfits: refusal !== null && isMisfit(refusal) ? misfits + 1 : misfits,
    isUnreachable: failure === 'cut' && (stream.phase === 'preparing' || stream.phase === 'opening'),
  };
}

/** A hello and a heartbeat's worth of life: streaming works here. */
function proven(state: Connection): Connection {
  if (state.failures + state.cuts + state.misfits + state.probes === 0) return state;
  return { ...state, failures: 0, cuts: 0, misfits: 0, probes: 0 };
}

function mustFall(state: Connection, failure: Failure): boolean {
  if (state.settings.transport !== 'auto') return false;
  return failure === 'silent' || state.cuts >= cutsToFall || state.misfits >= misfitsToFall;
}
