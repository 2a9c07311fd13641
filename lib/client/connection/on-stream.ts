import type { Handover } from '../../core/sse-frames.ts';
import { channelOf, isUnexpected, type Refusal, type StreamFrame } from '../transport/messages.ts';
import { isOverdue, judgeTime, timeDueAt, withOwed } from './freshness.ts';
import {
  backoffMs,
  checkBy,
  connect,
  end,
  fallBackToPolling,
  handleRefusal,
  holdUntil,
  openStream,
  probeDelayMs,
  startRest,
  stopIO,
} from './lifecycle.ts';
import { accept, acceptHello, hasReached } from './sequencer.ts';
import {
  bytesAt,
  type Connection,
  isSilent,
  type PollingReason,
  type Stream,
  type StreamSignal,
  withApplied,
  withoutSpare,
} from './state.ts';

/*
 * What streams do to a connection: their life from the request to the last byte, and the whole handover.
 *
 * A handover, in order:
 * 1. The old stream sends the frame `handover` and goes on (`startHandover`). The next stream is opened with the cursor.
 * 2. The next stream says hello (`goLive`). It notes where the old stream is then: `switchAt`.
 * 3. Both streams send events; the sequencer accepts each once.
 * 4. When the next stream has reached `switchAt`, the old one is closed (`finishHandover`).
 *
 * If the old stream ends early, the next one goes on alone (`onPlannedEnd`). If the next one fails, the old one goes on,
 * and the next one is tried again (`failStream`).
 */

/** Something happened to a stream. */
export function onStream(
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
    case 'delayed':
      return onDelayed(state, stream, now);
    case 'frame':
      return onFrame(state, stream, signal.frame, now, random);
    case 'refused':
      return failStream(state, stream, signal.refusal, now, random);
    case 'ended':
      return onEnd(state, stream, stream.phase === 'open' ? 'noHello' : failureOf(stream, now), now, random);
    case 'disconnected':
      return onEnd(state, stream, failureOf(stream, now), now, random);
    default:
      return signal satisfies never;
  }
}

/** The timeout of a stream is over. */
export function onStreamTimeout(state: Connection, stream: Stream, now: number, random: number): Connection {
  switch (stream.timeout.name) {
    case 'firstByte':
      return onNoFirstByte(state, stream, now, random);
    case 'hello':
      return failStream(state, stream, 'noHello', now, random);
    case 'watchdog':
      return onEnd(state, stream, 'disconnected', now, random);
    default:
      return stream.timeout.name satisfies never;
  }
}

/** The request was sent. The server has to send a first byte in time. */
function onSent(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'preparing') return state;
  const timeout = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return replaceStream(state, { ...stream, phase: 'opening', sentAt: now, timeout });
}

/** Bytes came. Whatever they are, the stream is alive. */
function onBytes(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase === 'live') {
    const alive: Stream = { ...stream, timeout: watchdog(stream.heartbeatMs, now) };
    // Only a handover needs the next stream still. After a return the old one lives, as it turns out.
    const next = stream.isEnding ? state : { ...state, retryAt: null };
    // Bytes may be part of a frame that takes minutes. They count only where the server does not say the time.
    return stream.leastAge === null ? onFresh(next, alive, now) : replaceStream(next, alive);
  }
  if (stream.phase === 'open') return state;
  const timeout = { name: 'hello', at: stream.sentAt + state.settings.helloMs } as const;
  return replaceStream(state, { ...stream, phase: 'open', timeout });
}

/** The app was busy with what the stream brought: the silence is the app's. */
function onDelayed(state: Connection, stream: Stream, now: number): Connection {
  if (stream.phase !== 'live') return state;
  const leastAge = stream.leastAge === null ? null : Number.POSITIVE_INFINITY;
  return onFresh(state, { ...stream, leastAge, timeout: watchdog(stream.heartbeatMs, now) }, now);
}

/** The server's time came. */
function onTime(state: Connection, key: number, time: number, now: number, random: number): Connection {
  const stream = state.streams.find((each) => each.key === key);
  if (stream?.phase !== 'live' || stream.leastAge === null) return state;
  const { stream: read, shows } = judgeTime(stream, time, now);
  switch (shows) {
    case 'early':
      return replaceStream(state, read);
    case 'onTime':
      return onFresh(state, read, now);
    case 'late':
      return checkBy(replaceStream(state, read), now);
    case 'stillLate':
      return failStream(state, read, 'late', now, random);
    default:
      return shows satisfies never;
  }
}

/** The stream has brought something on time. */
function onFresh(state: Connection, stream: Stream, now: number): Connection {
  const { heartbeatMs, liveAt, freshAt, leastAge } = stream;
  const isProven = stream.isProven || now - liveAt >= heartbeatMs;
  const fresh: Stream = { ...stream, isProven, freshAt: now, lateFrom: null };
  // The polls of a probe end with the first time that it brings.
  const poll = leastAge !== null && freshAt === liveAt ? null : state.poll;
  // A check that failed before that says nothing of the next one.
  const next = checkSilence({ ...replaceStream(state, fresh), poll, pollFailures: 0 }, heartbeatMs, now);
  return isProven ? resetFailures(next, now - liveAt) : next;
}

/** A check is due when the next heartbeat is late: by half of one, at most by `checkMs`. */
function checkSilence(state: Connection, heartbeatMs: number, now: number): Connection {
  const { pollAt, settings } = state;
  const silentAt = now + heartbeatMs + Math.min(settings.checkMs, heartbeatMs / 2);
  return checkBy({ ...state, pollAt: pollAt === null ? null : Math.max(pollAt, silentAt) }, silentAt);
}

/** The heartbeat in ms that the client asks for after a stream that ended in silence, and how long that silence was. */
const oftenMs = 2_000;
const leastSilenceMs = 1_500;

/** One heartbeat may be late, two may not be missing: silence of 2.5 heartbeats means that the connection is lost. */
function watchdog(heartbeatMs: number, now: number): Stream['timeout'] {
  return { name: 'watchdog', at: now + 2.5 * heartbeatMs };
}

/** A stream brought a frame. */
function onFrame(
  state: Connection,
  stream: Stream,
  frame: StreamFrame,
  now: number,
  random: number,
): Connection {
  if (frame.kind === 'refused') return failStream(state, stream, frame.refusal, now, random);
  if (frame.kind === 'time') return onTime(state, stream.key, frame.time, now, random);
  if (frame.kind === 'hello' && stream.phase === 'live') return state;
  const items = frame.kind === 'item' ? [frame.item] : [];
  const applied =
    frame.kind === 'hello'
      ? acceptHello(state.reader, stream.source, frame.cursor)
      : accept(state.reader, stream.source, items, frame.cursor);
  const next = withApplied(state, applied);
  if (!applied.isComplete) return failStream(next, stream, 'disconnected', now, random);
  const hasDelivered = stream.hasDelivered || items.length > 0;
  const ended = endedAfter(stream, frame);
  if (state.reader.subscription.channels.every((channel) => ended.includes(channel))) return end(next);
  const read: Stream = { ...stream, hasDelivered, ended, source: applied.source };
  if (frame.kind === 'hello') return goLive(next, read, frame.hello.heartbeatMs, frame.time, now);
  const settled = finishHandover(replaceStream(next, read), now);
  if (frame.kind === 'heartbeat' && frame.time !== null)
    return onTime(settled, stream.key, frame.time, now, random);
  return frame.kind === 'handover' ? startHandover(settled, stream.key, frame.handover, now) : settled;
}

/** The channels that have ended, as far as a stream has said. One that was deleted can begin anew. */
function endedAfter({ ended }: Stream, frame: StreamFrame): readonly string[] {
  if (frame.kind === 'end') return [...ended, frame.channel];
  return frame.kind === 'item' ? ended.filter((channel) => channel !== channelOf(frame.item)) : ended;
}

/** The log has answered: streaming works, whatever this stream was opened for. */
function goLive(
  state: Connection,
  stream: Stream,
  heartbeatMs: number,
  time: number | null,
  now: number,
): Connection {
  const old = state.streams.find(({ key }) => key !== stream.key);
  // Until the probe has brought the server's time, polls go on beside it.
  const isProbe = state.mode === 'polling' && time !== null;
  const live: Stream = {
    ...stream,
    phase: 'live',
    liveAt: now,
    freshAt: now,
    // Only the transport `auto` has polls that could do better than a late stream.
    leastAge: time === null || state.settings.transport !== 'auto' ? null : now - time,
    heartbeatMs: heartbeatMs > 0 ? heartbeatMs : stream.heartbeatMs,
    switchAt: old?.source ?? null,
  };
  const next: Connection = {
    ...replaceStream(state, { ...live, timeout: watchdog(live.heartbeatMs, now) }),
    mode: 'streaming',
    ...(isProbe ? {} : { poll: null, pollAt: null }),
    pollFailures: 0,
    probeAt: null,
    retryAt: null,
    isResuming: false,
    returnLimitMs: 0,
    pollingReason: null,
    isUnreachable: false,
    isTokenNew: false,
    problem: null,
    handovers: state.handovers + (old?.isEnding === true ? 1 : 0),
  };
  const checked =
    time === null ? checkSilence(next, live.heartbeatMs, now) : checkBy(next, timeDueAt(live, next));
  return finishHandover(checked, now);
}

/** The server announces the planned end of a stream: the next one is opened now, or the connection rests. */
function startHandover(
  before: Connection,
  key: number,
  { reason, everyMs = 0 }: Handover,
  now: number,
): Connection {
  const { transport, minPollMs } = before.settings;
  // The end of an old stream says nothing of the next one.
  const canRest = transport === 'auto' && before.streams.at(-1)?.key === key;
  if (reason === 'quiet' && everyMs > 0 && canRest) {
    const restMs = Math.max(everyMs, minPollMs);
    return startRest(before, restMs, restMs, now);
  }
  // A token that has expired must not be sent again.
  const needsToken = reason === 'token' && before.settings.hasToken;
  const state = needsToken ? { ...before, tokenVersion: before.tokenVersion + 1 } : before;
  const stream = state.streams.find((each) => each.key === key);
  if (stream?.phase !== 'live' || stream.isEnding) return state;
  const ending = replaceStream(state, { ...stream, isEnding: true });
  const [first, second] = ending.streams;
  // The next one is on its way already.
  if (second !== undefined && first?.key === key) return ending;
  const alone = second === undefined ? ending : switchTo(ending, second, now);
  // A server that hands over at once, each time, must not make the client spin.
  const earliest = Math.max(stream.liveAt + state.settings.minStreamMs, state.noStreamBefore);
  return now < earliest ? { ...alone, retryAt: earliest } : openStream(alone, now);
}

/** Closes the old stream once the next one has sent everything that the old one had sent at the hello. */
function finishHandover(state: Connection, now: number): Connection {
  const [, next] = state.streams;
  if (next === undefined || next.switchAt === null || !hasReached(next.source, next.switchAt)) return state;
  return switchTo(state, next, now);
}

/** The next stream goes on alone, live or not yet. */
function switchTo(before: Connection, next: Stream, now: number): Connection {
  const state: Connection = { ...before, streams: [{ ...next, switchAt: null }] };
  if (next.phase === 'live') return { ...state, mode: 'streaming' };
  return checkBy({ ...state, mode: 'connecting' }, now + state.settings.checkMs);
}

/**
 * No byte came in time. Beside an old stream the browser may have no connection left: with HTTP/1.1 all tabs together
 * have six for an origin. So the next stream gets the old one's connection, and the same time again.
 */
function onNoFirstByte(state: Connection, stream: Stream, now: number, random: number): Connection {
  const isNext = state.streams.some(({ key }) => key < stream.key);
  if (!isNext || withoutSpare(state, stream) !== null)
    return failStream(state, stream, 'noFirstByte', now, random);
  const timeout = { name: 'firstByte', at: now + state.settings.firstByteMs } as const;
  return switchTo(state, { ...stream, sentAt: now, timeout }, now);
}

/** A stream is over, cleanly or not. After a handover that is planned; otherwise it is a failure. */
function onEnd(
  state: Connection,
  stream: Stream,
  failure: 'disconnected' | 'usefulEnd' | 'noHello',
  now: number,
  random: number,
): Connection {
  return stream.isEnding ? onPlannedEnd(state, stream, now) : failStream(state, stream, failure, now, random);
}

function onPlannedEnd(before: Connection, stream: Stream, now: number): Connection {
  const state = withoutStream(before, stream);
  const [next] = state.streams;
  if (next !== undefined) return switchTo(state, next, now);
  // The next stream has failed, and waits for its retry.
  const waiting: Connection = { ...state, mode: 'waiting', retryAt: state.retryAt ?? now };
  return checkBy(waiting, now + state.settings.checkMs);
}

/** How a stream failed. */
type Failure =
  /** The connection was lost or never made, or the stream ended without a handover. */
  | 'disconnected'
  /** The same, after a life that was worth having. */
  | 'usefulEnd'
  /** Something between server and client holds all bytes back. */
  | 'noFirstByte'
  /** Bytes came, but no hello: the log does not answer. */
  | 'noHello'
  /** Bytes came, but no hello or nothing after it, and polls bring events: something holds the stream back. */
  | 'held'
  /** What comes is seconds late. */
  | 'late'
  | Refusal;

/** After this many in a row, streaming is blocked here. */
const maxDisconnects = 3;
const maxUnexpectedResponses = 2;

/** How long after its hello a stream has to end to count as useful, in ms: any stream, and one that has brought an event. */
const usefulMs = 5_000;
const usefulWithEventMs = 2_000;

/**
 * How a stream failed whose connection was closed. After a useful life that does not speak against streaming: it only means
 * that something ends streams early here. Silence is no useful life, so a stream that timed out never counts as useful.
 */
function failureOf({ phase, liveAt, hasDelivered }: Stream, now: number): 'disconnected' | 'usefulEnd' {
  const isUseful = phase === 'live' && now - liveAt >= (hasDelivered ? usefulWithEventMs : usefulMs);
  return isUseful ? 'usefulEnd' : 'disconnected';
}

/** A check was answered. If a stream has not brought by now what it should have, the client polls. */
export function onCheckAnswered(state: Connection, now: number, random: number): Connection {
  const { mode, streams, settings, pollFailures } = state;
  const [stream] = streams;
  // What it brought did not continue from here.
  if (pollFailures > 0) return state;
  if (mode === 'waiting') return state.isUnreachable ? connect(state, now) : state;
  if (mode === 'connecting') {
    const isHeld = stream?.phase === 'open' && now >= stream.sentAt + settings.firstByteMs;
    return isHeld ? failStream(state, stream, 'held', now, random) : state;
  }
  const live = mode === 'streaming' ? streams.findLast(({ phase }) => phase === 'live') : undefined;
  if (live === undefined) return state;
  if (isOverdue(live, now)) {
    // No heartbeat came either: the stream is not late, but dead. A new one may work at once.
    const isDead = live.leastAge !== null && isSilent(live, now);
    return failStream(state, live, isDead ? 'disconnected' : 'late', now, random);
  }
  const isHeld = live.leastAge !== null && now >= timeDueAt(live, state);
  return isHeld
    ? failStream(state, live, 'held', now, random)
    : replaceStream(state, withOwed(live, state, now));
}

/** A stream failed, or brought what cannot be accepted: close it, and decide how to go on. */
function failStream(
  before: Connection,
  stream: Stream,
  failure: Failure,
  now: number,
  random: number,
): Connection {
  const left = withoutStream(before, stream);
  const refusal = typeof failure === 'object' ? failure : null;
  if (refusal?.status === 204) return onNoContent(left, now, random);
  const handled = refusal && handleRefusal(left, 'stream', stream.tokenVersion, refusal, now);
  if (handled !== null) return handled;

  const [other] = left.streams;
  // A server without a free slot advises polls. In a handover the old stream goes on: its end makes room for the next one.
  const isFull = other === undefined && refusal?.problem?.type.endsWith(':too-many-streams') === true;
  const retryAfterMs = refusal?.retryAfterMs ?? null;
  // Where polls go on, and where the server is full, it is for streams: such a server answers polls.
  const isForPolls = !isFull && left.mode !== 'polling';
  const heldUntil = now + Math.min(left.settings.maxRetryAfterMs, retryAfterMs ?? 0);
  const state = retryAfterMs === null ? left : holdUntil(left, heldUntil, isForPolls);
  const alone = withoutSpare(state, stream);
  if (alone !== null) return alone;
  // The old stream of a handover failed: the next one goes on.
  if (other !== undefined && other.key > stream.key) return switchTo(state, other, now);
  if (state.mode === 'polling')
    return { ...state, probeAt: now + probeDelayMs(state.probes, random, state.settings) };

  const counted = countFailure(state, stream, failure, now);
  // A `Retry-After` for an earlier stream or a check still holds.
  const heldMs = state.noStreamBefore - now;
  const delayAfter = (failures: number) =>
    Math.max(heldMs, backoffMs(failures, retryAfterMs, random, counted.settings));
  const firstPollMs = () => {
    if (isFull) return random * counted.settings.backoffMs;
    // Checks go on as polls.
    if (failure === 'held' || failure === 'late') return Math.max(0, (state.pollAt ?? now) - now);
    return failure === 'noFirstByte' ? 0 : delayAfter(1);
  };
  if (mustFallBack(counted, isFull ? 'held' : failure)) {
    // However often streams failed before, the first poll comes soon.
    const reason = reasonOf(failure, counted);
    return fallBackToPolling(counted, now, random, firstPollMs(), reason);
  }
  const retryAt = now + delayAfter(counted.failures);
  // The next stream of a handover failed: the old one goes on as long as it lasts.
  if (other !== undefined) return { ...counted, retryAt };
  const isHeld = heldMs > 0;
  const isResuming = failure === 'usefulEnd' && !isHeld;
  const waiting: Connection = { ...stopIO(counted), mode: 'waiting', retryAt, isResuming };
  if (isHeld) return waiting;
  // Readers that lost their streams together do not check together.
  const { poll, pollAt, returnLimitMs } = checkBy(
    counted,
    now + counted.settings.checkMs * (0.6 + 0.8 * random),
  );
  return { ...waiting, poll, pollAt, returnLimitMs };
}

/**
 * A 204: all channels have ended. But a filter in between may answer so to what it blocks, and a poll tells which it is. The
 * transport `stream` has no polls, and believes it as an `EventSource` does.
 */
function onNoContent(state: Connection, now: number, random: number): Connection {
  const { transport } = state.settings;
  return transport === 'stream' ? end(state) : fallBackToPolling(state, now, random, 0, 'refused');
}

function countFailure(before: Connection, stream: Stream, failure: Failure, now: number): Connection {
  const refusal = typeof failure === 'object' ? failure : null;
  const wasLive = stream.phase === 'live';
  // Something may allow no longer silence. And where a stream was late, the next one that is shall be noticed sooner.
  const wasSilent = wasLive && now - bytesAt(stream) >= leastSilenceMs;
  const mustAskOften = wasSilent || failure === 'late';
  const isUseful = failure === 'usefulEnd';
  const liveMs = isUseful ? Number.POSITIVE_INFINITY : stream.freshAt - stream.liveAt;
  const state = isUseful || stream.isProven ? resetFailures(before, liveMs) : before;
  const { failures, disconnects, unexpectedResponses } = state;
  return {
    ...state,
    problem: refusal === null ? state.problem : refusal.problem,
    heartbeatMs: mustAskOften ? Math.min(state.heartbeatMs, oftenMs) : state.heartbeatMs,
    reconnects: state.reconnects + (wasLive ? 1 : 0),
    failures: failures + 1,
    disconnects: disconnects + (failure === 'disconnected' && !stream.isProven ? 1 : 0),
    unexpectedResponses: unexpectedResponses + (refusal !== null && isUnexpected(refusal) ? 1 : 0),
    isUnreachable: failure === 'disconnected' && (stream.phase === 'preparing' || stream.phase === 'opening'),
  };
}

/** A stream was worth having: streaming works here. @param liveMs how long the stream was on time. */
function resetFailures(state: Connection, liveMs: number): Connection {
  if (state.failures + state.disconnects + state.unexpectedResponses + state.probes === 0) return state;
  // Something may let each stream through for some seconds: a shorter life leaves the wait for the next probe as it is.
  const probes = liveMs < probeDelayMs(state.probes, 0, state.settings) ? state.probes : 0;
  return { ...state, failures: 0, disconnects: 0, unexpectedResponses: 0, probes };
}

/** Why the client polls from now on. */
function reasonOf(failure: Failure, { disconnects }: Connection): PollingReason {
  if (failure === 'late') return failure;
  if (failure === 'noFirstByte' || failure === 'held') return 'held';
  return disconnects >= maxDisconnects ? 'disconnected' : 'refused';
}

function mustFallBack(state: Connection, failure: Failure): boolean {
  if (state.settings.transport !== 'auto') return false;
  const { disconnects, unexpectedResponses } = state;
  return (
    failure === 'noFirstByte' ||
    failure === 'held' ||
    failure === 'late' ||
    disconnects >= maxDisconnects ||
    unexpectedResponses >= maxUnexpectedResponses
  );
}

function replaceStream(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.map((other) => (other.key === stream.key ? stream : other)) };
}

function withoutStream(state: Connection, stream: Stream): Connection {
  return { ...state, streams: state.streams.filter(({ key }) => key !== stream.key) };
}
