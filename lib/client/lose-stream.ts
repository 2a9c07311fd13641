import { backoffMs, probeMs } from './backoff.ts';
import { fall, idle } from './begin.ts';
import type { Connection, Stream } from './connection.ts';
import type { Refusal } from './refusal.ts';
import { heed, isMisfit } from './refused.ts';

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
export function leaveTo(state: Connection, next: Stream): Connection {
  const streams = [{ ...next, goal: null }];
  return { ...state, streams, mode: next.phase === 'live' ? 'streaming' : 'connecting' };
}

/** A stream that ended as it had said. Not a failure. */
export function leaveStream(before: Connection, stream: Stream, now: number): Connection {
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
export function proven(state: Connection): Connection {
  if (state.failures + state.cuts + state.misfits + state.probes === 0) return state;
  return { ...state, failures: 0, cuts: 0, misfits: 0, probes: 0 };
}

function mustFall(state: Connection, failure: Failure): boolean {
  if (state.settings.transport !== 'auto') return false;
  return failure === 'silent' || state.cuts >= cutsToFall || state.misfits >= misfitsToFall;
}
