import { expect, test } from 'vitest';
import { isCatchingUp } from '../../../lib/client/connection/lifecycle.ts';
import { reducer } from '../../../lib/client/connection/reducer.ts';
import { readerAt } from '../../../lib/client/connection/sequencer.ts';
import {
  bytesAt,
  type Connection,
  newConnection,
  nextTimerAt,
  type Signal,
  timersOf,
} from '../../../lib/client/connection/state.ts';
import { defaultSettings } from '../../../lib/config/client-timing.ts';
import { type Position, parseCursor } from '../../../lib/core/cursor.ts';
import { compareEventIds } from '../../../lib/core/ids.ts';
import type { Handover } from '../../../lib/core/sse-frames.ts';
import { historyCheck } from '../../support/client/history-check.ts';
import { type ModelLog, modelLog } from '../../support/client/model-log.ts';
import { refusalOf } from '../../support/client/reader.ts';
import { walkSeeds } from '../../support/client/walk-seeds.ts';
import { seeded } from '../../support/seeded.ts';

/*
 * A seeded walk over everything that can happen. The log is appended to, trimmed, replaced and forked. Servers disconnect,
 * refuse, hand over and skip events. The page is hidden, frozen and restored. The invariants of docs/client.md are checked
 * after each signal.
 */
const channels = ['one', 'two'];
type Served = { readonly at: Map<string, Position>; isLive: boolean; readonly ended: Set<string> };

/**
 * How often connections break, whether servers skip events without a gap, whether the connection stands by at times, and
 * whether something closes connections that are silent for some seconds, and streams after some time. `ends`: channels end,
 * and a filter answers streams with the 204 of an ended channel.
 */
type World = {
  readonly breaks: number;
  readonly skips: boolean;
  readonly standsBy?: boolean;
  readonly hasLimits?: boolean;
  readonly ends?: boolean;
};

let walked = 0;
let ended = 0;

function walk(
  seed: number,
  signals: number,
  { breaks, skips, standsBy = false, hasLimits = false, ends = false }: World,
) {
  const random = seeded(seed);
  const silenceMs = hasLimits ? random.pick([1_500, 3_000, 5_000, 10_000]) : Number.POSITIVE_INFINITY;
  const lifeMs = hasLimits
    ? random.pick([3_000, 14_000, Number.POSITIVE_INFINITY])
    : Number.POSITIVE_INFINITY;
  let restarts = 0;
  const logs = new Map(channels.map((channel) => [channel, modelLog(channel)]));
  const log = (channel: string) => logs.get(channel) as ModelLog;
  const served = new Map<number, Served>();
  const settings = {
    ...defaultSettings,
    hasToken: random.chance(0.5),
    transport: random.pick(['auto', 'auto', 'stream', 'poll'] as const),
  };
  let now = 0;
  let state = newConnection(settings, readerAt(new Map(), { channels, isFiltered: false }));
  const check = checker(log);

  const trail: string[] = [];

  function send(signal: Signal) {
    trail.push(`${now} ${state.mode}: ${JSON.stringify(signal)}`);
    const next = reducer(state, signal, now, random.next());
    try {
      check(state, next, signal, now);
    } catch (cause) {
      const last = trail.slice(-20).join('\n');
      throw new Error(`seed ${seed}: ${String(cause)}\nthe last signals:\n${last}`, { cause });
    }
    state = next;
  }

  /** Where the server of a stream or poll begins: at its cursor, or at the end of the log. */
  function serve(key: number, after: string | null): Served {
    const known = served.get(key);
    if (known !== undefined) return known;
    const at = after === null ? new Map<string, Position>() : parseCursor(after, channels, 'after');
    for (const channel of channels) if (!at.has(channel)) at.set(channel, log(channel).end());
    const fresh = { at, isLive: false, ended: new Set<string>() };
    served.set(key, fresh);
    return fresh;
  }

  function nextItem(server: Served) {
    const channel = random.pick(['one', 'two']);
    const item = log(channel).next(server.at.get(channel) as Position);
    if (item !== null) server.at.set(channel, item.position);
    if (item !== null) server.ended.delete(channel);
    return item;
  }

  const isOver = (server: Served, channel: string) =>
    log(channel).isFinished() && log(channel).next(server.at.get(channel) as Position) === null;
  const allOver = (server: Served) => channels.every((channel) => isOver(server, channel));

  function streamSignal(honest: boolean) {
    const stream = state.streams[random.below(state.streams.length)];
    if (stream === undefined) return;
    const key = stream.key;
    if (stream.phase === 'preparing') return send({ kind: 'sent', stream: key });
    const server = serve(key, stream.after);
    const dice = random.next();
    if (!honest && dice < 0.08 * breaks) return send({ kind: 'disconnected', stream: key });
    if (!honest && dice < 0.1 * breaks) return send({ kind: 'ended', stream: key });
    if (!honest && dice < 0.13 * breaks) {
      const status = random.pick([200, 401, 401, 429, 500, 503, 503, 404, 403]);
      const { problem } = refusalOf(status);
      const refusal = {
        status,
        retryAfterMs: random.chance(0.3) ? random.pick([3_000, 20_000]) : null,
        // A filter in between refuses without the server's words.
        problem: random.chance(0.5) ? problem : null,
      };
      return send({ kind: 'refused', stream: key, refusal });
    }
    // An ended channel; or a filter, which only a client that polls can tell from it.
    const isFiltered = ends && !honest && settings.transport !== 'stream' && dice > 0.98;
    if (!server.isLive && ((allOver(server) && dice > 0.5) || isFiltered)) {
      const refusal = { status: 204, retryAfterMs: null, problem: null };
      return send({ kind: 'refused', stream: key, refusal });
    }
    send({ kind: 'bytes', stream: key });
    const cursor = new Map(server.at);
    if (!server.isLive) {
      server.isLive = true;
      const hello = { cursor: '', heartbeatMs: 15_000, deadlineMs: 1, version: '0.1.0' };
      return send({ kind: 'frame', stream: key, frame: { kind: 'hello', cursor, hello, time: null } });
    }
    if (dice > 0.96) {
      const reason = random.pick<Handover['reason']>(['deadline', 'stopping', 'token', 'quiet']);
      const handover = { reason, closesInMs: 1_000, everyMs: reason === 'quiet' ? 5_000 : 0 };
      send({ kind: 'frame', stream: key, frame: { kind: 'handover', cursor, handover } });
      return;
    }
    // A server skips an event without a gap: by a bug, or because its process is stale.
    if (!honest && skips && dice > 0.93) nextItem(server);
    const item = nextItem(server);
    const after = new Map(server.at);
    const channel = item === null && channels.find((name) => isOver(server, name) && !server.ended.has(name));
    if (channel) {
      server.ended.add(channel);
      return send({ kind: 'frame', stream: key, frame: { kind: 'end', cursor: after, channel } });
    }
    const frame =
      item === null
        ? ({ kind: 'heartbeat', cursor: after, time: null } as const)
        : ({ kind: 'item', cursor: after, item } as const);
    send({ kind: 'frame', stream: key, frame });
  }

  function pollSignal(honest: boolean) {
    const { poll } = state;
    if (poll === null) return;
    const dice = random.next();
    if (!honest && dice < 0.15 * breaks) return send({ kind: 'pollFailed', poll: poll.key });
    if (!honest && dice < 0.25 * breaks) {
      const status = random.pick([401, 429, 503, 500, 403]);
      const { problem } = refusalOf(status);
      const refusal = {
        status,
        retryAfterMs: random.chance(0.3) ? random.pick([3_000, 20_000]) : null,
        problem: random.chance(0.5) ? problem : null,
      };
      return send({ kind: 'pollRefused', poll: poll.key, refusal });
    }
    const server = serve(poll.key, poll.after);
    const items = Array.from({ length: 6 }, () => nextItem(server)).filter((item) => item !== null);
    const advice = random.pick([
      { waitSeconds: 20, everyMs: 0 },
      { waitSeconds: 0, everyMs: 2_000 },
      // To a reader at rest.
      ...(poll.restMs > 0 ? [{ waitSeconds: 0, everyMs: Math.min(30_000, poll.restMs * 1.5) }] : []),
    ]);
    const more = random.chance(0.2);
    const page = { items, cursor: new Map(server.at), more, hasEnded: !more && allOver(server), advice };
    send({ kind: 'polled', poll: poll.key, page });
  }

  function changeLog() {
    const it = log(random.pick(['one', 'two']));
    const dice = random.next();
    if (ends && random.chance(0.1)) it.finish();
    if (dice < 0.9) it.append();
    else if (dice < 0.96) it.trim(1 + random.below(4));
    else {
      restarts += 1;
      if (dice < 0.98) it.fork(1 + random.below(3));
      else it.replace();
    }
  }

  /** What is closed next because it is silent, or open for too long; null: nothing that is open has a limit. */
  function nextClosed() {
    const streams = state.streams.filter(({ phase }) => phase === 'live');
    const kind = random.pick(['ended', 'disconnected'] as const);
    const closed = streams.map((stream) => ({
      at: Math.min(bytesAt(stream) + silenceMs, stream.liveAt + lifeMs),
      signal: { kind, stream: stream.key } as Signal,
    }));
    const { poll } = state;
    // The server answers before that if it may.
    if (poll !== null && poll.waitSeconds * 1_000 > silenceMs)
      closed.push({ at: poll.startedAt + silenceMs, signal: { kind: 'pollFailed', poll: poll.key } });
    const [first] = closed.toSorted((a, b) => a.at - b.at);
    return first ?? null;
  }

  function passTime() {
    const due = nextTimerAt(state);
    const then = random.chance(0.5) || due === null ? now + random.below(3_000) : Math.max(now, due);
    const closed = hasLimits ? nextClosed() : null;
    now = Math.max(now, Math.min(then, closed?.at ?? then));
    send(closed !== null && closed.at <= now ? closed.signal : { kind: 'timer' });
  }

  const page = [
    'online',
    'offline',
    'visible',
    'hidden',
    'frozen',
    'restored',
    'woke',
    'retry',
    'disabled',
    'enabled',
    'pollDue',
  ] as const;
  const share = [
    { kind: 'standBy' },
    { kind: 'activate', known: null },
    { kind: 'activate', known: { pollingReason: 'held', notBefore: 0, isPaused: false, restMs: 0 } },
    { kind: 'catchUp' },
  ] as const;
  send({ kind: 'enabled' });
  for (let count = 0; count < signals; count += 1) {
    const dice = random.next();
    if (standsBy && random.chance(0.03)) send(random.pick(share));
    else if (dice < 0.25) changeLog();
    else if (dice < 0.65) streamSignal(false);
    else if (dice < 0.8) pollSignal(false);
    else if (dice < 0.99 - 0.04 * breaks) passTime();
    else send({ kind: random.pick(page) });
    if (state.mode === 'stopped') send({ kind: 'retry' });
    if (state.mode === 'ended' && random.chance(0.2)) send({ kind: 'retry' });
  }

  // Everything works again: the reader must get to the end of the log within a bounded time.
  send({ kind: 'activate', known: null });
  for (const kind of ['enabled', 'online', 'visible', 'retry'] as const) send({ kind });
  const isAtEnd = () =>
    channels.every((channel) => {
      const known = state.reader.positions.get(channel);
      return known !== undefined && compareEventIds(known.position.id, log(channel).end().id) === 0;
    });
  let rounds = 0;
  for (; rounds < 5_000 && !isAtEnd(); rounds += 1) {
    if (state.streams.length > 0) streamSignal(true);
    if (state.poll !== null) pollSignal(true);
    if (state.poll === null && state.streams.length === 0) passTime();
    if (state.mode === 'stopped' || state.mode === 'ended') send({ kind: 'retry' });
  }
  walked += trail.length;
  return { isAtEnd: isAtEnd(), state, restarts, reported: check.restarts() };
}

/** Checks what must hold between a state and the next one. */
function checker(log: (channel: string) => ModelLog) {
  const history = historyCheck();
  const check = (before: Connection, state: Connection, signal: Signal, now: number) => {
    // requests
    const streams = state.streams.length;
    const most = {
      connecting: 1,
      streaming: 2,
      waiting: 0,
      polling: 1,
      standby: 0,
      paused: 0,
      stopped: 0,
      ended: 0,
    }[state.mode];
    expect(streams).toBeLessThanOrEqual(most);
    expect(streams === 0 && (state.mode === 'connecting' || state.mode === 'streaming')).toBe(false);
    // with the transport "stream" there are no checks
    const isChecking = state.mode !== 'standby' && state.mode !== 'polling';
    if (state.settings.transport === 'stream' && isChecking) expect(state.poll).toBeNull();
    // a Retry-After holds for checks too
    if (state.mode === 'waiting' && now < state.noPollBefore) expect(state.poll).toBeNull();
    // nothing but a retry, a new token, and the word of the tab that has read comes before a Retry-After
    const isTokenRefused = 'refusal' in signal && signal.refusal.status === 401;
    const isTold = signal.kind === 'activate' && signal.known !== null;
    if (signal.kind !== 'retry' && !isTokenRefused && !isTold) {
      if ((state.poll?.key ?? 0) >= before.nextKey) expect(now).toBeGreaterThanOrEqual(before.noPollBefore);
      if ((state.streams.at(-1)?.key ?? 0) >= before.nextKey)
        expect(now).toBeGreaterThanOrEqual(before.noStreamBefore);
    }
    if (state.isStandby) expect(['standby', 'paused', 'stopped', 'ended']).toContain(state.mode);
    else expect(state.mode).not.toBe('standby');
    const isOff = state.mode === 'paused' || state.mode === 'stopped' || state.mode === 'ended';
    if (isOff) expect(timersOf(state)).toEqual([]);
    else expect(nextTimerAt(state) ?? 0).toBeGreaterThanOrEqual(0);
    const isIdle = state.mode === 'standby' && !isCatchingUp(state);
    if (!isOff && !isIdle) expect(timersOf(state)).not.toEqual([]);
    // it is over only where each channel has ended, and the reader is there; a 204 alone says nothing of a position
    if (state.mode === 'ended') {
      if (before.mode !== 'ended') ended += 1;
      expect(state.poll).toBeNull();
      for (const channel of channels) {
        const known = state.reader.positions.get(channel);
        if (known === undefined) expect(state.settings.transport).toBe('stream');
        else expect(log(channel).hasEndedAt(known.position)).toBe(true);
      }
    }
    // a timer that fired is gone, or has moved on
    if (signal.kind === 'timer') expect(nextTimerAt(state) ?? now + 1).toBeGreaterThan(now - 1);
    // at rest there is no stream and no probe, and the next poll is on its way or due soon
    if (state.restMs > 0) {
      expect([state.mode, streams, state.probeAt, state.pollingReason]).toEqual(['polling', 0, null, null]);
      expect(state.settings.transport).toBe('auto');
      if (state.poll === null) expect((state.pollAt ?? Infinity) - now).toBeLessThanOrEqual(30_000);
    }
    // failures
    const isPlanned =
      (signal.kind === 'ended' || signal.kind === 'disconnected') &&
      before.streams.some((stream) => stream.key === signal.stream && stream.isEnding);
    if (isPlanned) expect(state.failures).toBe(before.failures);
    const wasUseful = before.streams.some(
      ({ phase, liveAt, hasDelivered }) => phase === 'live' && now - liveAt >= (hasDelivered ? 2_000 : 5_000),
    );
    if (!wasUseful) expect(state.failures).toBeGreaterThanOrEqual(before.failures);
    // the end of a useful stream is no reason to poll
    const isClosed = signal.kind === 'ended' || signal.kind === 'disconnected';
    const closed = before.streams.find(({ key }) => isClosed && key === signal.stream);
    const lifeMs = closed?.phase === 'live' ? now - closed.liveAt : 0;
    if (lifeMs >= (closed?.hasDelivered ? 2_000 : 5_000)) {
      expect(state.mode).not.toBe('polling');
      if (!closed?.isEnding && state.streams.length === 0) expect(state.disconnects).toBe(0);
    }
    // a long poll that was held and cut is no failure
    const { poll } = before;
    const isCut = signal.kind === 'pollFailed' && poll !== null && poll.waitSeconds > 0;
    if (isCut && now - poll.startedAt >= 1_000) {
      expect(state.pollFailures).toBe(before.pollFailures);
      expect(state.maxWaitSeconds).toBeLessThan(poll.waitSeconds);
    }
    // a return leaves a live stream open
    const isReturn = signal.kind === 'visible' || signal.kind === 'online' || signal.kind === 'woke';
    if (isReturn && before.mode === 'streaming') {
      expect(state.mode).toBe('streaming');
      expect(state.streams[0]?.key).toBe(before.streams[0]?.key);
    }
    // the cursor never moves back within a generation
    for (const [channel, known] of before.reader.positions) {
      const next = state.reader.positions.get(channel);
      expect(next).toBeDefined();
      if (next?.generation !== known.generation) continue;
      expect(compareEventIds(next.position.id, known.position.id)).toBeGreaterThanOrEqual(0);
    }
    for (const entry of state.accepted) history.take(entry);
  };
  return Object.assign(check, { restarts: history.restarts });
}

const seedsFrom = (first: number) => walkSeeds(Array.from({ length: 20 }, (_, index) => first + index * 13));

test.each(seedsFrom(7_001))(
  'while servers behave, each event comes once, and only a fork is read again (seed %i)',
  (seed) => {
    const { isAtEnd, state, restarts, reported } = walk(seed, 5_500, { breaks: 0.05, skips: false });
    expect(isAtEnd).toBe(true);
    // A log that forks while two sources overlap shows a discontinuity, and is read again.
    expect(state.reader.discontinuities).toBeLessThanOrEqual(restarts);
    expect(reported).toBeLessThanOrEqual(restarts);
  },
);

test.each(seedsFrom(8_001))('while connections break, each event comes once (seed %i)', (seed) => {
  const { isAtEnd, state, restarts, reported } = walk(seed, 5_500, { breaks: 1, skips: false });
  expect(isAtEnd).toBe(true);
  expect(state.reader.discontinuities).toBeLessThanOrEqual(restarts);
  expect(reported).toBeLessThanOrEqual(restarts);
});

test.each(seedsFrom(9_001))(
  'while servers skip events, the reader still gets to the end of the log (seed %i)',
  (seed) => {
    const { isAtEnd } = walk(seed, 5_500, { breaks: 0.5, skips: true });
    expect(isAtEnd).toBe(true);
  },
);

test.each(seedsFrom(10_001))(
  'while the connection stands by and is activated again and again, each event comes once (seed %i)',
  (seed) => {
    const { isAtEnd } = walk(seed, 5_500, { breaks: 0.5, skips: false, standsBy: true });
    expect(isAtEnd).toBe(true);
  },
);

test.each(seedsFrom(11_001))(
  'while something closes silent connections and ends streams, each event comes once (seed %i)',
  (seed) => {
    const { isAtEnd, state, restarts } = walk(seed, 5_500, { breaks: 0.05, skips: false, hasLimits: true });
    expect(isAtEnd).toBe(true);
    expect(state.reader.discontinuities).toBeLessThanOrEqual(restarts);
  },
);

test.each(seedsFrom(12_001))(
  'while channels end and begin anew, it is over only where the reader has their last events (seed %i)',
  (seed) => {
    const { isAtEnd } = walk(seed, 5_500, { breaks: 0.5, skips: true, standsBy: true, ends: true });
    expect(isAtEnd).toBe(true);
  },
);

test('the walks saw more than 500 ends', () => {
  expect(ended).toBeGreaterThan(500);
});

test('the walks were more than 100,000 signals long', () => {
  expect(walked).toBeGreaterThan(100_000);
});
