import type { CpuInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { coreEvents, type DemoPublish, publishCores, publishJobs } from '../../scripts/demo/state.ts';
import { root } from '../support/root.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

type Sent = Parameters<DemoPublish>[0][number];

/** What the demo publishes while `ms` pass. */
async function sentIn(ms: number, run: (publish: DemoPublish, life: Life) => Promise<unknown>) {
  const clock = createManualClock();
  const stop = new AbortController();
  const sent: Sent[] = [];
  const publish: DemoPublish = async (events) => {
    sent.push(...events);
    return null;
  };
  const running = run(publish, { clock, signal: stop.signal });
  await clock.advance(ms);
  stop.abort();
  await running;
  return sent;
}
type Life = Parameters<typeof publishCores>[1];

const core = (busy: number, idle: number): CpuInfo => ({
  ...{ model: '', speed: 0 },
  times: { user: busy, nice: 0, sys: 0, irq: 0, idle },
});

describe('the demo', () => {
  test('publishes how busy each core was since the last look, at most of eight, as values that expire', () => {
    const before = Array.from({ length: 9 }, () => core(100, 100));
    const events = coreEvents(before, [core(130, 170), ...before.slice(1)]);
    expect(events).toHaveLength(8);
    expect(events[0]).toEqual({
      ...{ channel: 'public:machine-state', type: 'core', subject: 'core-1', ttlSeconds: 10 },
      data: { busyPercent: 30 },
    });
    expect(events[1]?.data).toEqual({ busyPercent: 0 });
  });

  test('publishes the values of the cores every 2 s', async () => {
    const sent = await sentIn(6_100, publishCores);
    expect(sent.filter(({ subject }) => subject === 'core-1')).toHaveLength(3);
  });

  test('runs one job after the other, each in a channel that ends with its last file', async () => {
    const sent = await sentIn(75_000, (...life) => publishJobs(root, ...life));
    const named = sent
      .filter(({ subject }) => subject === 'job')
      .map(({ data }) => (data as { channel: string }).channel);
    expect(new Set(named).size).toBe(2);
    const first = sent.filter(({ channel }) => channel === named[0]);
    const counts = first.map(({ data }) => data as { done: number; total: number });
    expect(counts[0]?.done).toBe(0);
    expect(counts.at(-1)?.done).toBe(counts[0]?.total);
    expect(first.filter(({ end }) => end === true)).toEqual([first.at(-1)]);
  });
});
