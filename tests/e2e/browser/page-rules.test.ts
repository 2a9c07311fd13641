import { describe, expect, test, vi } from 'vitest';
import { type ConnectionSnapshot, recordChanges } from '../../../app/_feed/connection-history.ts';
import { createFaultyFetch } from '../../../app/_feed/faults/faulty-fetch.ts';
import { ribbonSeconds, spanAt } from '../../../app/_feed/ribbon/draw.ts';
import {
  countEvents,
  createRecord,
  describeRecord,
  sumUpLatencies,
} from '../../../app/_feed/ribbon/record.ts';
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

describe('the record of the ribbon', () => {
  /** A record at `clock.now`, and a request that ends when the test says so. */
  function newRecord() {
    const clock = { now: 100_000 };
    return { clock, record: createRecord(() => clock.now) };
  }
  const streamOf = (body: ReadableStream<Uint8Array>) => async () => new Response(body);
  function newBody() {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(given) {
        controller = given;
      },
    });
    return {
      body,
      send: () => controller?.enqueue(new Uint8Array(1)),
      end: () => controller?.close(),
      fail: () => controller?.error(new TypeError('reset')),
    };
  }

  test('has each stream from its request to its end, the next one on the other lane while both are open', async () => {
    const { clock, record } = newRecord();
    const [first, second] = [newBody(), newBody()];
    const one = await record.trace(streamOf(first.body))('/api/stream?channel=feed');
    clock.now += 10;
    first.send();
    await one.body?.getReader().read();
    clock.now += 20_000;
    await record.trace(streamOf(second.body))('/api/stream?channel=feed');
    clock.now += 50;
    first.end();
    await vi.waitFor(() => expect(record.streams()[0]?.end).toBe('ended'));
    expect(record.streams()).toEqual([
      { sentAt: 100_000, openAt: 100_010, endedAt: 120_060, end: 'ended', lane: 0 },
      { sentAt: 120_010, openAt: null, endedAt: null, end: null, lane: 1 },
    ]);
  });

  test('tells a stream that broke, one that was refused, and one that the page has left', async () => {
    const { record } = newRecord();
    const broken = newBody();
    await record.trace(streamOf(broken.body))('/api/stream');
    broken.fail();
    await record.trace(async () => new Response('', { status: 503 }))('/api/stream');
    const leaving = new AbortController();
    const left = newBody();
    await record.trace(streamOf(left.body))('/api/stream', { signal: leaving.signal });
    leaving.abort();
    left.fail();
    await vi.waitFor(() => expect(record.streams().map(({ end }) => end)).toEqual(['lost', 'lost', 'left']));
  });

  test('passes a response on as it is: its status, its address and its bytes', async () => {
    const { record } = newRecord();
    const answer = new Response('data: 1\n\n', { status: 200, headers: { 'x-test': 'yes' } });
    const passed = await record.trace(async () => answer)('/api/stream');
    expect(passed).toBe(answer);
    expect(await new Response(passed.body).text()).toBe('data: 1\n\n');
  });

  test('has each poll, but not the pages of older events', async () => {
    const { record } = newRecord();
    const polling = record.trace(async () => new Response('{}'));
    await polling('/api/events?channel=feed&after=1-1');
    await polling('/api/events?channel=feed&before=1-1');
    const failing = record.trace(async () => Promise.reject(new TypeError('offline')));
    await expect(failing('/api/events?after=1-1')).rejects.toThrow('offline');
    expect(record.polls().map(({ hasFailed }) => hasFailed)).toEqual([false, true]);
  });

  test('counts events by type, with their median and worst latency, and forgets them after five minutes', () => {
    const { clock, record } = newRecord();
    for (const latencyMs of [20, 70, 5]) record.addEvent(event(1, ''), latencyMs);
    record.addEvent(event(2, '', 'deploy'), -3);
    const { counts, events } = countEvents(record, clock.now, clock.now + 500);
    expect({ counts: Object.fromEntries(counts), events }).toEqual({
      counts: { message: 3, deploy: 1 },
      events: 4,
    });
    expect(sumUpLatencies(record, clock.now, clock.now + 500)).toEqual({ medianMs: 20, worstMs: 70 });
    expect(sumUpLatencies(record, clock.now - 500, clock.now)).toBeNull();
    clock.now += 301_000;
    record.addEvent(event(3, ''), 1);
    expect(record.bucketAt(100_000)).toBeUndefined();
    expect(record.total()).toBe(5);
  });

  test('shows a rendered event at the time of its storing, without a latency', () => {
    const { record } = newRecord();
    record.addRendered(event(1, ''), 4_000);
    expect(record.bucketAt(96_000)).toMatchObject({ latencies: [], counts: new Map([['message', 1]]) });
    expect(record.total()).toBe(0);
  });

  test('has one span for each status, also when it is said again', () => {
    const { clock, record } = newRecord();
    record.addStatus('streaming', false);
    record.addStatus('streaming', false);
    clock.now += 1_000;
    record.addStatus('streaming', true);
    expect(record.statuses()).toEqual([
      { from: 100_000, status: 'streaming', isFollower: false },
      { from: 101_000, status: 'streaming', isFollower: true },
    ]);
  });

  test('says in words what it has', async () => {
    const { clock, record } = newRecord();
    await record.trace(streamOf(newBody().body))('/api/stream');
    record.addEvent(event(1, ''), 1_240);
    record.addGap(3);
    clock.now += 1_000;
    expect(describeRecord(record, 0)).toBe(
      '1 stream, 0 opened before the last one ended, 0 lost; 0 polls; 1 event; 1 gap, 3 events missing; the slowest event took 1.2 s',
    );
  });

  test('remembers for two seconds which events are new', () => {
    const { clock, record } = newRecord();
    const recent = event(1, '');
    record.addEvent(recent, 0);
    expect([record.isRecent(recent), record.isRecent(event(2, ''))]).toEqual([true, false]);
    clock.now += 2_000;
    expect(record.isRecent(recent)).toBe(false);
  });

  test('calls no event new where many arrive: nothing would stand out', () => {
    const { record } = newRecord();
    const few = [1, 2, 3, 4, 5].map((seq) => event(seq, ''));
    for (const each of few) record.addEvent(each, 0);
    expect(few.every(record.isRecent)).toBe(true);
    record.addEvent(event(6, ''), 0);
    expect(few.some(record.isRecent)).toBe(false);
  });
});

test('the ribbon grows to as much time as its width has room for, and stands still for who prefers that', () => {
  expect([300, 400, 600, 2_000].map((width) => ribbonSeconds(width))).toEqual([75, 105, 150, 240]);
  expect([1_000, 60_000, 100_000, 900_000].map((openMs) => ribbonSeconds(600, openMs))).toEqual([
    40, 75, 125, 150,
  ]);
  expect(spanAt(100_000, 75, false)).toEqual({ from: 25_000, to: 100_000 });
  const spans = [100_000, 110_000, 124_000].map((now) => spanAt(now, 75, true));
  expect(new Set(spans.map(({ to }) => to))).toEqual(new Set([125_000]));
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
