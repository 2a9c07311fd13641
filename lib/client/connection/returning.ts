import { connect, isDue, isInactive, onHidden, openStream, startDue } from './lifecycle.ts';
import { bytesAt, type Connection, isSilent, withoutSpare } from './state.ts';

/*
 * The page returns: it is shown again, the machine wakes up, or the network is back. Everything that is open may be dead
 * without a sign, and so may be every idle connection of the browser. A request that takes one of them gets no answer.
 *
 * So what is open goes on, and a new stream is opened beside it. If it is not live soon, checks follow, with short limits
 * that double. A request that is aborted closes its dead connection, so one of the next gets a new one.
 */

/** A stream that has brought bytes within this time is alive, in ms. */
const aliveMs = 3_000;

/** The first check follows after this time, in ms. The limits of the checks double from the first to the last. */
const firstCheckMs = 500;
const firstLimitMs = 800;
const lastLimitMs = 3_200;

/** A new stream without a byte for this long has a dead connection, in ms. */
const silentMs = 1_000;

/** The machine slept: sockets may be dead without a sign. A hidden page's timers are late for another reason. */
export function onWoke(state: Connection, now: number): Connection {
  return state.isHidden || isInactive(state) ? state : comeBack(state, now, true);
}

/** The page is shown: a connection that paused for it resumes from its cursor. */
export function onVisible(state: Connection, now: number): Connection {
  const shown: Connection = { ...state, isHidden: false, pauseAt: null };
  const isPaused = shown.pausedBy === 'hidden' || shown.pausedBy === 'frozen';
  return isPaused ? checkSoon(connect(shown, now), now) : comeBack(shown, now, false);
}

/** The page returns from the back/forward cache, perhaps hidden: then its time begins again. */
export function onRestored(state: Connection, now: number): Connection {
  const connected = checkSoon(connect(state, now), now);
  return connected.isHidden ? onHidden(connected, now) : connected;
}

/**
 * The page returns.
 * @param isCertain something has happened to the network, or the clock may have stood still: recent bytes show nothing.
 */
export function comeBack(state: Connection, now: number, isCertain: boolean): Connection {
  const { streams, noPollBefore, noStreamBefore } = state;
  if (now < (state.mode === 'polling' ? noPollBefore : noStreamBefore)) return state;
  const isAlive = streams.some((each) => each.phase === 'live' && now - bytesAt(each) < aliveMs);
  switch (state.mode) {
    case 'streaming':
      if (isAlive && !isCertain) return state;
      return checkSoon(openStream({ ...state, streams: streams.slice(0, 1), isResuming: true }, now), now);
    case 'connecting':
      return checkSoon(isCertain ? connect(state, now) : state, now);
    case 'waiting':
      return checkSoon(connect(state, now), now);
    case 'polling':
      return pollNow(state, now, isCertain);
    case 'standby':
    case 'paused':
    case 'stopped':
    case 'ended':
      return state;
    default:
      return state.mode satisfies never;
  }
}

/** Lets checks follow, with the limits of a return. */
export function checkSoon(state: Connection, now: number): Connection {
  if (state.mode === 'polling') return { ...state, returnLimitMs: firstLimitMs };
  if (state.settings.transport !== 'auto' || state.mode === 'standby' || state.mode === 'waiting')
    return state;
  const pollAt = now + firstCheckMs;
  return { ...state, poll: null, pollFailures: 0, pollAt, returnLimitMs: firstLimitMs };
}

/** A check of a live stream that is silent gets the limits of a return: what ended the stream may have ended idle connections too. */
export function withSilenceLimit(state: Connection, now: number): Connection {
  const { mode, streams, pollAt, returnLimitMs, pollFailures } = state;
  const isCheck = mode === 'streaming' && isDue(pollAt, now) && returnLimitMs + pollFailures === 0;
  return isCheck && streams.every((each) => isSilent(each, now))
    ? { ...state, returnLimitMs: firstLimitMs }
    : state;
}

/** The next poll and the next probe are due now. What has been in flight for a while may be dead. */
function pollNow(state: Connection, now: number, isCertain: boolean): Connection {
  const isYoung = (sentAt: number) => !isCertain && now - sentAt < silentMs;
  const poll = state.poll !== null && isYoung(state.poll.startedAt) ? state.poll : null;
  const streams = state.streams.filter(({ sentAt }) => isYoung(sentAt));
  const hasProbe = streams.length > 0 || state.settings.transport === 'poll' || state.restMs > 0;
  return startDue(
    {
      ...state,
      poll,
      streams,
      pollAt: poll === null ? now : null,
      probeAt: hasProbe ? null : now,
      returnLimitMs: firstLimitMs,
    },
    now,
  );
}

/** A check of a return got no answer in its time: its connection is dead, or the network is slow. */
export function repeatCheck(state: Connection, now: number): Connection {
  const limitMs = 2 * state.returnLimitMs;
  const returnLimitMs = limitMs > lastLimitMs ? 0 : limitMs;
  const next: Connection = { ...state, poll: null, pollAt: now, returnLimitMs, isResuming: false };
  return startDue(replaceSilent(next, now), now);
}

/** A check of a return was answered: connections work, and a new stream that has no byte by now is replaced, once. */
export function onReturnChecked(state: Connection, now: number): Connection {
  if (state.returnLimitMs === 0) return state;
  const stream = state.streams.at(-1);
  const isYoung = stream?.phase === 'opening' && now - stream.sentAt < silentMs;
  // The next check judges it.
  if (isYoung && state.mode !== 'polling') return { ...state, pollAt: stream.sentAt + silentMs };
  return replaceSilent({ ...state, returnLimitMs: 0 }, now);
}

function replaceSilent(state: Connection, now: number): Connection {
  const stream = state.streams.at(-1);
  if (stream?.phase !== 'opening' || now - stream.sentAt < silentMs) return state;
  return withoutSpare(state, stream) ?? openStream({ ...state, streams: state.streams.slice(0, -1) }, now);
}
