import type { InstancePool, PooledInstance } from './instance-pool.ts';

/** How long one stays frozen at least: longer than a process can overlook. */
const frozenMs = 3_200;

/** What the platform does to the instances of a function, all the time. */
export type Weather = {
  /** Instances told to stop, and woken after a freeze. */
  readonly done: { readonly stops: number; readonly wakes: number };
  /**
   * Does one of these: stops an instance while others take its place, keeps new requests from one until it has none and
   * is frozen, gives that one requests again seconds later. Nothing, while there are not two to give requests to, or one
   * of them is still coming up.
   */
  blow(): void;
};

/** Makes the weather of a function. */
export function createWeather(pool: InstancePool, random: () => number): Weather {
  const done = { stops: 0, wakes: 0 };

  function blow(): void {
    const [rested] = membersIn('resting').filter(
      ({ frozenAt }) => frozenAt !== null && performance.now() - frozenAt > frozenMs,
    );
    const open = membersIn('open');
    const picked = open[Math.floor(random() * open.length)];
    const canSpareOne = open.length >= 2 && open.every(({ isReady }) => isReady);
    if (rested !== undefined) {
      rested.state = 'open';
      done.wakes += 1;
    } else if (picked === undefined || !canSpareOne) {
      return;
    } else if (membersIn('resting').length === 0) {
      picked.state = 'resting';
    } else {
      done.stops += 1;
      // Events go on meanwhile.
      void pool.stop(picked);
    }
  }

  function membersIn(state: PooledInstance['state']): PooledInstance[] {
    return [...pool.members].filter((member) => member.state === state);
  }

  return { done, blow };
}
