import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader, streamingReader } from '../../support/client/reader.ts';

type Reader = ReturnType<typeof reader>;

/** The keys of the open streams, oldest first. */
const keysOf = (it: Reader) => it.state.streams.map(({ key }) => key);

/** The page is back, and the stream has been silent for 4 s: its connection may be dead. */
function returned(kind: 'visible' | 'woke' = 'visible'): Reader {
  const it = streamingReader();
  it.passes(4_000);
  it.happens(kind);
  it.sends();
  return it;
}

describe('a stream that was silent for more than 3 s', () => {
  test.each(['visible', 'online', 'woke'] as const)(
    'goes on when the page is %s, and a new one is opened beside it',
    (kind) => {
      const it = streamingReader();
      if (kind === 'online') it.happens('offline');
      it.passes(3_001);
      const [old] = keysOf(it);
      it.happens(kind);
      expect(keysOf(it)).toHaveLength(2);
      expect(keysOf(it)[0]).toBe(old);
      expect(statusOf(it.state)).toBe('streaming');
      it.sends();
      it.goesLive();
      it.gets([eventItem(4)]);
      expect(keysOf(it)).toHaveLength(1);
      expect(statusOf(it.state)).toBe('streaming');
      expect(it.state).toMatchObject({ handovers: 0, reconnects: 0, failures: 0 });
      expect(it.accepted).toEqual(['40-4']);
    },
  );

  test('shows no pause for a second when it is found dead in the moment of the return', () => {
    const it = streamingReader();
    it.passes(37_400);
    it.happens('visible');
    it.sends();
    for (let ms = 0; ms < 1_000; ms += 100) {
      it.passes(100);
      expect(statusOf(it.state)).toBe('streaming');
    }
    expect(it.state.mode).toBe('connecting');
  });

  test('whose next stream is on its way gets another one: that one may be dead too', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.handover('30-3~aaaaaa');
    it.sends();
    it.passes(3_900);
    const [old, next] = keysOf(it);
    it.happens('visible');
    expect(keysOf(it)).toHaveLength(2);
    expect(keysOf(it)[0]).toBe(old);
    expect(keysOf(it)[1]).not.toBe(next);
    expect(statusOf(it.state)).toBe('handing over');
  });
});

describe('a stream that has just brought bytes', () => {
  test('is alive: a page that is shown opens nothing', () => {
    const it = streamingReader();
    it.passes(2_999);
    const before = it.state;
    it.happens('visible');
    expect(it.state).toEqual({ ...before, isHidden: false });
  });

  test('is alive also where it is the next one of a handover', () => {
    const it = streamingReader();
    it.passes(6_000);
    it.handover('30-3~aaaaaa');
    it.gets([eventItem(4)], it.stream(0).key);
    it.goesLive();
    it.passes(4_000);
    it.bytes();
    const keys = keysOf(it);
    expect(keys).toHaveLength(2);
    it.happens('visible');
    expect(keysOf(it)).toEqual(keys);
  });

  test('may still be dead where the clock stood still: a machine that wakes up opens a new one', () => {
    const it = streamingReader();
    it.happens('woke');
    expect(keysOf(it)).toHaveLength(2);
  });
});

describe('a check', () => {
  test('follows half a second after the new stream was opened, unless that is live by then', () => {
    const it = returned();
    it.passes(499);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll).toMatchObject({ waitSeconds: 0, after: '30-3~aaaaaa' });

    const prompt = returned();
    prompt.passes(200);
    prompt.goesLive();
    prompt.passes(1_000);
    expect(prompt.state.poll).toBeNull();
  });

  test('brings the events while the new stream takes a dead connection, which is then closed', () => {
    const it = returned();
    const [, dead] = keysOf(it);
    it.passes(500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expect(keysOf(it)).toContain(dead);
    it.passes(500);
    it.isPolled([], '40-4~aaaaaa');
    expect(keysOf(it)).not.toContain(dead);
    expect(keysOf(it)).toHaveLength(2);
    expect(it.stream().after).toBe('40-4~aaaaaa');
    expect(statusOf(it.state)).toBe('streaming');
  });

  test('gets 0.8 s, the next one 1.6 s, then 3.2 s, then the usual time: each closes its dead connection', () => {
    const it = returned();
    const asked: number[] = [];
    const polls = new Set<number>();
    for (; it.now < 16_000; it.passes(100)) {
      const key = it.state.poll?.key;
      if (key !== undefined && !polls.has(key)) {
        polls.add(key);
        asked.push(it.now - 4_000);
      }
      for (const { key, phase } of it.state.streams) if (phase === 'preparing') it.sends(key);
    }
    expect(asked.slice(0, 4)).toEqual([500, 1_300, 2_900, 6_100]);
  });

  test('without an answer also closes the connection of a new stream that has no byte for a second', () => {
    const it = returned();
    const [old, dead] = keysOf(it);
    it.passes(1_300);
    expect(keysOf(it)).toHaveLength(2);
    expect(keysOf(it)[0]).toBe(old);
    expect(keysOf(it)[1]).not.toBe(dead);
  });

  test('leaves a new stream alone that has its first byte', () => {
    const it = returned();
    const keys = keysOf(it);
    it.bytes();
    it.passes(1_300);
    expect(keysOf(it)).toEqual(keys);
  });

  test('does not come where the app wants streams alone', () => {
    const it = streamingReader({ transport: 'stream' });
    it.passes(4_000);
    it.happens('visible');
    it.passes(2_000);
    expect(it.state.poll).toBeNull();
  });
});

describe('a page that returns', () => {
  test('from a pause of its connection checks too: idle connections may be dead', () => {
    const it = streamingReader();
    it.happens('hidden');
    it.happens('frozen');
    it.passes(60_000);
    it.happens('restored');
    it.sends();
    it.passes(500);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: { waitSeconds: 0 } });
    const [dead] = keysOf(it);
    it.passes(800);
    expect(keysOf(it)).not.toContain(dead);
  });

  test('while it polls asks at once, with a short limit and without a wait, and fails only after the third', () => {
    const it = pollingReader();
    it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    it.passes(6_000);
    const dead = it.state.poll?.key;
    it.happens('visible');
    expect(it.state.poll).toMatchObject({ waitSeconds: 0 });
    expect(it.state.poll?.key).not.toBe(dead);
    it.passes(5_599);
    expect(statusOf(it.state)).toBe('polling');
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    it.passes(1_000);
    expect(it.state.poll?.waitSeconds).toBe(20);
    expect(it.state.pollFailures).toBe(0);
  });

  test('waits for a Retry-After all the same', () => {
    const it = reader();
    it.isRefused(503, { retryAfterMs: 20_000 });
    for (const kind of ['visible', 'woke', 'online'] as const) it.happens(kind);
    it.passes(19_999);
    expect(it.state).toMatchObject({ mode: 'waiting', streams: [], poll: null });
  });

  test('is fresh within 3 s though five pooled connections are dead', () => {
    const it = returned();
    let dead = 5;
    const asked = new Set<number>();
    const answered: number[] = [];
    for (; it.now < 10_000 && answered.length === 0; it.passes(50)) {
      const { poll } = it.state;
      for (const { key, phase } of it.state.streams.slice(1)) {
        if (asked.has(key)) continue;
        asked.add(key);
        if (phase === 'preparing') it.sends(key);
        dead -= 1;
        if (dead < 0) answered.push(it.now);
      }
      if (poll === null || asked.has(poll.key)) continue;
      asked.add(poll.key);
      dead -= 1;
      if (dead < 0) answered.push(it.now);
    }
    expect((answered[0] ?? Number.NaN) - 4_000).toBeLessThan(3_000);
  });
});

describe('a stream that lives beside the new one of a return', () => {
  /** The page returned, and half a second later the old stream has brought its heartbeat on time. */
  function aliveBeside(more: Parameters<typeof streamingReader>[0] = {}) {
    const it = streamingReader(more);
    it.passes(4_000);
    it.happens('visible');
    it.sends();
    const [old = -1] = keysOf(it);
    it.passes(400);
    it.heartbeat('30-3~aaaaaa', old);
    return { it, old };
  }

  /** The stream of the return fails in some way, and so does each one that follows it, for ten minutes. */
  function failsFor(ms: number, fail: (it: Reader) => void, { it, old }: ReturnType<typeof aliveBeside>) {
    let opened = 0;
    for (const end = it.now + ms; it.now < end; it.passes(100)) {
      if (it.now % 5_000 === 4_400) it.heartbeat('30-3~aaaaaa', old);
      const next = it.state.streams.find(({ key }) => key > old);
      if (next === undefined) continue;
      if (next.phase === 'preparing') it.sends(next.key);
      opened += 1;
      fail(it);
    }
    return opened;
  }

  test.each([
    ['is reset', (it: Reader) => it.disconnects()],
    ['ends', (it: Reader) => it.ends()],
    ['is answered with 502', (it: Reader) => it.isRefused(502, { problem: null })],
    ['is answered with HTML', (it: Reader) => it.isRefused(200, { problem: null })],
    ['is refused with 503 for 5 s', (it: Reader) => it.isRefused(503, { retryAfterMs: 5_000 })],
    ['is refused with 429', (it: Reader) => it.isRefused(429)],
  ] as const)('goes on alone when that one %s', (_, fail) => {
    const beside = aliveBeside();
    const { it, old } = beside;
    expect(failsFor(600_000, fail, beside)).toBe(1);
    expect(keysOf(it)).toEqual([old]);
    expect(it.state).toMatchObject({ mode: 'streaming', failures: 0, reconnects: 0, pollingReason: null });
    expect(statusOf(it.state)).toBe('streaming');
  });

  test('goes on alone when that one gets no first byte', () => {
    const { it, old } = aliveBeside({ checkMs: 60_000 });
    it.passes(3_599);
    expect(keysOf(it)).toHaveLength(2);
    it.passes(1);
    expect(keysOf(it)).toEqual([old]);
    expect(it.state).toMatchObject({ mode: 'streaming', retryAt: null, failures: 0 });
  });

  test('goes on alone when a check closes the dead connection of that one', () => {
    const it = returned();
    const [old = -1] = keysOf(it);
    it.passes(500);
    it.heartbeat('30-3~aaaaaa', old);
    it.passes(500);
    expect(keysOf(it)).toHaveLength(2);
    it.isPolled([], '30-3~aaaaaa');
    expect(keysOf(it)).toEqual([old]);
  });

  test('ends the wait for the next one when it brings bytes after that one has failed', () => {
    const it = returned();
    const [old = -1] = keysOf(it);
    it.isRefused(503, { retryAfterMs: 5_000 });
    expect(it.state.retryAt).not.toBeNull();
    it.heartbeat('30-3~aaaaaa', old);
    it.passes(10_000);
    expect(keysOf(it)).toEqual([old]);
  });
});
