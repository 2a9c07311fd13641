import { describe, expect, test } from 'vitest';
import { readingOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader, streamingReader } from '../../support/client/reader.ts';

const at3 = '30-3~aaaaaa';

/** A reader that the server has let rest: its first poll is due in 5 s. */
function restingReader(settings: Parameters<typeof streamingReader>[0] = {}) {
  const it = streamingReader(settings);
  it.passes(10_000);
  it.handover(at3, 'quiet', it.stream().key, 5_000);
  return it;
}

/** Time passes until the next poll is sent. */
function untilPoll(it: ReturnType<typeof restingReader>): number {
  const before = it.now;
  it.passes((it.state.pollAt ?? it.now) - it.now);
  return it.now - before;
}

describe('a connection that the server lets rest', () => {
  test('closes its stream, polls after the pause that the server names, and shows that it rests', () => {
    const it = restingReader();
    expect(it.state).toMatchObject({ mode: 'polling', streams: [], poll: null, probeAt: null });
    expect(readingOf(it.state)).toEqual({
      status: 'resting',
      transport: 'poll',
      retryAt: null,
      problem: null,
      pollingReason: null,
    });
    it.passes(4_999);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).toMatchObject({ waitSeconds: 0, restMs: 5_000, after: at3 });
  });

  test('takes each next pause from the server, and tries no stream meanwhile, for an hour', () => {
    const it = restingReader();
    const pauses = [8_000, 12_000, ...Array.from({ length: 130 }, () => 30_000)];
    const passed = pauses.map((everyMs) => {
      const ms = untilPoll(it);
      it.isPolled([], at3, { everyMs, rest: true });
      return ms;
    });
    expect(passed.slice(0, 5)).toEqual([5_000, 8_000, 12_000, 30_000, 30_000]);
    expect(it.now).toBeGreaterThan(3_600_000);
    expect(it.state).toMatchObject({ streams: [], probes: 0, handovers: 0, reconnects: 0, failures: 0 });
  });

  test('streams at once when the server wants that after an event, from behind it, and shows no pause', () => {
    const it = restingReader();
    untilPoll(it);
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { everyMs: 2_000 });
    expect(it.accepted).toEqual(['40-4']);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: null, restMs: 0 });
    expect([it.stream().after, readingOf(it.state).status]).toEqual(['40-4~aaaaaa', 'streaming']);
    it.goesLive();
    expect(readingOf(it.state)).toMatchObject({ status: 'streaming', pollingReason: null });
  });

  test('rests on when the server wants that after an event, with a shorter pause', () => {
    const it = restingReader();
    untilPoll(it);
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { everyMs: 2_000, rest: true });
    expect(it.accepted).toEqual(['40-4']);
    expect(it.state).toMatchObject({ mode: 'polling', streams: [], restMs: 2_000 });
    expect([untilPoll(it), it.state.poll?.after]).toEqual([2_000, '40-4~aaaaaa']);
  });

  test('polls no sooner than after a second, whatever the server advises', () => {
    const it = restingReader();
    untilPoll(it);
    it.isPolled([], at3, { everyMs: 0, rest: true });
    expect(it.state.restMs).toBe(1_000);
    expect(untilPoll(it)).toBe(1_000);
  });

  test.each([
    ['the advice of any poll', { everyMs: 2_000 }],
    ['a longer pause, and not to rest', { everyMs: 8_000 }],
    ['long polls', { everyMs: 0, waitSeconds: 20 }],
  ])('streams when the server advises %s', (_, more) => {
    const it = restingReader();
    untilPoll(it);
    it.isPolled([], at3, more);
    expect(it.state).toMatchObject({ mode: 'connecting', restMs: 0 });
    // The advice to a reader at rest must not slow down the checks of a stream.
    expect(it.state.advice.everyMs).toBe(2_000);
  });

  test('streams when a poll fails, and waits for a Retry-After before that', () => {
    const failed = restingReader();
    untilPoll(failed);
    failed.pollFails();
    expect(failed.state).toMatchObject({ mode: 'connecting', pollFailures: 0 });

    const refused = restingReader();
    untilPoll(refused);
    refused.pollIsRefused(503, { retryAfterMs: 9_000 });
    expect(refused.state).toMatchObject({ mode: 'waiting', streams: [] });
    refused.passes(8_999);
    expect(refused.state.streams).toEqual([]);
    refused.passes(1_000);
    expect(refused.state.mode).toBe('connecting');
  });

  test('asks for a new token, and rests on', () => {
    const it = restingReader({ hasToken: true });
    untilPoll(it);
    it.pollIsRefused(401);
    expect(it.state).toMatchObject({ mode: 'polling', tokenVersion: 1, poll: { restMs: 5_000 } });
    it.isPolled([], at3, { everyMs: 8_000, rest: true });
    expect(readingOf(it.state).status).toBe('resting');
  });

  test('counts the pause from the answer of the server, however long a cache has kept it', () => {
    const it = restingReader();
    untilPoll(it);
    it.isPolled([], at3, { everyMs: 30_000, rest: true, ageMs: 20_000 });
    expect(untilPoll(it)).toBe(10_000);
    it.isPolled([], at3, { everyMs: 30_000, rest: true, ageMs: 31_000 });
    expect(untilPoll(it)).toBe(1_000);
  });

  test('polls at once when the page is shown, online or awake again, and opens no stream for that', () => {
    for (const kind of ['visible', 'online', 'woke'] as const) {
      const it = restingReader();
      it.passes(1_000);
      if (kind === 'visible') it.happens('hidden');
      if (kind === 'online') it.happens('offline');
      it.happens(kind);
      expect([kind, it.state.streams.length, it.state.poll?.restMs, it.state.probeAt]).toEqual([
        kind,
        0,
        5_000,
        null,
      ]);
    }
  });

  test('pauses after a minute while its page is hidden, and streams when it is shown', () => {
    const it = restingReader();
    it.happens('hidden');
    for (let polls = 0; polls < 12; polls++) {
      untilPoll(it);
      it.isPolled([], at3, { everyMs: 5_000, rest: true });
    }
    expect(it.state).toMatchObject({ mode: 'paused', restMs: 0 });
    it.happens('visible');
    expect(it.state.mode).toBe('connecting');
  });

  test('with SWR, starts a poll when it is asked for one that is due', () => {
    const it = restingReader({ hasPollDriver: true });
    it.passes(4_000);
    it.happens('pollDue');
    expect(it.state.poll).toBeNull();
    it.passes(1_000);
    it.happens('pollDue');
    expect(it.state.poll).not.toBeNull();
  });

  test('takes the poll of another feed of the page only if that rests with the same pause', () => {
    const cursor = new Map([['feed', eventItem(3).position]]);
    const page = { items: [], cursor, more: false, advice: { everyMs: 8_000, waitSeconds: 0, rest: true } };
    const result = { kind: 'polled', poll: 99, page } as const;
    const tellAll = (it: ReturnType<typeof reader>, restMs: number) => {
      const shared = { after: at3, restMs, startedAt: it.now, finishedAt: it.now, result };
      it.tell({ kind: 'pollShared', shared });
    };
    const resting = restingReader();
    tellAll(resting, 0);
    expect(resting.state.restMs).toBe(5_000);
    tellAll(resting, 5_000);
    expect(resting.state.restMs).toBe(8_000);

    const polling = pollingReader({ hasPollDriver: true });
    tellAll(polling, 5_000);
    expect(polling.state.advice.everyMs).toBe(2_000);
  });
});

describe('a handover with the reason quiet', () => {
  test('opens the next stream where the connection may not poll, and where the server names no pause', () => {
    for (const [transport, everyMs] of [
      ['stream', 5_000],
      ['auto', 0],
    ] as const) {
      const it = streamingReader({ transport });
      it.passes(10_000);
      it.handover(at3, 'quiet', it.stream().key, everyMs);
      expect([it.state.mode, it.state.streams.length, it.state.restMs]).toEqual(['streaming', 2, 0]);
    }
  });

  test('of an old stream says nothing of the next one', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.handover(at3);
    const [old] = it.state.streams;
    it.handover(at3, 'quiet', old?.key, 5_000);
    expect([it.state.mode, it.state.streams.length]).toEqual(['streaming', 2]);
  });

  test('lets the client poll no sooner than after a second', () => {
    const it = streamingReader();
    it.handover(at3, 'quiet', it.stream().key, 1);
    it.passes(999);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).not.toBeNull();
  });
});

describe('the time since something happened', () => {
  test('begins when the reader comes, with an event, after a rest, and when the page returns', () => {
    const it = reader();
    it.passes(3_000);
    it.goesLive();
    expect(it.state.activeAt).toBe(0);
    it.gets([eventItem(4)]);
    expect(it.state.activeAt).toBe(3_000);
    it.passes(2_000);
    it.handover('40-4~aaaaaa', 'quiet', it.stream().key, 5_000);
    expect(it.state.activeAt).toBe(3_000);
    it.passes(5_000);
    it.isPolled([], '40-4~aaaaaa', { everyMs: 0 });
    expect(it.state.activeAt).toBe(10_000);
    it.happens('hidden');
    it.passes(61_000);
    it.happens('visible');
    expect(it.state.activeAt).toBe(71_000);
  });

  test('goes on over a handover, and over a stream that is lost', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.handover(at3);
    it.goesLive();
    it.disconnects();
    it.passes(1_000);
    it.goesLive();
    expect(it.state.activeAt).toBe(0);
  });
});

describe('a tab that takes over from a leader at rest', () => {
  test('rests too: it polls at once, and opens no stream', () => {
    const it = streamingReader();
    it.happens('standBy');
    const known = { pollingReason: null, notBefore: 0, isPaused: false, restMs: 30_000 };
    it.tell({ kind: 'activate', known });
    expect(it.state).toMatchObject({ mode: 'polling', streams: [], poll: { restMs: 30_000 } });
    it.isPolled([], at3, { everyMs: 30_000, rest: true });
    expect(readingOf(it.state).status).toBe('resting');
  });
});
