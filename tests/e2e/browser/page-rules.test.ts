import { describe, expect, test } from 'vitest';
import { createPulse } from '../../../app/_feed/activity.tsx';
import { type LifeMoment, lifeAfter } from '../../../app/_feed/connection-panel.tsx';
import { createDisturbedFetch } from '../../../app/_feed/fault-injection.tsx';
import { ageText, skewOf } from '../../../app/_feed/time.tsx';
import { entryTest, typesOf } from '../../../app/_feed/toolbar.tsx';
import { eventEntry, gapEntry } from '../../../lib/client/transport/feed-items.ts';
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
])('%i ms ago is told as %s', (ageMs, words) => {
  expect(ageText(ageMs)).toBe(words);
});

test('a clock is off only beyond what a page may take to come to life', () => {
  expect([29_000, -29_000].map((ms) => skewOf(1_000_000, 1_000_000 + ms))).toEqual([0, 0]);
  expect(skewOf(1_000_000, 1_000_000 - 86_400_000)).toBe(-86_400_000);
});

describe('a filter', () => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  const entries = [event(1, 'One'), event(2, { a: ['two'] }), event(3, null, 'deploy'), event(4, deep)].map(
    eventEntry,
  );
  const found = (type: string | null, text: string) =>
    entries.filter(entryTest({ type, text })).map((entry) => entry.key.split('-')[1]);

  test('finds text in data, type and seq, in whatever case', () => {
    expect(found(null, ' ONE ')).toEqual(['1']);
    expect(found(null, 'two')).toEqual(['2']);
    expect(found(null, 'deploy')).toEqual(['3']);
    expect(found(null, '#4')).toEqual(['4']);
    expect(found('deploy', 'one')).toEqual([]);
    expect(typesOf(entries)).toEqual(['deploy', 'message']);
  });

  test('never hides a gap', () => {
    expect([gapEntry(gap)].filter(entryTest({ type: 'none', text: 'none' }))).toHaveLength(1);
  });
});

describe('the pulse', () => {
  test('counts the events of each whole second, and keeps the slowest', () => {
    let now = 100_000;
    const pulse = createPulse(() => now);
    pulse.note(event(1, ''), 20);
    pulse.note(event(2, ''), 70);
    now += 1_000;
    pulse.note(event(3, ''), 5);
    expect(pulse.seconds().at(-1)).toEqual({ count: 2, slowestMs: 70 });
    expect(pulse.total()).toBe(3);
    now += 61_000;
    expect(pulse.seconds().every(({ count }) => count === 0)).toBe(true);
  });

  test('knows for two seconds what has just come', () => {
    let now = 0;
    const pulse = createPulse(() => now);
    const fresh = event(1, '');
    pulse.note(fresh, 0);
    expect([pulse.isFresh(fresh), pulse.isFresh(event(2, ''))]).toEqual([true, false]);
    now = 2_000;
    expect(pulse.isFresh(fresh)).toBe(false);
  });
});

describe('a connection’s life', () => {
  const moment: LifeMoment = {
    status: 'streaming',
    transport: 'stream',
    role: 'alone',
    handovers: 0,
    reconnects: 0,
    holes: 0,
    gaps: [],
    reason: null,
  };

  test('is told newest first, one step for each thing that changed', () => {
    const lost = { ...moment, status: 'waiting', reconnects: 1, reason: 'log: away' } as const;
    const life = lifeAfter([], moment, lost, 5);
    expect(life.map(({ words }) => words)).toEqual([
      'Cut; waiting to try again: log: away',
      'A stream was lost (1 so far)',
    ]);
    const back = lifeAfter(life, lost, { ...lost, status: 'streaming', gaps: [gap] }, 6);
    expect(back.slice(0, 2).map(({ words }) => words)).toEqual(['Live, by a stream', '3 events are gone.']);
    expect(new Set(back.map(({ key }) => key)).size).toBe(4);
  });

  test('tells which tab reads', () => {
    const led = lifeAfter([], moment, { ...moment, role: 'follower' }, 5);
    const leads = lifeAfter(led, { ...moment, role: 'follower' }, { ...moment, role: 'leader' }, 6);
    expect(leads.map(({ words }) => words)).toEqual([
      'This tab reads for all tabs of this feed',
      'Another tab reads for this one',
    ]);
  });

  test('does not grow for ever, nor by what has not changed', () => {
    let life = lifeAfter([], moment, moment, 0);
    expect(life).toEqual([]);
    for (let handovers = 1; handovers <= 300; handovers += 1) {
      life = lifeAfter(life, { ...moment, handovers: handovers - 1 }, { ...moment, handovers }, handovers);
    }
    expect(life).toHaveLength(100);
  });
});

describe('a fetch that can be disturbed', () => {
  const hanging: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });

  test('cuts what is open', async () => {
    const disturbed = createDisturbedFetch(hanging);
    const answer = disturbed.fetch('/api/stream?channel=feed');
    disturbed.cut();
    await expect(answer).rejects.toThrow('cut by hand');
  });

  test('lets no stream through while blocked, but polls', async () => {
    let asked = 0;
    const disturbed = createDisturbedFetch(async () => {
      asked += 1;
      return new Response('');
    });
    disturbed.block(true);
    const stream = disturbed.fetch('/api/stream?channel=feed');
    await disturbed.fetch('/api/events?channel=feed');
    expect(asked).toBe(1);
    disturbed.block(false);
    await expect(stream).rejects.toThrow('cut by hand');
    await disturbed.fetch('/api/stream?channel=feed');
    expect(asked).toBe(2);
  });

  test('still obeys who asked', async () => {
    const disturbed = createDisturbedFetch(hanging);
    const ending = new AbortController();
    disturbed.block(true);
    const answer = disturbed.fetch('/api/stream', { signal: ending.signal });
    ending.abort(new Error('left'));
    await expect(answer).rejects.toThrow('left');
  });
});
