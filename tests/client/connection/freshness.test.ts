import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader } from '../../support/client/reader.ts';

const cursor = '30-3~aaaaaa';

/** What the server's clock shows when the reader's shows 0: any number. */
const skews = [1_763_841_234_567, -86_400_000_000_000, 0.25];

/** A reader whose stream has said hello, from a server that says the time, `delayMs` after it was sent. */
function timedReader({ skew = skews[0] ?? 0, delayMs = 50, settings = {} } = {}) {
  const it = reader(settings);
  it.goesLive(cursor, it.stream().key, it.now + skew - delayMs);
  return Object.assign(it, {
    /** The server's time comes, as it was `ageMs` ago. */
    timeFrom: (ageMs: number) => it.time(it.now + skew - ageMs),
    /** Times come on time, each second, and events do not. */
    staysOnTime(seconds: number) {
      for (let each = 0; each < seconds; each += 1) {
        it.passes(1_000);
        it.time(it.now + skew - delayMs);
      }
    },
  });
}

describe('a stream that says hello and then is held back', () => {
  test('is left for polls as soon as a check is answered: 3.5 s after the hello', () => {
    const it = timedReader();
    it.passes(3_499);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).toMatchObject({ waitSeconds: 0 });
    it.isPolled([], cursor);
    expect(it.state).toMatchObject({ mode: 'polling', pollingReason: 'held' });
  });

  test('though single bytes come: they may be a part of a frame that takes minutes', () => {
    const it = timedReader();
    for (let each = 0; each < 35; each += 1) {
      it.passes(100);
      it.bytes();
    }
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.state.mode).toBe('polling');
    expect(it.accepted).toEqual(['40-4']);
  });

  test('though a time came with the hello: it was sent with it', () => {
    const it = timedReader();
    it.passes(100);
    it.timeFrom(50);
    it.passes(3_400);
    it.isPolled([], cursor);
    expect(it.state.mode).toBe('polling');
  });

  test('but not if the time 1 s after the hello comes before the answer', () => {
    const it = timedReader();
    it.passes(3_500);
    it.timeFrom(2_500);
    it.isPolled([], cursor);
    expect(it.state.mode).toBe('streaming');
  });

  test('but not while no check is answered: then the network is at fault', () => {
    const it = timedReader();
    it.passes(3_500);
    it.pollFails();
    it.passes(10_000);
    expect(statusOf(it.state)).toBe('streaming');
  });

  test('after it was on time for a while is checked 2.5 s after a heartbeat is missing, and left after 2.5 heartbeats', () => {
    const it = timedReader();
    it.staysOnTime(20);
    it.passes(17_500);
    it.isPolled([], cursor);
    for (let each = 0; each < 20; each += 1) {
      it.passes(1_000);
      it.bytes();
      if (it.state.poll) it.isPolled([], cursor);
      const isOver = it.now - 20_000 >= 37_500;
      expect(it.state.mode).toBe(isOver ? 'polling' : 'streaming');
      if (isOver) break;
    }
    expect(it.state.pollingReason).toBe('held');
  });
});

describe('a stream that is late', () => {
  test.each(skews)(
    'is checked at once, and left at the second late time, whatever the clocks show (%d)',
    (skew) => {
      const it = timedReader({ skew });
      it.staysOnTime(20);
      it.passes(10_000);
      it.timeFrom(9_000);
      it.passes(0);
      expect(it.state).toMatchObject({ mode: 'streaming', poll: { waitSeconds: 0 } });
      it.isPolled([], cursor);
      it.passes(9_000);
      it.timeFrom(8_900);
      expect(it.state).toMatchObject({ mode: 'polling', pollingReason: 'late' });
      // A probe's stream that is late again is noticed sooner.
      expect(it.state.heartbeatMs).toBe(2_000);
    },
  );

  test('is kept if only what was sent during one pause of the network is late', () => {
    const it = timedReader();
    it.staysOnTime(20);
    it.passes(12_000);
    for (const ageMs of [11_000, 8_000, 5_000]) it.timeFrom(ageMs);
    it.staysOnTime(5);
    it.isPolled([], cursor);
    expect(it.state).toMatchObject({ mode: 'streaming', failures: 0 });
    it.passes(12_000);
    it.timeFrom(11_000);
    expect(it.state.mode).toBe('streaming');
  });

  test('is kept up to 3 s: that is no later than polls', () => {
    const it = timedReader();
    it.staysOnTime(20);
    for (let each = 0; each < 20; each += 1) {
      it.passes(1_000);
      it.timeFrom(3_050);
    }
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
  });

  test('is allowed less if its hello took long: that may have been late itself', () => {
    const it = reader();
    it.sends();
    it.passes(2_500);
    it.goesLive(cursor, it.stream().key, it.now - 2_450);
    for (const ageMs of [3_400, 3_400, 3_600, 3_600]) {
      it.passes(5_000);
      expect(it.state.mode).toBe('streaming');
      it.time(it.now - ageMs);
    }
    expect(it.state).toMatchObject({ mode: 'polling', pollingReason: 'late' });
  });

  test('is checked until it is on time again, though late frames come', () => {
    const it = timedReader();
    it.staysOnTime(20);
    it.passes(5_000);
    it.timeFrom(4_000);
    const polls = new Set<number>();
    for (let each = 0; each < 10; each += 1) {
      if (it.state.poll) {
        polls.add(it.state.poll.key);
        it.isPolled([], cursor);
      }
      it.passes(1_000);
      it.bytes();
    }
    expect(polls.size).toBe(5);
  });

  test('is kept with the transport "stream", which never polls', () => {
    const it = timedReader({ settings: { transport: 'stream' } });
    it.passes(10_000);
    for (const ageMs of [9_000, 9_000]) {
      it.timeFrom(ageMs);
      it.passes(10_000);
    }
    expect(it.state.mode).toBe('streaming');
  });

  test('counts as worth having with the transport "stream": its failures do not add up', () => {
    const it = timedReader({ settings: { transport: 'stream' } });
    const waits: number[] = [];
    for (let each = 0; each < 5; each += 1) {
      it.staysOnTime(60);
      it.passes(37_500);
      waits.push((it.state.retryAt ?? 0) - it.now);
      it.passes(1_000);
      it.goesLive(cursor, it.stream().key, it.now + (skews[0] ?? 0) - 50);
    }
    expect(waits).toEqual([250, 250, 250, 250, 250]);
  });

  test('is checked at once though a check has failed, once it was on time again', () => {
    const it = timedReader();
    it.staysOnTime(5);
    it.passes(10_000);
    it.timeFrom(9_000);
    it.passes(1);
    expect(it.state.poll).not.toBeNull();
    it.pollFails();
    it.staysOnTime(1);
    it.passes(5_000);
    it.timeFrom(5_000);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).not.toBeNull();
  });

  test('because the app was busy is kept, and what comes later is measured anew', () => {
    const it = timedReader();
    it.staysOnTime(20);
    const late = () => {
      it.passes(10_000);
      it.tell({ kind: 'delayed', stream: it.stream().key });
      it.timeFrom(9_000);
      it.timeFrom(8_000);
    };
    for (let each = 0; each < 5; each += 1) late();
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    it.staysOnTime(5);
    it.passes(10_000);
    it.timeFrom(9_000);
    it.passes(0);
    expect(it.state.poll).not.toBeNull();
  });

  test('from a server that says no time is left when it has not brought in 3 s what a check has', () => {
    const it = reader();
    it.goesLive();
    it.passes(17_500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    it.passes(2_000);
    it.bytes();
    it.isPolled([], '40-4~aaaaaa');
    it.passes(17_500);
    it.isPolled([], '40-4~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'polling', pollingReason: 'late' });
  });

  test('but kept when it has brought that meanwhile', () => {
    const it = reader();
    it.goesLive();
    it.passes(17_500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    it.gets([eventItem(4), eventItem(5)]);
    it.passes(17_500);
    it.isPolled([], '50-5~aaaaaa');
    it.passes(5_000);
    it.isPolled([], '50-5~aaaaaa');
    expect(it.state.mode).toBe('streaming');
    expect(it.accepted).toEqual(['40-4', '50-5']);
  });
});

describe('a probe', () => {
  test('is proven by the time 1 s after its hello: polls go on until then', () => {
    const it = pollingReader();
    it.isPolled([], cursor);
    it.happens('online');
    it.isPolled([], cursor);
    it.goesLive(cursor, it.stream().key, it.now - 50);
    expect(it.state.mode).toBe('streaming');
    it.passes(2_000);
    expect(it.state.poll).not.toBeNull();
    it.time(it.now - 50);
    expect(it.state.poll).toBeNull();
    it.passes(17_000);
    expect(it.state.poll).toBeNull();
  });

  test('is followed by the next one after a longer wait, if its stream has lived on time for less than the last wait', () => {
    const it = pollingReader();
    it.chance(0);
    const waits: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const begun = it.now;
      while (it.state.streams.length === 0 && it.now < begun + 400_000) {
        if (it.state.poll) it.isPolled([], cursor);
        it.passes(100);
      }
      waits.push(Math.round((it.now - begun) / 1_000));
      it.goesLive(cursor, it.stream().key, it.now);
      for (let each = 0; each < 16; each += 1) {
        it.passes(1_000);
        it.time(it.now);
      }
      it.passes(10_000);
      it.time(it.now - 10_000);
      it.isPolled([], cursor);
      it.passes(10_000);
      it.time(it.now - 9_000);
      expect(it.state.pollingReason).toBe('late');
    }
    // The first was drawn before chance was set: up to a fifth is added.
    expect(waits).toEqual([17, 30, 60, 120, 240]);
  });
});

const falls = {
  held(it: ReturnType<typeof reader>) {
    it.sends();
    it.passes(4_000);
  },
  refused(it: ReturnType<typeof reader>) {
    it.isRefused(502);
    it.passes(500);
    it.isRefused(502);
  },
  disconnected(it: ReturnType<typeof reader>) {
    for (const waitMs of [2_000, 2_000, 0]) {
      it.disconnects();
      it.passes(waitMs);
    }
  },
};

test.each(['held', 'refused', 'disconnected'] as const)(
  'the state says why the client polls, until a stream is live: %s',
  (reason) => {
    const it = reader();
    falls[reason](it);
    expect(it.state).toMatchObject({ mode: 'polling', pollingReason: reason });
    it.passes(500);
    it.isPolled([], cursor);
    it.happens('online');
    it.goesLive();
    expect(it.state.pollingReason).toBeNull();
  },
);

test('a stream without a byte whose events a check brings is dead, not late: a new stream follows, and no polling', () => {
  const it = timedReader();
  it.staysOnTime(20);
  it.passes(17_500);
  it.isPolled([eventItem(4)], '40-4~aaaaaa');
  it.passes(2_000);
  it.isPolled([], '40-4~aaaaaa');
  it.passes(2_000);
  it.isPolled([], '40-4~aaaaaa');
  expect(it.state).toMatchObject({ mode: 'waiting', pollingReason: null, streams: [] });
  it.passes(600);
  expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ after: '40-4~aaaaaa' }] });
});
