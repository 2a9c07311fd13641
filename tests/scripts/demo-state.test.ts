import { describe, expect, test } from 'vitest';
import { schemaOf } from '../../lib/config/event-types.ts';
import {
  hostEvents,
  hostName,
  type Look,
  lookAt,
  publishHost,
  readPsLine,
} from '../../scripts/demo/hosts.ts';
import { type DemoLife, type DemoPublish, publishJobs } from '../../scripts/demo/job.ts';
import { root } from '../support/root.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

type Sent = Parameters<DemoPublish>[0][number];

/** What the demo publishes while `ms` pass. */
async function sentIn(ms: number, run: (publish: DemoPublish, life: DemoLife) => Promise<unknown>) {
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

/** A look at the machine `web-1` with two cores, and at its process `redis`. */
function lookOf(seconds: number, machineBusyMs: number, redisBusyMs: number, redisPid = 7): Look {
  const usages = new Map([
    ['web-1', { pid: 0, busyMs: machineBusyMs, memoryBytes: 3.14e9, load: 0.756 }],
    ['web-1:redis', { pid: redisPid, busyMs: redisBusyMs, memoryBytes: 12.34e6, load: null }],
  ]);
  return { coreMs: seconds * 2_000, usages };
}

describe('the demo', () => {
  test('reports a machine and its processes in the same unit: the part of all cores since the last look', () => {
    expect(hostEvents(lookOf(10, 5_000, 100), lookOf(12, 6_000, 150))).toEqual([
      {
        ...{ channel: 'public:demo-hosts', type: 'host', subject: 'web-1', ttlSeconds: 10 },
        data: { busyPercent: 25, memoryMegabytes: 3_140, load: 0.76 },
      },
      {
        ...{ channel: 'public:demo-hosts', type: 'host', subject: 'web-1:redis', ttlSeconds: 10 },
        data: { busyPercent: 1.3, memoryMegabytes: 12.3, load: null },
      },
    ]);
  });

  test('leaves out a process that has just started in place of another one', () => {
    const events = hostEvents(lookOf(10, 5_000, 100), lookOf(12, 6_000, 40, 8));
    expect(events.map(({ subject }) => subject)).toEqual(['web-1']);
  });

  test('reports every 2 s', async () => {
    let seconds = 0;
    const look = async () => {
      seconds += 2;
      return lookOf(seconds, 0, 0);
    };
    const sent = await sentIn(6_100, (...life) => publishHost(look, ...life));
    expect(sent.filter(({ subject }) => subject === 'web-1')).toHaveLength(3);
  });

  test('measures this machine and a process of it as the schema of their events wants', async () => {
    const processes = new Map([
      ['test', process.pid],
      ['none', 2 ** 22 + 1],
    ]);
    const before = await lookAt('here', processes);
    const endMs = performance.now() + 300;
    while (performance.now() < endMs);
    const now = await lookAt('here', processes);

    const events = hostEvents(before, now);
    expect(events.map(({ subject }) => subject)).toEqual(['here', 'here:test']);
    for (const { data } of events) expect(schemaOf('host')?.parse(data) ?? data).toEqual(data);
    const [machine, own] = events.map(({ data }) => data as { busyPercent: number; memoryMegabytes: number });
    expect(own?.busyPercent).toBeGreaterThan(0);
    expect(own?.memoryMegabytes).toBeGreaterThan(20);
    expect(machine?.memoryMegabytes).toBeGreaterThan(own?.memoryMegabytes ?? 0);
  });

  test('reads the time and the memory of a process as ps of macOS prints them', () => {
    expect(readPsLine(7, '  61:02.50  48256\n')).toEqual({
      ...{ pid: 7, busyMs: 3_662_500, memoryBytes: 48_256 * 1_024, load: null },
    });
    expect(readPsLine(7, '')).toBeNull();
  });

  test('names this machine as a subject may be named', () => {
    expect(hostName()).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
  });

  test('runs one job after the other, each in a channel that ends with its last file', async () => {
    const sent = await sentIn(75_000, (...life) => publishJobs(root, ...life));
    const named = sent
      .filter(({ subject }) => subject === 'demo:job')
      .map(({ data }) => (data as { channel: string }).channel);
    expect(new Set(named).size).toBe(2);
    const first = sent.filter(({ channel }) => channel === named[0]);
    const counts = first.map(({ data }) => data as { done: number; total: number });
    expect(counts[0]?.done).toBe(0);
    expect(counts.at(-1)?.done).toBe(counts[0]?.total);
    expect(first.filter(({ end }) => end === true)).toEqual([first.at(-1)]);
  });
});
