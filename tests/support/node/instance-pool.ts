import type { Ending } from './app-process.ts';
import type { Instance } from './deployed-instance.ts';

/** An instance and its state on the platform. */
export type PooledInstance = {
  readonly instance: Instance;
  /** The number of its running requests. */
  inFlight: number;
  /** A resting instance gets no new requests. */
  state: 'open' | 'resting' | 'stopping';
  /** Whether it accepts requests. */
  isReady: boolean;
  /** The time when it was frozen, on `performance.now()`; null: it is not frozen. */
  frozenAt: number | null;
};

/** The instances of one function. */
export type InstancePool = {
  /** All instances that have not ended. */
  readonly members: ReadonlySet<PooledInstance>;
  /** The number of starts, freezes and thaws so far. */
  readonly counts: { starts: number; freezes: number; thaws: number };
  /** Makes sure that one instance is ready, so that no request waits for a start. */
  warm(): Promise<void>;
  /**
   * Takes a slot on an instance, or starts a new instance if none has a free slot. The instance is thawed and ready.
   */
  take(): Promise<PooledInstance>;
  /** Gives the slot back. An instance without requests is frozen. */
  release(member: PooledInstance): void;
  /** Gives it no more requests, sends SIGTERM, and kills it 500 ms later. */
  stop(member: PooledInstance): Promise<Ending>;
  /** Ends all instances. @throws Error if one printed an unexpected error or warning. */
  end(): Promise<void>;
};

export type PoolOptions = {
  readonly start: () => Instance;
  /** The largest number of requests that an instance has at a time. */
  readonly requestsPerInstance: number;
  /** A number from 0 to below 1. It decides which instance gets a request. */
  readonly random: () => number;
};

/** Makes an empty pool. */
export function createInstancePool({ start, requestsPerInstance, random }: PoolOptions): InstancePool {
  const members = new Set<PooledInstance>();
  const started: Instance[] = [];
  const counts = { starts: 0, freezes: 0, thaws: 0 };

  function startMember(): PooledInstance {
    const instance = start();
    const member: PooledInstance = { instance, inFlight: 0, state: 'open', isReady: false, frozenAt: null };
    members.add(member);
    started.push(instance);
    counts.starts += 1;
    void instance.ended.then(() => members.delete(member));
    void instance.ready.then(
      () => {
        member.isReady = true;
      },
      // The caller of `take` or `warm` gets the error.
      () => undefined,
    );
    return member;
  }

  function thaw(member: PooledInstance): void {
    if (member.frozenAt === null) return;
    member.frozenAt = null;
    member.instance.thaw();
    counts.thaws += 1;
  }

  async function take(): Promise<PooledInstance> {
    const free = [...members].filter(
      ({ state, inFlight }) => state === 'open' && inFlight < requestsPerInstance,
    );
    const member = free[Math.floor(random() * free.length)] ?? startMember();
    member.inFlight += 1;
    thaw(member);
    try {
      await member.instance.ready;
    } catch (error) {
      if (!isStopping(member)) throw error;
    }
    // It was stopped during its start.
    return isStopping(member) ? take() : member;
  }

  return {
    members,
    counts,
    async warm() {
      const [first = startMember()] = members;
      await first.instance.ready;
    },
    take,
    release(member) {
      member.inFlight -= 1;
      if (member.inFlight > 0 || isStopping(member)) return;
      member.frozenAt = performance.now();
      member.instance.freeze();
      counts.freezes += 1;
    },
    stop(member) {
      member.state = 'stopping';
      thaw(member);
      return member.instance.stop();
    },
    async end() {
      const endings = await Promise.allSettled(started.map((instance) => instance.end()));
      for (const ending of endings) if (ending.status === 'rejected') throw ending.reason;
    },
  };
}

function isStopping({ state }: PooledInstance): boolean {
  return state === 'stopping';
}
