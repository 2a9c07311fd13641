import { setTimeout as sleep } from 'node:timers/promises';
import { cpuTickMs } from '../bench-server.ts';
import { loadOf, type Stand, settle, withStand } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

const perDelivery = 'CPU time of one delivery';
const atFirst = 'memory after garbage collection, at first';
const atLast = 'memory after garbage collection, three minutes later';
const spansHeld = 'spans in memory';

/** The cost of counting, of metrics, and of spans. */
export const telemetryCases: readonly Case[] = [
  {
    name: 'telemetry',
    what: '500 readers, one event at a time; without counters, with counters, with a collector of OpenTelemetry',
    contestants: ['steadfeed', 'steadfeedUncounted', 'steadfeedMetrics', 'steadfeedTraced'],
    figures: [
      {
        name: perDelivery,
        unit: 'µs',
        goals: [
          { of: 'steadfeed', to: ['steadfeedUncounted'], atMost: 1.05 },
          { of: 'steadfeedMetrics', to: ['steadfeed'], atMost: 1.05 },
          { of: 'steadfeedTraced', to: ['steadfeed'], atMost: 1.15 },
        ],
      },
    ],
    run: (contestant, size) => withStand(contestant, size, (stand) => measureDeliveries(stand, size)),
  },
  {
    name: 'telemetry-streams',
    what: '300 streams open for three minutes with metrics and spans, five events a second',
    contestants: ['steadfeedTraced'],
    figures: [
      { name: atFirst, unit: 'MB', goals: [] },
      { name: atLast, unit: 'MB', goals: [{ of: 'steadfeedTraced', to: [{ own: atFirst }], atMost: 1.05 }] },
      // One for each of the last requests to publish, which wait for the next export, and none for a stream.
      { name: spansHeld, unit: '', goals: [{ of: 'steadfeedTraced', atMost: 100 }] },
    ],
    isCounted: true,
    run: (contestant, size) => withStand(contestant, size, (stand) => measureStreams(stand, size)),
  },
];

async function measureDeliveries({ open, publish, server }: Stand, size: Size): Promise<Measured> {
  const [readers, events] = size === 'full' ? [500, 400] : [20, 20];
  await open(readers);
  const before = server.cpuMs();
  const result = await publish({ events, isStepwise: true });
  const usedMs = Math.max(cpuTickMs, server.cpuMs() - before);
  return { figures: { [perDelivery]: (usedMs * 1_000) / result.count }, clientLoad: loadOf(result) };
}

async function measureStreams({ open, publish, server }: Stand, size: Size): Promise<Measured> {
  const [readers, seconds] = size === 'full' ? [300, 180] : [20, 1];
  await open(readers);
  // The ring is full from the beginning.
  await publish({ events: size === 'full' ? 3_000 : 30, batch: 20 });
  await settle(size);
  const firstKb = await server.heldKb();
  let load = { cpuMs: 0, wallMs: 0 };
  for (let left = seconds; left > 0; left -= 30) {
    const { cpuMs, wallMs } = await publish({ events: Math.min(30, left) * 5, everyMs: 200 });
    load = { cpuMs: load.cpuMs + cpuMs, wallMs: load.wallMs + wallMs };
  }
  // The exporter sends every five seconds.
  await sleep(size === 'full' ? 7_000 : 100);
  const lastKb = await server.heldKb();
  return {
    figures: { [atFirst]: firstKb / 1_024, [atLast]: lastKb / 1_024, [spansHeld]: server.spansHeld() },
    clientLoad: loadOf(load),
  };
}
