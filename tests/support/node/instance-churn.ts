import type { InstancePool, PooledInstance } from './instance-pool.ts';

/** The shortest freeze, in ms. A process cannot miss a freeze of this length. */
const minFrozenMs = 3_200;

/** The changes that the platform makes all the time to the instances of a function. */
export type InstanceChurn = {
  /** The number of instances that were stopped, and that got requests again after a freeze. */
  readonly done: { readonly stops: number; readonly wakes: number };
  /**
   * Makes one change: it stops an instance while others start, or keeps new requests from an instance until it is
   * frozen, or gives a frozen instance requests again after some seconds. It stops or rests an instance only if at
   * least two get requests and all of them are ready.
   */
  change(): void;
};

/** Makes the churn of one function. */
export function createInstanceChurn(pool: InstancePool, random: () => number): InstanceChurn {
  const done = { stops: 0, wakes: 0 };

  function change(): void {
    const [rested] = membersIn('resting').filter(
      ({ frozenAt }) => frozenAt !== null && performance.now() - frozenAt > minFrozenMs,
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
      // Not awaited: events are published during the stop.
      void pool.stop(picked);
    }
  }

  function membersIn(state: PooledInstance['state']): PooledInstance[] {
    return [...pool.members].filter((member) => member.state === state);
  }

  return { done, change };
}
