import type { Contestant } from '../contestants.ts';
import { loadOf, settle, withStand } from '../stand.ts';
import type { Case, Size } from './case.ts';

/** The cost of readers that wait, that connect, and that do not read. */
export const readerCases: readonly Case[] = [
  {
    name: 'memory',
    what: '1,000 readers without events, 20 s after the last one connected',
    contestants: ['steadfeed', 'bareNode', 'plainNext', 'trpc'],
    figures: [
      { name: 'memory per reader', unit: 'KB', goals: [{ to: ['plainNext'], atMost: 1 }] },
      {
        name: 'memory per reader after garbage collection',
        unit: 'KB',
        goals: [{ to: ['plainNext'], atMost: 1 }],
      },
    ],
    run: (contestant, size) =>
      withStand(contestant, size, async ({ open, server, tell }) => {
        const readers = size === 'full' ? 1_000 : 50;
        await rest(size);
        const before = server.residentKb();
        const result = await open(readers);
        await rest(size);
        const grownKb = server.residentKb() - before;
        const opened = await server.heldKb();
        await tell({ kind: 'close' });
        await settle(size);
        const heldKb = opened - (await server.heldKb());
        return {
          figures: {
            'memory per reader': grownKb / readers,
            'memory per reader after garbage collection': heldKb / readers,
          },
          clientLoad: loadOf(result),
        };
      }),
  },
  {
    name: 'set-up',
    what: 'opening streams, ten at a time',
    contestants: ['steadfeed', 'bareNode', 'plainNext', 'trpc'],
    figures: [{ name: 'streams opened', unit: '/s', goals: [{ to: ['plainNext'], atLeast: 1 }] }],
    run: (contestant, size) =>
      withStand(contestant, size, async ({ target, tell }) => {
        const count = size === 'full' ? 800 : 40;
        const order = { kind: 'open', target, count, together: 10, isReading: true } as const;
        // A server that runs for weeks has compiled the code that opens streams long ago.
        for (let warm = 0; warm < 3; warm += 1) {
          await tell(order);
          await tell({ kind: 'close' });
        }
        await settle(size);
        const result = await tell(order);
        return { figures: { 'streams opened': (count * 1_000) / result.wallMs }, clientLoad: loadOf(result) };
      }),
  },
  {
    name: 'stalled',
    what: '10,000 events of 16 KB while one reader does not read; then it reads again and gets all of them',
    contestants: ['steadfeed'],
    figures: [{ name: 'memory for the reader', unit: 'KB', goals: [{ atMost: 2_048 }] }],
    run: async (contestant, size) => {
      const reading = await heldKb(contestant, size, true);
      const stalled = await heldKb(contestant, size, false);
      return { figures: { 'memory for the reader': stalled - reading }, clientLoad: 0 };
    },
  },
];

/**
 * Waits until an idle heap has shrunk again: V8 does that about 8 to 15 s after it was busy. Earlier, twice as much of the
 * resident memory is garbage of opening as memory of readers, here and in the plain route.
 */
function rest(size: Size): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, size === 'full' ? 20_000 : 100));
}

/** Memory after publishing and garbage collection. @throws Error if the reader does not get all events in the end. */
async function heldKb(contestant: Contestant, size: Size, isReading: boolean): Promise<number> {
  const events = size === 'full' ? 10_000 : 200;
  const { figures } = await withStand(contestant, size, async ({ server, target, tell, publish }) => {
    await tell({ kind: 'open', target, count: 1, together: 1, isReading });
    const published = await publish({ events, batch: 20, bytes: 16_384, isWaiting: isReading });
    await settle(size);
    const held = await server.heldKb();
    await tell({ kind: 'resume', events });
    return { figures: { held }, clientLoad: loadOf(published) };
  });
  return figures.held ?? Number.NaN;
}
