import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader, streamingReader } from '../../support/client/reader.ts';

describe('the client falls back to polling', () => {
  test('when a stream has no byte 4 s after the request', () => {
    const it = reader();
    it.sends();
    it.passes(3_999);
    expect(it.state.mode).toBe('connecting');
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'polling', poll: { after: '30-3~aaaaaa' } });
  });

  test('when two responses in a row are no stream, but not after one', () => {
    const it = reader();
    it.isRefused(502);
    expect(it.state.mode).toBe('waiting');
    it.passes(500);
    it.isRefused(200);
    expect(it.state.mode).toBe('polling');
  });

  test('when a full server refuses one stream, at once, but not while the old stream of a handover goes on', () => {
    const type = 'urn:steadfeed:problem:too-many-streams';
    const problem = { type, title: 'Too many open streams', status: 503, detail: 'Poll.' };
    const it = reader();
    it.isRefused(503, { retryAfterMs: 8_000, problem });
    it.passes(500);
    expect(it.state).toMatchObject({ mode: 'polling', poll: { after: '30-3~aaaaaa' } });
    expect((it.state.probeAt ?? 0) - it.now).toBeGreaterThan(8_000);

    const handingOver = streamingReader();
    handingOver.passes(10_000);
    handingOver.handover('30-3~aaaaaa');
    handingOver.sends(handingOver.state.streams[1]?.key);
    handingOver.isRefused(503, { retryAfterMs: 8_000, problem }, handingOver.state.streams[1]?.key);
    expect(handingOver.state).toMatchObject({ mode: 'streaming', streams: [{ isEnding: true }] });
  });

  test('when three streams in a row end within 5 s of their hello, and without an event', () => {
    const it = reader();
    for (const mode of ['waiting', 'waiting', 'polling']) {
      it.goesLive();
      it.passes(4_999);
      it.ends();
      expect(it.state.mode).toBe(mode);
      it.passes(2_000);
    }
  });

  test('when three streams in a row say hello and then are silent', () => {
    const it = reader();
    for (const mode of ['waiting', 'waiting', 'polling']) {
      it.goesLive();
      it.passes(37_500);
      expect(it.state.mode).toBe(mode);
      it.passes(2_000);
    }
  });

  test('when three streams in a row end within 2 s of their hello, whatever they brought', () => {
    const it = reader();
    for (const [index, mode] of ['waiting', 'waiting', 'polling'].entries()) {
      it.goesLive();
      it.gets([eventItem(4 + index)]);
      it.passes(1_999);
      it.ends();
      expect(it.state.mode).toBe(mode);
      it.passes(1_000);
    }
  });

  test('only if no stream lived for 5 s between the three', () => {
    const it = reader();
    for (const life of [100, 100, 5_000, 100, 100]) {
      it.goesLive();
      it.passes(life);
      it.disconnects();
      expect(it.state.mode).toBe('waiting');
      it.passes(4_000);
    }
  });

  test.each(['ends', 'disconnects'] as const)(
    'but never because of a stream that %s 5 s after its hello, or 2 s after it with an event',
    (how) => {
      const it = reader();
      for (let count = 0; count < 20; count += 1) {
        it.goesLive();
        if (count % 2 === 0) it.gets([eventItem(4 + count / 2)]);
        it.passes(count % 2 === 0 ? 2_000 : 5_000);
        it[how]();
        expect(it.state).toMatchObject({ mode: 'waiting', failures: 1, disconnects: 0 });
        it.passes(500);
      }
      expect(it.state).toMatchObject({ mode: 'connecting', reconnects: 20 });
    },
  );

  test('so streams that end early are at most 1,800 an hour, the number of short polls', () => {
    const it = reader();
    it.chance(0);
    let streams = 0;
    for (; it.now < 3_600_000 && it.state.mode !== 'polling'; streams += 1) {
      it.goesLive();
      it.gets([eventItem(4 + streams)]);
      it.passes(2_000);
      it.ends();
      it.passes(1);
    }
    expect(it.state.mode).toBe('connecting');
    expect(streams).toBeLessThanOrEqual(1_800);
  });

  test('but never because of planned ends', () => {
    const it = streamingReader();
    for (let count = 0; count < 5; count += 1) {
      it.passes(1_500);
      it.handover('30-3~aaaaaa');
      it.ends(it.stream(0).key);
      it.goesLive();
    }
    expect(it.state).toMatchObject({ mode: 'streaming', failures: 0, disconnects: 0 });
  });

  test('but not when a stream has bytes and no hello within 10 s: the log has failed', () => {
    const it = reader();
    it.sends();
    it.bytes();
    it.passes(9_999);
    expect(it.state.mode).toBe('connecting');
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'waiting', disconnects: 0 });
  });

  test('but not with the transport "stream"', () => {
    const it = reader({ transport: 'stream' });
    it.sends();
    it.passes(4_000);
    expect(it.state.mode).toBe('waiting');
  });
});

describe('the client returns to streaming', () => {
  test('by a probe after 15 s, then after waits that double up to 5 min', () => {
    const it = pollingReader();
    it.chance(0);
    const waits: number[] = [];
    for (let count = 0; count < 7; count += 1) {
      const { now } = it;
      const known = it.state.nextKey;
      while (it.state.streams.length === 0) {
        if (it.state.poll) it.isPolled([], '30-3~aaaaaa');
        it.passes(100);
      }
      expect(it.state.nextKey).toBeGreaterThan(known);
      waits.push(Math.round((it.now - now) / 1_000));
      it.disconnects();
    }
    // The first was drawn before chance was set: up to a fifth is added.
    expect(waits).toEqual([17, 30, 60, 120, 240, 300, 300]);
  });

  test('only if the probe lasts: one that disconnects after its hello has failed', () => {
    const it = pollingReader();
    it.isPolled([], '30-3~aaaaaa');
    it.happens('online');
    for (let count = 0; count < 3; count += 1) {
      it.goesLive();
      it.disconnects();
      it.passes(2_000);
    }
    expect(it.state).toMatchObject({ mode: 'polling', probes: 1 });
    expect((it.state.probeAt ?? 0) - it.now).toBeGreaterThan(27_000);
  });

  test('and however often it falls back, the first poll comes within half a second', () => {
    const it = reader();
    it.chance(1);
    for (let count = 0; count < 20; count += 1) {
      if (it.state.mode === 'polling') it.happens('online');
      it.goesLive();
      it.disconnects();
      if (count >= 2) expect((it.state.pollAt ?? 0) - it.now).toBe(500);
      it.passes(3_000);
      if (it.state.poll) it.isPolled([], '30-3~aaaaaa');
    }
    expect(it.state.failures).toBe(20);
  });

  test('and polls until the probe has said hello', () => {
    const it = pollingReader();
    it.isPolled([], '30-3~aaaaaa');
    it.happens('online');
    it.sends();
    it.passes(700);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'polling', streams: [{ phase: 'opening' }] });
    it.goesLive('30-3~aaaaaa');
    it.gets([eventItem(4), eventItem(5)]);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    expect(it.accepted).toEqual(['40-4', '50-5']);
  });

  test.each(['online', 'visible'] as const)('by a probe at once when the page is %s', (kind) => {
    const it = pollingReader();
    it.happens(kind);
    expect(it.state.streams).toHaveLength(1);
  });

  test('by a probe at once when a server that was down answers a poll', () => {
    const it = pollingReader();
    it.pollFails();
    it.passes(500);
    it.pollFails();
    it.passes(1_000);
    it.isPolled([], '30-3~aaaaaa');
    expect(it.state.streams).toHaveLength(1);
  });

  test('by another probe when the server answers a poll again while the first probe hangs and fails', () => {
    const it = pollingReader();
    it.pollFails();
    it.passes(500);
    it.pollFails();
    it.happens('online');
    it.sends();
    it.passes(1_000);
    it.isPolled([], '30-3~aaaaaa');
    it.disconnects();
    expect(it.state.streams).toHaveLength(0);
    it.passes(2_000);
    it.isPolled([], '30-3~aaaaaa');
    expect(it.state.streams).toHaveLength(1);
  });

  test('by a probe at once when a captive portal has gone', () => {
    const it = pollingReader();
    for (const waitMs of [500, 1_000]) {
      it.tell({
        kind: 'pollRefused',
        poll: it.state.poll?.key ?? 0,
        refusal: { status: 200, retryAfterMs: null, problem: null },
      });
      it.passes(waitMs);
    }
    it.isPolled([], '30-3~aaaaaa');
    expect(it.state.streams).toHaveLength(1);
  });

  test.each([429, 503])(
    'a second after a poll that was refused with %i and without a time, and the next poll comes after the probe',
    (status) => {
      const it = pollingReader();
      it.pollIsRefused(status);
      it.passes(999);
      expect(it.state).toMatchObject({ poll: null, streams: [] });
      it.passes(501);
      expect(it.state).toMatchObject({ poll: null, streams: [{ phase: 'preparing' }] });
      it.isRefused(status);
      it.passes(1_000);
      expect(it.state).toMatchObject({ mode: 'polling', poll: { after: '30-3~aaaaaa' }, streams: [] });
    },
  );

  test('later and later while polls and probes are refused without a time, but within 33 s', () => {
    const it = pollingReader();
    const waits: number[] = [];
    for (let each = 0; each < 12; each += 1) {
      it.pollIsRefused(503);
      const refusedAt = it.now;
      for (; it.state.streams.length === 0; it.passes(100));
      waits.push(it.now - refusedAt);
      it.isRefused(503);
      for (; it.state.poll === null; it.passes(100));
    }

    expect(Math.max(...waits.slice(0, 2))).toBeLessThan(3_000);
    expect(Math.max(...waits.slice(8))).toBeGreaterThan(5_000);
    expect(Math.max(...waits)).toBeLessThan(33_000);
  });

  test('not before the Retry-After of a poll is over', () => {
    const it = pollingReader();
    const refusal = { status: 503, retryAfterMs: 40_000, problem: null };
    it.tell({ kind: 'pollRefused', poll: it.state.poll?.key ?? 0, refusal });
    it.passes(39_999);
    it.happens('online');
    expect(it.state).toMatchObject({ mode: 'polling', poll: null, streams: [] });
    it.passes(1_000);
    expect(it.state.streams).toHaveLength(1);
  });

  test('not before the Retry-After of the stream that was refused is over', () => {
    const it = reader();
    it.isRefused(503);
    it.passes(500);
    it.isRefused(503, { retryAfterMs: 20_000 });
    it.passes(19_000);
    it.happens('visible');
    expect(it.state).toMatchObject({ mode: 'polling', poll: null, streams: [] });
  });

  test('ten minutes after a Retry-After of a day', () => {
    const it = pollingReader();
    it.happens('online');
    it.isRefused(503, { retryAfterMs: 86_400_000 });
    expect((it.state.probeAt ?? 0) - it.now).toBe(600_000);
  });

  test('and ignores a poll whose page comes after the hello', () => {
    const it = pollingReader();
    const poll = it.state.poll?.key ?? 0;
    it.happens('online');
    it.goesLive();
    it.gets([eventItem(4), eventItem(5)]);
    it.tell({
      kind: 'polled',
      poll,
      page: { items: [eventItem(4)], cursor: new Map(), more: false, advice: { waitSeconds: 0, everyMs: 0 } },
    });
    expect(it.accepted).toEqual(['40-4', '50-5']);
    expect(it.cursor).toBe('50-5~aaaaaa');
  });

  test.each([false, true])(
    'but not by a probe that began without a cursor and is beyond the polls (with a filter: %s)',
    (isFiltered) => {
      const it = reader({ isFiltered }, null);
      it.sends();
      it.passes(4_000);
      it.happens('online');
      const probe = it.stream().key;
      it.isPolled([], '30-3~aaaaaa');
      it.goesLive('50-5~aaaaaa', probe);
      expect(it.state.mode).toBe('polling');
      expect(it.cursor).toBe('30-3~aaaaaa');
    },
  );
});

describe('polling', () => {
  test('follows the interval that the server advises', () => {
    const it = pollingReader();
    it.isPolled([], '30-3~aaaaaa', { everyMs: 7_000 });
    it.passes(6_999);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).not.toBeNull();
  });

  test('asks at once while there are more events', () => {
    const it = pollingReader();
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { more: true });
    expect(it.state.poll?.after).toBe('40-4~aaaaaa');
  });

  test('lets the server hold a poll where that is advised, and pauses when one returns at once', () => {
    const it = pollingReader();
    it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    expect(it.state.poll).toBeNull();
    it.passes(1_000);
    expect(it.state.poll?.waitSeconds).toBe(20);
    it.passes(20_000);
    it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    expect(it.state.poll).not.toBeNull();
  });

  test('gives up a poll without a response after 5 s, and the next after 10 s: a slow network may need them', () => {
    const it = pollingReader();
    it.passes(5_000);
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1 });
    expect(statusOf(it.state)).toBe('waiting');
    it.passes(500);
    expect(it.state.poll).not.toBeNull();
    it.passes(9_749);
    expect(it.state.pollFailures).toBe(1);
    it.passes(1);
    expect(it.state).toMatchObject({ poll: null, pollFailures: 2 });
  });

  test.each(['online', 'visible'] as const)(
    'asks at once when the page is %s, whatever the backoff',
    (kind) => {
      const it = pollingReader();
      for (let count = 0; count < 8; count += 1) {
        it.pollFails();
        if (count < 7) it.passes(30_000);
      }
      expect(it.state.poll).toBeNull();
      it.happens(kind);
      expect(it.state.poll).not.toBeNull();
    },
  );

  test.each(['online', 'visible'] as const)('waits for the Retry-After when the page is %s', (kind) => {
    const it = reader({ transport: 'poll' });
    const refusal = { status: 503, retryAfterMs: 40_000, problem: null };
    it.tell({ kind: 'pollRefused', poll: it.state.poll?.key ?? 0, refusal });
    it.passes(1_000);
    it.happens(kind);
    expect(it.state.poll).toBeNull();
  });
});

/** A reader whose server advises long polls of 20 s. The first of them is in flight. */
function longPollingReader() {
  const it = pollingReader();
  it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
  it.passes(1_000);
  return it;
}

/** Something cuts a poll after this much silence, or the server answers it. @returns whether it was answered. */
function finishPoll(it: ReturnType<typeof reader>, limitMs: number): boolean {
  const waitMs = (it.state.poll?.waitSeconds ?? 0) * 1_000;
  const isAnswered = waitMs < limitMs;
  it.passes(Math.min(waitMs, limitMs));
  if (isAnswered) it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
  else it.pollFails();
  it.passes(waitMs === 0 ? 1_000 : 0);
  return isAnswered;
}

describe('a long poll that something cuts', () => {
  test.each([
    ['the connection', 5_000, 4],
    ['the connection', 2_000, 1],
    ['the connection', 1_000, 0],
    ['the connection', 19_900, 15],
    [502, 10_000, 8],
    [504, 10_000, 8],
    [408, 10_000, 8],
  ] as const)(
    '(%s, after %i ms) is followed at once by one of %i s, and is no failure',
    (how, limitMs, wait) => {
      const it = longPollingReader();
      it.passes(limitMs);
      if (how === 'the connection') it.pollFails();
      else it.pollIsRefused(how);
      expect(it.state).toMatchObject({ mode: 'polling', pollFailures: 0, poll: { waitSeconds: wait } });
      expect(statusOf(it.state)).toBe('polling');
    },
  );

  test('is a failure if it was cut within a second: the server may be down', () => {
    const it = longPollingReader();
    it.passes(999);
    it.pollFails();
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1 });
    it.passes(500);
    expect(it.state.poll?.waitSeconds).toBe(20);
  });

  test.each([429, 500, 503])('is a failure if the server refuses it with %i', (status) => {
    const it = longPollingReader();
    it.passes(10_000);
    it.pollIsRefused(status);
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1 });
  });

  test('is a failure if the server wants no request for a while', () => {
    const it = longPollingReader();
    it.passes(10_000);
    it.pollIsRefused(504, { retryAfterMs: 30_000 });
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1 });
  });

  test('teaches to ask for a second less if it was cut late', () => {
    const it = longPollingReader();
    finishPoll(it, 5_000);
    it.passes(7_000);
    it.pollFails();
    expect(it.state.poll?.waitSeconds).toBe(3);
  });

  test.each([1_500, 5_000, 10_000])(
    'is rare from then on where the limit is %i ms: the client tries a longer one now and then',
    (limitMs) => {
      const it = longPollingReader();
      let answered = 0;
      let cut = 0;
      while (it.now < 3_600_000) {
        if (finishPoll(it, limitMs)) answered += 1;
        else cut += 1;
        expect(statusOf(it.state)).toBe('polling');
      }
      expect(cut).toBeGreaterThan(3);
      expect(cut / (answered + cut)).toBeLessThan(0.1);
    },
  );

  test('is followed by longer ones again when the limit has gone', () => {
    const it = longPollingReader();
    finishPoll(it, 2_000);
    while (it.now < 1_800_000) finishPoll(it, 30_000);
    expect(it.state.poll?.waitSeconds).toBe(20);
  });

  test('that nothing answers, not even with an end, is a failure, and the next one waits for half as long', () => {
    const it = longPollingReader();
    it.passes(25_000);
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1 });
    it.passes(500);
    expect(it.state.poll?.waitSeconds).toBe(10);
  });

  test('teaches nothing about the next network', () => {
    const it = longPollingReader();
    finishPoll(it, 5_000);
    it.happens('offline');
    it.happens('online');
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    it.passes(250);
    expect(it.state.poll?.waitSeconds).toBe(20);
  });
});

test('probes stay rare while two of three polls fail', () => {
  const it = pollingReader();
  const probes = new Set<number>();
  const polls = new Set<number>();
  while (it.now < 3_600_000) {
    it.passes(100);
    for (const { key, phase } of it.state.streams) {
      if (phase === 'preparing') it.sends(key);
      probes.add(key);
    }
    const { poll } = it.state;
    if (poll === null || polls.has(poll.key)) continue;
    polls.add(poll.key);
    if (polls.size % 3 === 0) it.isPolled([], '30-3~aaaaaa');
    else it.pollFails();
  }
  expect(probes.size).toBeLessThan(70);
});

test.each([2, 5, 10])('probes stay rare while each %ith poll fails', (nth) => {
  const it = pollingReader();
  const probes = new Set<number>();
  const polls = new Set<number>();
  while (it.now < 600_000) {
    it.passes(100);
    for (const { key, phase } of it.state.streams) {
      if (phase === 'preparing') it.sends(key);
      probes.add(key);
    }
    const { poll } = it.state;
    if (poll === null || polls.has(poll.key)) continue;
    polls.add(poll.key);
    if (polls.size % nth === 0) it.pollFails();
    else it.isPolled([], '30-3~aaaaaa');
  }
  expect(probes.size).toBeLessThan(10);
});
