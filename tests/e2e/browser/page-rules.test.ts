import { describe, expect, test } from 'vitest';
import { createActivity } from '../../../app/_feed/activity.tsx';
import { type ConnectionSnapshot, recordChanges } from '../../../app/_feed/connection-panel.tsx';
import { createFaultyFetch } from '../../../app/_feed/faults/fault-injection.tsx';
import { formatAge, measureClockSkew } from '../../../app/_feed/time.tsx';
import { createEntryFilter, listTypes } from '../../../app/_feed/toolbar.tsx';
import { eventEntry, gapEntry } from '../../../lib/client/feed-store.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';

const event = (seq: number, data: unknown, type = 'message'): FeedEvent => ({
  id: `1000-${seq}`,
  channel: 'feed',
  type,
  time: 1_000,
  data,
});
const gap = {
  channel: 'feed',
  reason: 'trimmed',
  missed: 3,
  exact: true,
  after: '1-1',
  resumesAt: '5-5',
} as const;

test.each([
  [-86_400_000, 'now'],
  [999, 'now'],
  [Number.NaN, 'now'],
  [1_000, '1 s ago'],
  [59_999, '59 s ago'],
  [60_000, '1 min ago'],
  [3_600_000, '1 h ago'],
  [200_000_000, '2 d ago'],
])('%i ms ago is shown as %s', (ageMs, words) => {
  expect(formatAge(ageMs)).toBe(words);
});

test('a clock counts as wrong only if it is off by more than a slow hydration takes', () => {
  expect([29_000, -29_000].map((ms) => measureClockSkew(1_000_000, 1_000_000 + ms))).toEqual([0, 0]);
  expect(measureClockSkew(1_000_000, 1_000_000 - 86_400_000)).toBe(-86_400_000);
});

describe('a filter', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  const entries = [event(1, 'One'), event(2, { a: ['two'] }), event(3, null, 'deploy'), event(4, deep)].map(
    eventEntry,
  );
  const found = (type: string | null, text: string) =>
    entries.filter(createEntryFilter({ type, text })).map((entry) => entry.key.split('-')[1]);

  test('finds text in data, type and seq, in upper or lower case', () => {
    expect(found(null, ' ONE ')).toEqual(['1']);
    expect(found(null, 'two')).toEqual(['2']);
    expect(found(null, 'deploy')).toEqual(['3']);
    expect(found(null, '#4')).toEqual(['4']);
    expect(found('deploy', 'one')).toEqual([]);
    expect(listTypes(entries)).toEqual(['deploy', 'message']);
  });

  test('never hides a gap', () => {
    expect([gapEntry(gap)].filter(createEntryFilter({ type: 'none', text: 'none' }))).toHaveLength(1);
  });
});

describe('the activity', () => {
  test('counts the events of each complete second, and keeps the slowest', () => {
    let now = 100_000;
    const activity = createActivity(() => now);
    activity.record(event(1, ''), 20);
    activity.record(event(2, ''), 70);
    now += 1_000;
    activity.record(event(3, ''), 5);
    expect(activity.seconds().at(-1)).toEqual({ count: 2, slowestMs: 70 });
    expect(activity.total()).toBe(3);
    now += 61_000;
    expect(activity.seconds().every(({ count }) => count === 0)).toBe(true);
  });

  test('remembers for two seconds which events are new', () => {
    let now = 0;
    const activity = createActivity(() => now);
    const recent = event(1, '');
    activity.record(recent, 0);
    expect([activity.isRecent(recent), activity.isRecent(event(2, ''))]).toEqual([true, false]);
    now = 2_000;
    expect(activity.isRecent(recent)).toBe(false);
  });
});

describe('the history of a connection', () => {
  const connection: ConnectionSnapshot = {
    status: 'streaming',
    transport: 'stream',
    role: 'alone',
    handovers: 0,
    reconnects: 0,
    discontinuities: 0,
    gaps: [],
    reason: null,
    pollingReason: null,
  };

  test('lists the newest first, one step for each change', () => {
    const lost = { ...connection, status: 'waiting', reconnects: 1, reason: 'log: away' } as const;
    const history = recordChanges([], connection, lost, 5);
    expect(history.map(({ text }) => text)).toEqual([
      'Disconnected; waiting to reconnect: log: away',
      'A stream was lost (1 so far)',
    ]);
    const back = recordChanges(history, lost, { ...lost, status: 'streaming', gaps: [gap] }, 6);
    expect(back.slice(0, 2).map(({ text }) => text)).toEqual(['Live on a stream', '3 events are gone.']);
    expect(new Set(back.map(({ key }) => key)).size).toBe(4);
  });

  test('says which tab reads', () => {
    const led = recordChanges([], connection, { ...connection, role: 'follower' }, 5);
    const leads = recordChanges(
      led,
      { ...connection, role: 'follower' },
      { ...connection, role: 'leader' },
      6,
    );
    expect(leads.map(({ text }) => text)).toEqual([
      'This tab now reads for all tabs of this feed',
      'Another tab now reads for this one',
    ]);
  });

  test('has a limited length, and gets no step without a change', () => {
    let history = recordChanges([], connection, connection, 0);
    expect(history).toEqual([]);
    for (let handovers = 1; handovers <= 300; handovers += 1) {
      history = recordChanges(
        history,
        { ...connection, handovers: handovers - 1 },
        { ...connection, handovers },
        handovers,
      );
    }
    expect(history).toHaveLength(100);
  });
});

describe('a fetch with faults', () => {
  const hanging: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });

  test('cuts open responses', async () => {
    const faulty = createFaultyFetch(hanging);
    const answer = faulty.fetch('/api/stream?channel=feed');
    faulty.cut();
    await expect(answer).rejects.toThrow('cut by the fault buttons');
  });

  test('blocks streams but not polls', async () => {
    let requests = 0;
    const faulty = createFaultyFetch(async () => {
      requests += 1;
      return new Response('');
    });
    faulty.blockStreams(true);
    const stream = faulty.fetch('/api/stream?channel=feed');
    await faulty.fetch('/api/events?channel=feed');
    expect(requests).toBe(1);
    faulty.blockStreams(false);
    await expect(stream).rejects.toThrow('cut by the fault buttons');
    await faulty.fetch('/api/stream?channel=feed');
    expect(requests).toBe(2);
  });

  test('still obeys the caller’s abort signal', async () => {
    const faulty = createFaultyFetch(hanging);
    const controller = new AbortController();
    faulty.blockStreams(true);
    const answer = faulty.fetch('/api/stream', { signal: controller.signal });
    controller.abort(new Error('left'));
    await expect(answer).rejects.toThrow('left');
  });
});
