import { describe, expect, test } from 'vitest';
import type { Clock } from '../../lib/core/clock.ts';
import {
  type Batch,
  collectBatches,
  makePushEvent,
  type PushEvent,
  pace,
  toBody,
} from '../../scripts/push/push-input.ts';
import { createLeapingClock } from '../support/scripts/leaping-clock.ts';
import { all, eventsOf, numbered } from '../support/scripts/push-steps.ts';

const makeEvent = (data: unknown) => makePushEvent({ channel: 'feed', type: 'message', data }, null, 'event');
const limits = { events: 10, bytes: 1_048_575, waitMs: null };
const sizes = (batches: readonly Batch[]) => batches.map((batch) => batch.length);
const never: Clock = { ...createLeapingClock(), after: () => () => {} };

/** Events that come when a test says so. */
function createTap() {
  let open = () => {};
  let waiting = new Promise<void>((resolve) => {
    open = resolve;
  });
  const queue: PushEvent[] = [];
  const events = async function* () {
    for (;;) {
      for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
      await waiting;
    }
  };
  const give = (...data: readonly unknown[]) => {
    queue.push(...data.map(makeEvent));
    open();
    waiting = new Promise<void>((resolve) => {
      open = resolve;
    });
  };
  return { events: events(), give };
}

describe('collected batches', () => {
  test('have at most the max number of events, in order, and the last has the rest', async () => {
    const batches = await all(collectBatches(eventsOf(numbered(23)), limits, never));

    expect(sizes(batches)).toEqual([10, 10, 3]);
    expect(batches.flat().map((event) => JSON.parse(event.json).data)).toEqual(
      Array.from({ length: 23 }, (_, index) => String(index + 1)),
    );
  });

  test('have exactly the max number of bytes at most', async () => {
    const two = toBody([makeEvent('a'), makeEvent('b')]).length;

    const fits = await all(collectBatches(eventsOf('a\nb\nc\n'), { ...limits, bytes: two }, never));
    const tight = await all(collectBatches(eventsOf('a\nb\nc\n'), { ...limits, bytes: two - 1 }, never));

    expect(sizes(fits)).toEqual([2, 1]);
    expect(sizes(tight)).toEqual([1, 1, 1]);
  });

  test('of the largest events stay under 1 MiB', async () => {
    const batches = await all(
      collectBatches(eventsOf(`${'x'.repeat(65_000)}\n`.repeat(20)), { ...limits, events: 500 }, never),
    );

    expect(sizes(batches)).toEqual([16, 4]);
    for (const batch of batches) expect(Buffer.byteLength(toBody(batch))).toBeLessThan(1_048_576);
  });

  test('are sent after the wait when they are not full', async () => {
    let ring = () => {};
    const clock: Clock = {
      ...never,
      after: (ms, run) => {
        expect(ms).toBe(200);
        ring = run;
        return () => {};
      },
    };
    const { events, give } = createTap();
    const batches = collectBatches(events, { ...limits, waitMs: 200 }, clock);
    give(1, 2);
    const first = batches.next();
    await new Promise(setImmediate);
    ring();

    expect((await first).value).toHaveLength(2);
  });

  test('read one event beyond the batch that is being sent, and no more', async () => {
    let given = 0;
    const events = async function* () {
      for (given = 1; ; given += 1) yield makeEvent(given);
    };
    const batches = collectBatches(events(), limits, never);
    await batches.next();
    await new Promise(setImmediate);

    expect(given).toBe(11);
  });

  test('end before a line that is not valid, whose error then follows', async () => {
    const batches = collectBatches(eventsOf('{"data":1}\n{"data":2}\nbad\n'), limits, never);

    expect((await batches.next()).value).toHaveLength(2);
    await expect(batches.next()).rejects.toThrow('line 3');
  });

  test('do not exist for an empty input', async () => {
    expect(await all(collectBatches(eventsOf('\n \n'), limits, never))).toEqual([]);
  });
});

describe('a paced input', () => {
  const signal = new AbortController().signal;

  test('yields each event at its time', async () => {
    const clock = createLeapingClock();
    const times: number[] = [];

    for await (const _ of pace(eventsOf(numbered(4)), 2, clock, signal)) times.push(clock.elapsed());

    expect(times).toEqual([0, 500, 1_000, 1_500]);
  });

  test('catches up with 200 ms after a long pause, and no more', async () => {
    const clock = createLeapingClock();
    const times: number[] = [];

    for await (const _ of pace(eventsOf(numbered(5)), 10, clock, signal)) {
      times.push(clock.elapsed());
      if (times.length === 1) clock.after(10_000, () => {});
    }

    expect(times.map((time) => time - 10_000)).toEqual([-10_000, 0, 0, 100, 200]);
  });
});
