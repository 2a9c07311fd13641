import { setTimeout as sleep } from 'node:timers/promises';
import type { InstancePool, PooledInstance } from './instance-pool.ts';

/** How often something happens to an instance, and how long one stays frozen at least: longer than it can overlook. */
const everyMs = 1_200;
const frozenMs = 3_200;

/** What was done to the instances of a function. */
export type Weather = {
  /** Instances told to stop, and woken after a freeze. */
  readonly done: { readonly stops: number; readonly wakes: number };
  /** Ends it. */
  stop(): Promise<void>;
};

/**
 * Does to the instances of a function what the platform does, all the time: stops one while others take its place,
 * keeps new requests from one until it has none and is frozen, and gives that one requests again seconds later.
 */
export function startWeather(pool: InstancePool, random: () => number): Weather {
  const done = { stops: 0, wakes: 0 };
  const stopping: Promise<unknown>[] = [];
  let isOver = false;

  function blow(): void {
    const [rested] = membersIn('resting').filter(
      ({ frozenAt }) => frozenAt !== null && performance.now() - frozenAt > frozenMs,
    );
    const open = membersIn('open');
    const picked = open[Math.floor(random() * open.length)];
    if (rested !== undefined) {
      rested.state = 'open';
      done.wakes += 1;
    } else if (picked === undefined || open.length < 2) {
      return;
    } else if (membersIn('resting').length === 0) {
      picked.state = 'resting';
    } else {
      stopping.push(pool.stop(picked));
      done.stops += 1;
    }
  }

  function membersIn(state: PooledInstance['state']): PooledInstance[] {
    return [...pool.members].filter((member) => member.state === state);
  }

  async function go(): Promise<void> {
    while (!isOver) {
      await sleep(everyMs);
      blow();
    }
  }

  const going = go();
  return {
    done,
    async stop() {
      isOver = true;
      await going;
      await Promise.all(stopping);
    },
  };
}
