import { describe, expect, test } from 'vitest';
import { timersOf } from '../../../lib/client/connection/state.ts';
import { readingOf, statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { pollingReader, reader, refusalOf, streamingReader } from '../../support/client/reader.ts';

describe('a failure', () => {
  test('is followed by a random wait whose range doubles from 0.5 s to 30 s', () => {
    const it = reader({ transport: 'stream' });
    it.chance(0.999999);
    const waits: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      it.disconnects();
      waits.push(Math.round((it.state.retryAt ?? 0) - it.now));
      it.passes(Math.ceil((it.state.retryAt ?? 0) - it.now));
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('does not wait longer after a useful stream: the next one is opened within half a second', () => {
    const it = reader({ transport: 'stream' });
    it.chance(0.999999);
    for (let count = 0; count < 9; count += 1) {
      it.goesLive();
      it.passes(5_000);
      it.ends();
      expect((it.state.retryAt ?? 0) - it.now).toBeLessThan(500);
      it.passes(500);
      expect(it.state.mode).toBe('connecting');
    }
  });

  test('is forgotten after a hello and a heartbeat, not after the hello alone', () => {
    const it = reader({ transport: 'stream' });
    it.disconnects();
    it.passes(500);
    it.goesLive();
    expect(it.state.failures).toBe(1);
    it.passes(15_000);
    it.heartbeat('30-3~aaaaaa');
    expect(it.state.failures).toBe(0);
  });

  test('with Retry-After is followed by that wait, whatever the page does', () => {
    const it = reader();
    it.isRefused(503, { retryAfterMs: 20_000 });
    for (const kind of ['online', 'visible'] as const) it.happens(kind);
    it.passes(19_999);
    expect(it.state.mode).toBe('waiting');
    it.passes(501);
    expect(it.state.mode).toBe('connecting');
  });

  test('with Retry-After gives way to the user’s retry', () => {
    const it = reader();
    it.isRefused(503, { retryAfterMs: 20_000 });
    it.happens('retry');
    expect(it.state.mode).toBe('connecting');
  });

  test.each([400, 403])('with status %i stops the connection: no timers, no requests', (status) => {
    const it = reader();
    it.isRefused(status);
    expect(it.state).toMatchObject({ mode: 'stopped', stoppedBy: 'refused', streams: [], poll: null });
    expect(timersOf(it.state)).toEqual([]);
  });

  test.each([400, 401, 403])(
    'with status %i and without the words of the server comes from a filter in between: the client polls',
    (status) => {
      const it = reader();
      for (let tries = 0; tries < 2; tries += 1) {
        it.isRefused(status, { problem: null });
        it.passes(5_000);
      }
      expect(it.state).toMatchObject({ mode: 'polling', pollingReason: 'refused' });
    },
  );

  test('with status 401 without the words of the server asks for a new token once, then goes on trying', () => {
    const it = reader({ hasToken: true });
    it.isRefused(401, { problem: null });
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ tokenVersion: 1 }] });
    it.isRefused(401, { problem: null });
    expect(it.state).toMatchObject({ mode: 'waiting', tokenVersion: 1 });
  });

  test('with status 401 asks for a new token, and stops when that is refused too', () => {
    const it = reader({ hasToken: true });
    it.isRefused(401);
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ tokenVersion: 1 }] });
    it.isRefused(401);
    expect(it.state.mode).toBe('stopped');
  });

  test('with status 401 asks for another token if the last one was accepted meanwhile', () => {
    const it = reader({ hasToken: true });
    it.isRefused(401);
    it.goesLive();
    it.disconnects();
    it.passes(500);
    it.isRefused(401);
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ tokenVersion: 2 }] });
  });

  test('of a poll and a probe with the same token asks for one new token', () => {
    const it = pollingReader({ hasToken: true });
    it.happens('online');
    const poll = it.state.poll?.key ?? 0;
    it.isRefused(401);
    it.tell({ kind: 'pollRefused', poll, refusal: refusalOf(401) });
    expect(it.state).toMatchObject({
      mode: 'polling',
      tokenVersion: 1,
      poll: { tokenVersion: 1 },
      streams: [{ tokenVersion: 1 }],
    });
  });

  test('is 2.5 heartbeats without a byte', () => {
    const it = streamingReader();
    it.passes(37_000);
    it.bytes();
    it.passes(37_499);
    expect(it.state.mode).toBe('streaming');
    it.passes(1);
    expect(it.state.mode).toBe('waiting');
  });

  test('no longer matters once the feed is closed', () => {
    const it = streamingReader();
    it.happens('close');
    const closed = it.state;
    for (const kind of ['retry', 'enabled', 'visible', 'restored', 'online', 'timer'] as const)
      it.happens(kind);
    expect(it.state).toBe(closed);
    expect(timersOf(closed)).toEqual([]);
  });
});

describe('the status', () => {
  test('stays at streaming when a useful stream ends and the next one takes over', () => {
    const it = streamingReader();
    it.passes(14_000);
    it.ends();
    expect(readingOf(it.state)).toMatchObject({ status: 'streaming', transport: 'stream', retryAt: null });
    it.passes(500);
    it.sends();
    expect(readingOf(it.state)).toMatchObject({ status: 'streaming', transport: 'stream', retryAt: null });
    it.goesLive();
    it.ends();
    expect(statusOf(it.state)).toBe('waiting');
  });

  test('shows the pause when the stream after a useful one fails', () => {
    const it = streamingReader();
    it.passes(14_000);
    it.ends();
    it.passes(500);
    it.disconnects();
    expect(readingOf(it.state)).toMatchObject({
      status: 'waiting',
      transport: null,
      retryAt: it.state.retryAt,
    });
    it.passes(1_000);
    expect(statusOf(it.state)).toBe('connecting');
  });

  test('shows at once that the page is offline when a useful stream ends', () => {
    const it = streamingReader();
    it.happens('offline');
    it.passes(14_000);
    it.ends();
    expect(statusOf(it.state)).toBe('offline');
  });
});

describe('a page', () => {
  test('that is hidden for a minute ends its connection, and resumes from its cursor when it is shown', () => {
    const it = streamingReader();
    it.gets([eventItem(4)]);
    it.happens('hidden');
    it.passes(59_000);
    // The watchdog's business is another test's.
    it.happens('retry');
    it.passes(1_000);
    expect(it.state).toMatchObject({ mode: 'paused', streams: [] });
    it.happens('visible');
    expect(it.stream().after).toBe('40-4~aaaaaa');
  });

  test('that is hidden and shown within a minute keeps its connection', () => {
    const it = streamingReader();
    it.happens('hidden');
    it.passes(30_000);
    it.bytes();
    it.happens('visible');
    it.passes(31_000);
    expect(it.state.mode).toBe('streaming');
  });

  test('that is restored opens a new stream, since the old socket may be dead', () => {
    const it = streamingReader();
    const old = it.stream().key;
    it.happens('restored');
    expect(it.state).toMatchObject({ mode: 'connecting', failures: 0 });
    expect(it.stream().key).not.toBe(old);
  });

  test('that is offline keeps a stream that still brings bytes', () => {
    const it = streamingReader();
    it.happens('offline');
    it.gets([eventItem(4)]);
    expect(statusOf(it.state)).toBe('streaming');
    it.disconnects();
    expect(statusOf(it.state)).toBe('offline');
  });

  test('that polled before it was frozen polls again, with a probe beside it', () => {
    const it = pollingReader();
    it.happens('frozen');
    it.happens('restored');
    expect(it.state).toMatchObject({ mode: 'polling', streams: [{ phase: 'preparing' }] });
    expect(it.state.poll).not.toBeNull();
  });

  test('that is restored while it is hidden connects, and pauses after another 60 s', () => {
    const it = streamingReader();
    it.happens('hidden');
    it.passes(60_000);
    it.happens('frozen');
    expect(it.state.pausedBy).toBe('frozen');
    it.happens('restored');
    it.goesLive();
    it.passes(60_000);
    expect(it.state).toMatchObject({ mode: 'paused', pausedBy: 'hidden' });
  });
});

describe('a Retry-After', () => {
  test('for the next stream of a handover holds when the old one has ended as planned', () => {
    const it = streamingReader();
    it.passes(20_000);
    it.handover('30-3~aaaaaa');
    it.sends();
    it.isRefused(429, { retryAfterMs: 60_000 });
    it.ends(it.stream(0).key);
    it.happens('visible');
    it.passes(59_999);
    expect(it.state.streams).toHaveLength(0);
    it.passes(10_000);
    expect(it.state.streams).toHaveLength(1);
  });

  test('for the next stream of a handover holds when the old one disconnects', () => {
    const it = streamingReader();
    it.happens('offline');
    it.happens('online');
    it.sends();
    it.isRefused(429, { retryAfterMs: 60_000 });
    it.disconnects(it.stream(0).key);
    it.passes(59_999);
    expect(it.state.streams).toHaveLength(0);
  });

  test('holds when the machine wakes up', () => {
    const it = reader();
    it.sends();
    it.isRefused(429, { retryAfterMs: 600_000 });
    it.happens('woke');
    expect(it.state.streams).toHaveLength(0);
  });

  /** A stream is silent, its check is refused for a minute, and then the stream lives again. */
  function checkIsRefused() {
    const it = streamingReader();
    it.passes(17_500);
    it.pollIsRefused(503, { retryAfterMs: 60_000 });
    it.bytes();
    return it;
  }

  test('of a check holds when the stream disconnects', () => {
    const it = checkIsRefused();
    it.disconnects();
    it.passes(59_999);
    expect(it.state).toMatchObject({ mode: 'waiting', streams: [], poll: null });
    it.passes(501);
    expect(it.state.streams).toHaveLength(1);
  });

  test.each(['visible', 'online', 'woke'] as const)('of a check holds when the page is %s', (kind) => {
    const it = checkIsRefused();
    it.passes(5_000);
    it.happens('offline');
    it.happens(kind);
    it.passes(5_000);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    expect(it.state.streams).toHaveLength(1);
  });

  test('of a check holds for the next stream of a handover', () => {
    const it = checkIsRefused();
    it.handover('30-3~aaaaaa');
    it.passes(2_000);
    expect(it.state.streams).toHaveLength(1);
    it.ends();
    it.passes(57_999);
    expect(it.state.streams).toHaveLength(0);
    it.passes(501);
    expect(it.state.streams).toHaveLength(1);
  });

  test.each([
    ['hidden', 'visible'],
    ['frozen', 'restored'],
    ['disabled', 'enabled'],
  ] as const)('holds when the page is %s and %s', (away, back) => {
    const it = reader();
    it.sends();
    it.isRefused(429, { retryAfterMs: 300_000 });
    it.happens(away);
    it.passes(61_000);
    expect(it.state.mode).toBe('paused');
    it.happens(back);
    expect(it.state.streams).toHaveLength(0);
    it.passes(238_999);
    expect(it.state).toMatchObject({ mode: 'waiting', streams: [], poll: null });
    it.passes(501);
    expect(it.state.streams).toHaveLength(1);
  });

  test('holds for a poll that a pause has ended', () => {
    const it = pollingReader();
    it.pollIsRefused(503, { retryAfterMs: 300_000 });
    it.happens('hidden');
    it.passes(61_000);
    it.happens('visible');
    it.passes(238_999);
    expect(it.state).toMatchObject({ mode: 'waiting', streams: [], poll: null });
    it.passes(501);
    expect(it.state).toMatchObject({ mode: 'polling', poll: {} });
  });

  test.each(['visible', 'online', 'woke', 'restored'] as const)(
    'of a probe holds for probes alone when the page is %s',
    (kind) => {
      const it = pollingReader();
      while (it.state.streams.length === 0) it.passes(100);
      it.isRefused(503, { retryAfterMs: 120_000 });
      const end = it.now + 119_999;
      it.isPolled([], '30-3~aaaaaa');
      it.passes(1_000);
      it.happens('offline');
      it.happens(kind);
      expect(it.state.poll).not.toBeNull();
      while (it.now < end) {
        expect(it.state.streams).toHaveLength(0);
        if (it.state.poll !== null) it.isPolled([], '30-3~aaaaaa');
        it.passes(Math.min(500, end - it.now));
      }
      it.passes(1);
      expect(it.state.streams).toHaveLength(1);
    },
  );

  test('of a poll holds for checks after the hello of a probe', () => {
    const it = pollingReader();
    while (it.state.streams.length === 0) {
      if (it.state.poll !== null) it.isPolled([], '30-3~aaaaaa');
      it.passes(100);
    }
    while (it.state.poll === null) it.passes(100);
    it.pollIsRefused(503, { retryAfterMs: 60_000 });
    const end = it.now + 59_999;
    it.goesLive('30-3~aaaaaa', it.stream().key, 1_000_000);
    while (it.now < end) {
      it.passes(Math.min(1_000, end - it.now));
      it.bytes();
      expect(it.state.poll).toBeNull();
    }
    it.passes(1_000);
    expect(it.state.poll).not.toBeNull();
  });

  test('of a catch-up holds for the next one', () => {
    const it = reader();
    it.happens('standBy');
    it.happens('catchUp');
    it.pollIsRefused(503, { retryAfterMs: 60_000 });
    it.happens('standBy');
    it.happens('catchUp');
    it.passes(59_999);
    expect(it.state.poll).toBeNull();
    it.passes(501);
    expect(it.state.poll).not.toBeNull();
  });

  test('gives way to the user’s retry, whatever it was for', () => {
    const it = checkIsRefused();
    it.happens('retry');
    it.sends();
    it.passes(2_500);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: {} });
  });
});
