import { describe, expect, test } from 'vitest';
import { timersOf } from '../../../lib/client/connection/state.ts';
import { statusOf } from '../../../lib/client/connection/status.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { reader, streamingReader } from '../../support/client/reader.ts';

/** A stream that brings bytes, and no hello. */
function openReader(...args: Parameters<typeof reader>) {
  const it = reader(...args);
  it.sends();
  it.bytes();
  return it;
}

describe('a poll checks what a stream should have brought', () => {
  test('2.5 s after the start, if no stream has said hello', () => {
    const it = openReader();
    it.passes(2_499);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: { after: '30-3~aaaaaa', waitSeconds: 0 } });
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expect(statusOf(it.state)).toBe('connecting');
  });

  test('also where something outside drives the polls', () => {
    const it = openReader({ hasPollDriver: true });
    it.passes(2_500);
    expect(it.state.poll).not.toBeNull();
  });

  test('and again after the interval that the server advises, whatever bytes come', () => {
    const it = openReader({ firstByteMs: 60_000, helloMs: 60_000 });
    const polls = new Set<number>();
    for (let each = 0; each < 100; each += 1) {
      it.passes(100);
      it.bytes();
      if (it.state.poll === null) continue;
      polls.add(it.state.poll.key);
      it.isPolled([], '30-3~aaaaaa', { everyMs: 3_000 });
    }
    expect(polls.size).toBe(3);
  });

  test('each 2 s where the server advises long polls: a check is not held', () => {
    const it = openReader({ firstByteMs: 60_000, helloMs: 60_000 });
    it.passes(2_500);
    it.isPolled([], '30-3~aaaaaa', { everyMs: 0, waitSeconds: 20 });
    it.passes(1_999);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state.poll?.waitSeconds).toBe(0);
  });

  test('at once if the last check did not reach the end of the log', () => {
    const it = openReader();
    it.passes(2_500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { more: true });
    expect(it.state.poll?.after).toBe('40-4~aaaaaa');
  });

  test('2.5 s after a stream was lost, while the client waits or connects', () => {
    const it = streamingReader({ backoffMs: 16_000 });
    it.disconnects();
    it.passes(2_500);
    expect(it.state).toMatchObject({ mode: 'waiting', poll: { after: '30-3~aaaaaa' } });
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    it.passes(2_000);
    expect(it.state).toMatchObject({ mode: 'waiting', poll: { after: '40-4~aaaaaa' } });
    it.passes(4_000);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: { after: '40-4~aaaaaa' } });
  });

  test('2.5 s after the old stream of a handover has ended, if the next one has said no hello', () => {
    const it = streamingReader();
    it.passes(20_000);
    it.heartbeat('30-3~aaaaaa');
    it.handover('30-3~aaaaaa');
    it.sends();
    it.bytes();
    it.ends(it.stream(0).key);
    it.passes(2_500);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: {} });
  });

  test('2.5 s after a heartbeat is missing, until bytes come again', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.bytes();
    it.passes(17_499);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    it.isPolled([], '30-3~aaaaaa');
    it.passes(2_000);
    expect(it.state.poll).not.toBeNull();
    it.bytes();
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    it.passes(17_499);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    expect(it.accepted).toEqual(['40-4']);
  });

  test('half a heartbeat after one of 2 s is missing: something loses connections here', () => {
    const it = reader();
    it.goesLive(undefined, undefined, null, 2_000);
    it.passes(2_000);
    it.bytes();
    it.passes(2_999);
    expect(it.state.poll).toBeNull();
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: {} });
  });

  test('of a silent stream with the limits of a return: idle connections may be dead too', () => {
    const it = streamingReader();
    it.passes(17_500);
    const polls: (number | undefined)[] = [it.state.poll?.key];
    const limits: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      const startedAt = it.now;
      while (it.state.poll?.key === polls.at(-1)) it.passes(100);
      limits.push(it.now - startedAt);
      polls.push(it.state.poll?.key);
    }
    expect(limits).toEqual([800, 1_600, 3_200]);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
  });

  test('but no longer once a stream says hello, and what both bring comes once', () => {
    const it = openReader();
    it.passes(2_500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    it.passes(2_000);
    it.goesLive();
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    it.gets([eventItem(4), eventItem(5)]);
    expect(it.accepted).toEqual(['40-4', '50-5']);
  });

  test('but not with the transport "stream"', () => {
    const it = openReader({ transport: 'stream' });
    it.passes(9_000);
    expect(it.state.poll).toBeNull();
    it.goesLive();
    it.passes(30_000);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
    it.disconnects();
    expect(timersOf(it.state).map(({ name }) => name)).toEqual(['retry']);
  });

  test('but not before the Retry-After of a stream is over', () => {
    const it = reader();
    it.isRefused(503, { retryAfterMs: 20_000 });
    it.passes(20_000);
    expect(it.state).toMatchObject({ mode: 'waiting', poll: null });
    it.passes(500);
    expect(it.state).toMatchObject({ mode: 'connecting', poll: null });
    it.sends();
    it.passes(2_500);
    expect(it.state.poll).not.toBeNull();
  });

  test('but not before the Retry-After of the next stream of a handover is over, while the old one is silent', () => {
    const it = streamingReader();
    it.passes(10_000);
    it.handover('30-3~aaaaaa');
    it.sends();
    it.isRefused(429, { retryAfterMs: 30_000 });
    it.passes(29_000);
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null });
  });
});

describe('a check that is answered', () => {
  test('when a stream has brought bytes for 4 s and no hello ends that stream, and the client polls', () => {
    const it = openReader();
    it.passes(2_500);
    it.isPolled([], '30-3~aaaaaa');
    it.passes(1_500);
    expect(it.state.mode).toBe('connecting');
    it.bytes();
    it.passes(500);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'polling', streams: [], pollFailures: 0 });
    it.passes(2_000);
    expect(it.state.poll?.after).toBe('40-4~aaaaaa');
  });

  test('when the server could not be reached before lets the client connect at once', () => {
    const it = reader({ backoffMs: 20_000 });
    it.sends();
    it.disconnects();
    it.passes(2_500);
    it.isPolled([], '30-3~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'connecting', streams: [{ phase: 'preparing' }] });
  });
});

describe('a check that fails', () => {
  test('is no failure of the connection: the stream has its 10 s for the hello', () => {
    const it = openReader();
    it.passes(2_500);
    it.pollFails();
    expect(statusOf(it.state)).toBe('connecting');
    it.passes(7_499);
    expect(it.state.mode).toBe('connecting');
    it.passes(1);
    expect(it.state).toMatchObject({ mode: 'waiting', failures: 1 });
  });

  test.each([400, 401, 403, 500])('with status %i does not stop a stream', (status) => {
    const it = streamingReader();
    it.passes(17_500);
    const poll = it.state.poll?.key ?? -1;
    it.tell({ kind: 'pollRefused', poll, refusal: { status, retryAfterMs: null, problem: null } });
    expect(it.state).toMatchObject({ mode: 'streaming', poll: null, problem: null, tokenVersion: 0 });
    expect(statusOf(it.state)).toBe('streaming');
  });

  test('is followed by the next one after a wait that doubles: not more than one in 2 s', () => {
    const it = reader({ transport: 'auto', helloMs: 1e9, firstByteMs: 1e9 });
    it.chance(0.999999);
    const waits: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      const begun = it.now;
      while (it.state.poll === null && it.now < begun + 60_000) it.passes(50);
      waits.push(Math.round((it.now - begun) / 100) / 10);
      it.pollFails();
    }
    expect(waits).toEqual([2.5, 2, 2, 2, 4, 8, 16, 30, 30]);
  });

  test('with a Retry-After holds up streams too', () => {
    const it = openReader();
    it.passes(2_500);
    const refusal = { status: 503, retryAfterMs: 30_000, problem: null };
    it.tell({ kind: 'pollRefused', poll: it.state.poll?.key ?? -1, refusal });
    it.disconnects();
    it.happens('visible');
    it.passes(29_999);
    expect(it.state).toMatchObject({ mode: 'waiting', poll: null, streams: [] });
    it.passes(501);
    expect(it.state.mode).toBe('connecting');
  });

  test('with a Retry-After while the client waits moves the next try', () => {
    const it = streamingReader({ backoffMs: 10_000 });
    it.disconnects();
    it.passes(2_500);
    const refusal = { status: 503, retryAfterMs: 30_000, problem: null };
    it.tell({ kind: 'pollRefused', poll: it.state.poll?.key ?? -1, refusal });
    it.passes(29_999);
    expect(it.state).toMatchObject({ mode: 'waiting', poll: null });
  });
});
