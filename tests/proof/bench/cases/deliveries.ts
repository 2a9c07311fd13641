import { cpuTickMs } from '../bench-server.ts';
import type { PublishOrder } from '../load/load-orders.ts';
import { loadOf, type Stand, withStand } from '../stand.ts';
import type { Case, Measured } from './case.ts';

const perCpuSecond = { name: 'deliveries per CPU second', unit: '/s' } as const;

const contestants = ['steadfeed', 'bareNode', 'betterSse', 'plainNext'] as const;

/** CPU time of a server for one event at one reader. */
export const deliveryCases: readonly Case[] = [
  {
    name: 'fanout',
    what: '500 readers, one event at a time',
    contestants,
    figures: [{ ...perCpuSecond, goals: [{ to: ['bareNode'], atLeast: 0.6 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, (stand) =>
        size === 'full'
          ? measure(stand, 500, { events: 400, isStepwise: true })
          : measure(stand, 20, { events: 20, isStepwise: true }),
      ),
  },
  {
    name: 'burst',
    what: '500 readers, events faster than one write for each',
    contestants,
    figures: [{ ...perCpuSecond, goals: [{ to: ['bareNode'], atLeast: 1.2 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, (stand) =>
        size === 'full'
          ? measure(stand, 500, { events: 4_000, batch: 10, together: 2 })
          : measure(stand, 20, { events: 50, batch: 10, together: 2 }),
      ),
  },
];

async function measure(
  { open, publish, server }: Stand,
  readers: number,
  order: Partial<PublishOrder> & Pick<PublishOrder, 'events'>,
): Promise<Measured> {
  await open(readers);
  const before = server.cpuMs();
  const result = await publish(order);
  // The kernel counts in ticks. A smoke run can take less than one tick; count at least one.
  const cpuSeconds = Math.max(cpuTickMs, server.cpuMs() - before) / 1_000;
  return { figures: { [perCpuSecond.name]: result.count / cpuSeconds }, clientLoad: loadOf(result) };
}
