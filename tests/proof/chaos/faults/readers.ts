import { type Fault, lasting } from './fault.ts';

/** Faults of readers themselves. */
export const readerFaults: readonly Fault[] = [
  {
    name: 'a reader frozen, then resumed (SIGSTOP, SIGCONT)',
    part: null,
    reach: 'all',
    seconds: [2, 15],
    async inject({ tails }, { forMs, draw }) {
      if (tails.length === 0) return;
      const tail = draw.pick(tails);
      tail.signal('SIGSTOP');
      await lasting(forMs);
      tail.signal('SIGCONT');
    },
  },
  {
    name: 'readers slower than the events arrive',
    part: null,
    reach: 'all',
    seconds: [2, 6],
    async inject({ slowness }, { forMs, draw }) {
      slowness.ms = draw.whole(50, 500);
      await lasting(forMs);
      slowness.ms = 0;
    },
  },
];
