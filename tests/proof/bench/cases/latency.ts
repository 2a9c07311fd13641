import { loadOf, type Stand, type StandOptions, withStand } from '../stand.ts';
import type { Case, Goal, Measured, Size } from './case.ts';

const contestants = ['steadfeed', 'bareNode', 'betterSse', 'plainNext', 'trpc'] as const;

/** The time from publishing an event until a reader has it, for several numbers of readers. */
export const latencyCases: readonly Case[] = [
  ...[100, 1_000].map((readers) =>
    latencyCase(
      `latency-${readers}`,
      `${readers.toLocaleString('en-US')} readers, ten events a second`,
      readers,
      [{ to: ['bareNode'], atMost: 1.5 }],
    ),
  ),
  latencyCase(
    'latency-published',
    "100 readers, ten events a second, published by the server's own code",
    100,
    [{ to: ['betterSse'], atMost: 1 }],
    { inlet: 'line' },
  ),
];

function latencyCase(
  name: string,
  what: string,
  readers: number,
  goals: readonly Goal[],
  options: StandOptions = {},
): Case {
  return {
    name,
    what,
    contestants,
    figures: ['latency p50', 'latency p99'].map((figure) => ({ name: figure, unit: 'ms', goals })),
    run: (contestant, size) => withStand(contestant, size, (stand) => measure(stand, readers, size), options),
  };
}

async function measure({ open, publish }: Stand, readers: number, size: Size): Promise<Measured> {
  await open(size === 'full' ? readers : 20);
  const result = await publish({ events: size === 'full' ? 50 : 5, everyMs: 100 });
  const { p50Ms, p99Ms } = result;
  return {
    figures: { 'latency p50': p50Ms ?? Number.NaN, 'latency p99': p99Ms ?? Number.NaN },
    clientLoad: loadOf(result),
  };
}
