import { describe, expect, test } from 'vitest';
import { schemaOf } from '../../lib/config/event-types.ts';
import { machineText, publishMachine, startMachineSampler } from '../../scripts/demo/machine.ts';
import { readEndpoint } from '../../scripts/push/push-options.ts';
import { root } from '../support/root.ts';
import { createLeapingClock } from '../support/scripts/leaping-clock.ts';
import { type Misbehaviour, startPublishServer } from '../support/scripts/publish-server.ts';

const machine = {
  load: 0.5,
  memoryUsedPercent: 37,
  diskUsedPercent: 61.25,
  uptimeSeconds: 90,
  eventLoopDelayMs: 0.3,
};

/** Publishes until `count` events are stored. */
async function publish(count: number, ...misbehaves: Misbehaviour[]) {
  const server = await startPublishServer(...misbehaves);
  const clock = createLeapingClock();
  const stop = new AbortController();
  const reason = await publishMachine(
    { sample: async () => machine, stop: () => {} },
    {
      endpoint: readEndpoint(server.url),
      unreachableAdvice: '',
      tokenAdvice: '',
      misfitAdvice: null,
      token: null,
      timeoutMs: 5_000,
      fetch,
      retries: 2,
      clock,
      signal: stop.signal,
      onRetry: () => {},
    },
    () => {
      if (server.stored.length === count) stop.abort();
    },
  );
  await server.close();
  return { server, clock, reason };
}

describe('a sample of this machine', () => {
  test('has the shape of a machine event', async () => {
    const sampler = startMachineSampler(root);

    const first = await sampler.sample();
    sampler.stop();

    expect(schemaOf('machine')?.parse(first) ?? first).toEqual(first);
    expect(Object.keys(first).sort()).toEqual(Object.keys(machine).sort());
  });

  test('has the memory and disk in use, and the uptime', async () => {
    const sampler = startMachineSampler(root);

    const { memoryUsedPercent, diskUsedPercent, uptimeSeconds } = await sampler.sample();
    sampler.stop();

    expect(memoryUsedPercent).toBeGreaterThan(0);
    expect(diskUsedPercent).toBeGreaterThan(0);
    expect(uptimeSeconds).toBeGreaterThan(0);
  });

  test('has the delay of a late timer, once', async () => {
    const sampler = startMachineSampler(root);
    await new Promise((resolve) => setTimeout(resolve, 30));
    block(200);
    await new Promise((resolve) => setTimeout(resolve, 30));

    const late = await sampler.sample();
    const next = await sampler.sample();
    sampler.stop();

    expect(late.eventLoopDelayMs).toBeGreaterThan(100);
    expect(next.eventLoopDelayMs).toBeLessThan(100);
  });

  test('reads as one line', () => {
    expect(machineText(machine)).toBe('load 0.50   memory 37.0 %   disk 61.3 %   event loop 0.30 ms late');
  });
});

describe('the machine publisher', () => {
  test('publishes a machine event each second, each with its own key', async () => {
    const { server, clock, reason } = await publish(3);

    expect(reason).toBeNull();
    expect(server.stored).toEqual(Array(3).fill({ channel: 'feed', type: 'machine', data: machine }));
    expect(new Set(server.requests.map((request) => request.key)).size).toBe(3);
    expect(clock.waits.slice(0, 2)).toEqual([1_000, 1_000]);
  });

  test('stores an event whose answer was lost once', async () => {
    const { server } = await publish(2, { kind: 'stores, then drops the answer' });

    expect(server.requests).toHaveLength(3);
    expect(server.stored).toHaveLength(2);
  });

  test('stops with the reason when the server refuses an event', async () => {
    const { reason } = await publish(1, { kind: 'refuses', status: 403, detail: 'publishing is off' });

    expect(reason).toBe('The server answered 403: publishing is off.');
  });
});

/** Holds the event loop. */
function block(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}
