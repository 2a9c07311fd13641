import type { Ending } from './app-process.ts';
import type { Instance } from './deployed-instance.ts';

/** An instance and what the platform does with it. */
export type PooledInstance = {
  readonly instance: Instance;
  /** Requests it has. */
  inFlight: number;
  /** A resting one is given no new requests. */
  state: 'open' | 'resting' | 'stopping';
  /** Whether it has come up. */
  isReady: boolean;
  /** Since when it is frozen, on `performance.now()`; null: it is not. */
  frozenAt: number | null;
};

/** The instances of one function. */
export type InstancePool = {
  /** All that have not ended. */
  readonly members: ReadonlySet<PooledInstance>;
  /** How often an instance was started, frozen and thawed. */
  readonly counts: { starts: number; freezes: number; thaws: number };
  /** Has an instance that is ready, so that no request waits for one to come up. */
  warm(): Promise<void>;
  /** Takes a place on any instance that has one, a new one where none has; it is thawed, and ready. */
  take(): Promise<PooledInstance>;
  /** Gives the place back; an instance without a request is frozen. */
  release(member: PooledInstance): void;
  /** Gives it no more requests, tells it to stop, and ends it 500 ms later. */
  stop(member: PooledInstance): Promise<Ending>;
  /** Ends all. @throws Error when one printed what nobody expects. */
  end(): Promise<void>;
};

export type PoolOptions = {
  readonly start: () => Instance;
  /** Most requests an instance has at a time. */
  readonly requestsPerInstance: number;
  /** 0 ≤ x < 1: which instance gets a request. */
  readonly random: () => number;
};

/** Makes a pool without an instance. */
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
      // Told by whoever waits for it.
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
    // It was told to stop while it came up.
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
