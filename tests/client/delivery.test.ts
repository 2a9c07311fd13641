import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { createDelivery } from '../../lib/client/delivery.ts';
import type { FeedOptions } from '../../lib/client/feed-options.ts';
import { createBackPressure } from '../../lib/client/transport/back-pressure.ts';
import type { FeedItem } from '../../lib/client/transport/messages.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

const epoch = 'aaaaaa';
const event = (seq: number): FeedItem => ({
  kind: 'event',
  event: { id: `${seq}-${seq}`, channel: 'feed', type: 'message', time: seq, data: seq },
  position: { id: { time: seq, seq }, epoch },
});
const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index));
const gap = (after: number): FeedItem => ({
  kind: 'gap',
  gap: {
    channel: 'feed',
    reason: 'trimmed',
    missed: 1,
    exact: true,
    after: `${after}-${after}`,
    resumesAt: null,
  },
  position: { id: { time: after, seq: after }, epoch },
});

/** A delivery, and what the app was told, in order. `answer` is what `onEvents` returns. */
function setUp(answer: () => void | Promise<void> = () => {}, more: Pick<FeedOptions, 'onEvent'> = {}) {
  const clock = createManualClock();
  const app = createBackPressure(clock);
  const told: unknown[] = [];
  const delivery = createDelivery(
    {
      onEvents(batch) {
        told.push(batch.map(({ data }) => data));
        return answer();
      },
      onGap: ({ after }) => void told.push(`gap after ${after}`),
      ...more,
    },
    clock,
    app,
  );
  return { ...delivery, clock, app, told };
}

test('the events of one update are one call, at once and in order', () => {
  const { deliver, told } = setUp();
  deliver(events(1, 49));
  deliver([event(50)]);
  deliver([]);
  expect(told).toEqual([Array.from({ length: 49 }, (_, index) => index + 1), [50]]);
});

test('a gap in the middle of an update splits it, and comes between the two calls', () => {
  const { deliver, told } = setUp();
  deliver([event(1), event(2), gap(2), event(4), gap(4)]);
  deliver([gap(5), gap(6), event(8)]);
  expect(told).toEqual([
    [1, 2],
    'gap after 2-2',
    [4],
    'gap after 4-4',
    'gap after 5-5',
    'gap after 6-6',
    [8],
  ]);
});

test('the pieces of a replay are one call, when nothing has come for 100 ms', async () => {
  const { deliver, told, clock } = setUp();
  deliver(events(1, 300));
  await clock.advance(99);
  deliver(events(301, 302));
  await clock.advance(99);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([Array.from({ length: 302 }, (_, index) => index + 1)]);
  deliver([event(303)]);
  expect(told).toHaveLength(2);
});

test('a feed that is busy all the time waits for no quiet: a call comes after 250 ms', async () => {
  const { deliver, told, clock } = setUp();
  for (let seq = 1; seq <= 250; seq += 50) {
    deliver(events(seq, seq + 49));
    await clock.advance(50);
  }
  expect(told).toEqual([Array.from({ length: 250 }, (_, index) => index + 1)]);
});

test('a gap ends the wait of a replay, and so does a flush; no event comes twice', async () => {
  const { deliver, flush, told, clock } = setUp();
  deliver(events(1, 50));
  deliver([gap(50), ...events(52, 101)]);
  flush();
  await clock.advance(1_000);
  flush();
  expect(told.map((each) => (Array.isArray(each) ? each.length : each))).toEqual([50, 'gap after 50-50', 50]);
});

test('what follows a gap waits for the promise of the events before it, and the app is busy until the end', async () => {
  const releases: (() => void)[] = [];
  const { deliver, told, app } = setUp(() => new Promise((resolve) => void releases.push(resolve)));
  deliver([event(1), gap(1), event(3)]);
  expect([told, app.busyMs()]).toEqual([[[1]], 0]);
  releases[0]?.();
  await pause(0);
  expect([told, app.busyMs()]).toEqual([[[1], 'gap after 1-1', [3]], 0]);
  releases[1]?.();
  await pause(0);
  expect(app.busyMs()).toBeNull();
});

test('with both callbacks the app gets each event before the events of its update, and gaps in their place', () => {
  const all: unknown[] = [];
  const { deliver, told } = setUp(() => void all.push('onEvents'), {
    onEvent: ({ data }) => void all.push(data),
  });
  deliver([event(1), event(2), gap(2), event(4)]);
  expect(all).toEqual([1, 2, 'onEvents', 4, 'onEvents']);
  expect(told).toEqual([[1, 2], 'gap after 2-2', [4]]);
});

test('a callback that throws or rejects is reported, and the next ones are called', async () => {
  const reported = vi.fn();
  vi.stubGlobal('queueMicrotask', (run: () => void) => {
    try {
      run();
    } catch (error) {
      reported(error);
    }
  });
  const faults = [() => Promise.reject(new Error('rejects')), () => assertNever()];
  const { deliver, told } = setUp(() => faults.shift()?.());
  deliver([event(1), gap(1), event(3), gap(3), event(5)]);
  await pause(0);
  vi.unstubAllGlobals();
  expect(told).toEqual([[1], 'gap after 1-1', [3], 'gap after 3-3', [5]]);
  expect(reported.mock.calls).toEqual([[new Error('rejects')], [new Error('throws')]]);
});

function assertNever(): never {
  throw new Error('throws');
}
