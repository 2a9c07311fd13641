import { absorb, absorbHello } from './absorb.ts';
import { openStream } from './begin.ts';
import type { Connection, Stream } from './connection.ts';
import { leaveStream, leaveTo, loseStream, proven } from './lose-stream.ts';
import { covers } from './place.ts';
import type { StreamFrame } from './stream-frame.ts';

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
      const greeted = absorbHello(state, stream.source, frame.cursor);
      if (!greeted.isWhole) return lose(greeted.state);
      const told = Number(frame.hello.heartbeatMs);
      const heartbeatMs = told > 0 ? told : state.settings.heartbeatMs;
      const live: Stream = {
        ...stream,
        phase: 'live',
        liveAt: now,
        heartbeatMs,
        deadline: watchdog(heartbeatMs, now),
        source: greeted.source,
      };
      return goLive(greeted.state, live);
    }
    case 'item':
    case 'heartbeat':
    case 'handover': {
      const items = frame.kind === 'item' ? [frame.item] : [];
      const absorbed = absorb(state, stream.source, items, frame.cursor);
      if (!absorbed.isWhole) return lose(absorbed.state);
      const moved = { ...stream, source: absorbed.source };
      const next = leaveOld(put(absorbed.state, moved));
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
  if (next === undefined || next.goal === null || !covers(next.source, next.goal)) return state;
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
