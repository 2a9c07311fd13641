import { cpuTickMs } from '../bench-server.ts';
import type { PublishOrder } from '../load/load-orders.ts';
import { loadOf, type Stand, withRedis, withStand } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

const perCpuSecond = { name: 'deliveries per CPU second', unit: '/s' } as const;

const contestants = ['steadfeed', 'bareNode', 'betterSse', 'plainNext', 'trpc'] as const;

/** The other contestants on Redis hear each event as a message of Redis, by the same transport. */
const onRedis = ['steadfeedRedis', 'bareNode', 'betterSse', 'plainNext', 'trpc'] as const;

/** How events reach the server in the cases without publish requests. */
const inlets = [
  { kind: 'line', name: 'fanout-published', what: "published by the server's own code", contestants },
  {
    kind: 'rest',
    name: 'fanout-rest',
    what: 'published by another process, over REST',
    contestants: onRedis,
  },
  { kind: 'tcp', name: 'fanout-tcp', what: 'published by another process, over TCP', contestants: onRedis },
] as const;

/** CPU time of a server for one event at one reader. */
export const deliveryCases: readonly Case[] = [
  {
    name: 'fanout',
    what: '500 readers, one event at a time, each with a publish request to the server',
    contestants,
    figures: [
      {
        ...perCpuSecond,
        goals: [
          { to: ['bareNode'], atLeast: 0.6 },
          { to: ['betterSse'], atLeast: 1 },
        ],
      },
    ],
    run: (contestant, size) => withStand(contestant, size, (stand) => measureSteps(stand, size)),
  },
  ...inlets.map(
    ({ kind, name, what, contestants }): Case => ({
      name,
      what: `500 readers, one event at a time, ${what}`,
      contestants,
      figures: [
        {
          ...perCpuSecond,
          goals: [
            { to: ['bareNode'], atLeast: 0.9 },
            { to: ['betterSse'], atLeast: 1 },
          ],
        },
      ],
      run: (contestant, size) => {
        const measureIt = (stand: Stand) => measureSteps(stand, size);
        return kind === 'line'
          ? withStand(contestant, size, measureIt, { inlet: kind })
          : withRedis(contestant, size, measureIt, { inlet: kind });
      },
    }),
  ),
  {
    name: 'burst',
    what: '500 readers, events faster than one write for each',
    // A round of tRPC would take six minutes.
    contestants: contestants.filter((key) => key !== 'trpc'),
    figures: [{ ...perCpuSecond, goals: [{ to: ['bareNode'], atLeast: 1.2 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, (stand) =>
        size === 'full'
          ? measure(stand, 500, { events: 4_000, batch: 10, together: 2 })
          : measure(stand, 20, { events: 50, batch: 10, together: 2 }),
      ),
  },
];

function measureSteps(stand: Stand, size: Size): Promise<Measured> {
  return size === 'full'
    ? measure(stand, 500, { events: 400, isStepwise: true })
    : measure(stand, 20, { events: 20, isStepwise: true });
}

async function measure(
  { open, publish, server }: Stand,
  readers: number,
  order: Partial<PublishOrder> & Pick<PublishOrder, 'events'>,
): Promise<Measured> {
  await open(readers);
  // The garbage of opening streams is not the work of a delivery.
  await publish({ ...order, events: order.events / 10 });
  const before = server.cpuMs();
  const result = await publish(order);
  // The kernel counts in ticks. A smoke run can take less than one tick; count at least one.
  const cpuSeconds = Math.max(cpuTickMs, server.cpuMs() - before) / 1_000;
  return { figures: { [perCpuSecond.name]: result.count / cpuSeconds }, clientLoad: loadOf(result) };
}
