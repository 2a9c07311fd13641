import { loadOf, withStand } from '../stand.ts';
import type { Case } from './case.ts';

/** The time from publishing an event until a reader has it, for several numbers of readers. */
export const latencyCases: readonly Case[] = [100, 1_000].map((readers) => ({
  name: `latency-${readers}`,
  what: `${readers.toLocaleString('en-US')} readers, ten events a second`,
  contestants: ['steadfeed', 'bareNode', 'betterSse', 'plainNext'],
  figures: ['latency p50', 'latency p99'].map((name) => ({
    name,
    unit: 'ms',
    goals: [{ to: ['bareNode'], atMost: 1.5 }],
  })),
  run: (contestant, size) =>
    withStand(contestant, size, async ({ open, publish }) => {
      await open(size === 'full' ? readers : 20);
      const result = await publish({ events: size === 'full' ? 50 : 5, everyMs: 100 });
      const { p50Ms, p99Ms } = result;
      return {
        figures: { 'latency p50': p50Ms ?? Number.NaN, 'latency p99': p99Ms ?? Number.NaN },
        clientLoad: loadOf(result),
      };
    }),
}));
