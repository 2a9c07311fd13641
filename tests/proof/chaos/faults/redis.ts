import { type Fault, type FaultTargets, lasting } from './fault.ts';

const redis = { part: 'redis', reach: 'all' } as const;

/** Changes a setting of Redis for a while. */
async function whileSet(
  { redis: { observer } }: FaultTargets,
  forMs: number,
  set: readonly [string, ...string[]],
  unset: readonly [string, ...string[]],
): Promise<void> {
  await observer.call(...set);
  await lasting(forMs);
  await observer.call(...unset);
}

/** Faults of the Redis server. */
export const redisFaults: readonly Fault[] = [
  {
    ...redis,
    name: 'Redis killed, started again with its data',
    seconds: [1, 4],
    inject: (targets, { forMs }) => targets.redis.restart(forMs),
  },
  {
    ...redis,
    name: 'Redis loses all its data and is started again empty',
    seconds: [1, 3],
    inject: (targets, { forMs }) => targets.redis.restartEmpty(forMs),
  },
  {
    ...redis,
    name: 'fail-over to a copy up to 2 s behind: acknowledged events are lost',
    seconds: [1, 2],
    inject: (targets, { forMs, draw }) => targets.redis.failOver(draw.whole(500, 2_000), forMs),
  },
  {
    ...redis,
    name: 'Redis frozen (SIGSTOP, SIGCONT)',
    seconds: [1, 4],
    async inject(targets, { forMs }) {
      targets.redis.freeze();
      await lasting(forMs);
      targets.redis.thaw();
    },
  },
  {
    ...redis,
    name: 'Redis out of memory (OOM)',
    seconds: [1, 4],
    inject: (targets, { forMs }) =>
      whileSet(targets, forMs, ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']),
  },
  {
    ...redis,
    name: 'Redis read-only (READONLY)',
    seconds: [1, 4],
    inject: (targets, { forMs }) =>
      whileSet(targets, forMs, ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
  },
  {
    ...redis,
    name: 'Redis refuses to write: too few replicas (NOREPLICAS)',
    seconds: [1, 4],
    inject: (targets, { forMs }) =>
      whileSet(
        targets,
        forMs,
        ['CONFIG', 'SET', 'min-replicas-to-write', '9'],
        ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      ),
  },
  {
    ...redis,
    name: 'Redis forgets its scripts (SCRIPT FLUSH)',
    seconds: [1, 1],
    async inject(targets) {
      await targets.redis.observer.call('SCRIPT', 'FLUSH');
    },
  },
  {
    ...redis,
    name: 'the log deletes events that readers still need, again and again',
    seconds: [1, 6],
    async inject(targets, { forMs, draw }) {
      for (const endsAt = performance.now() + forMs; performance.now() < endsAt; ) {
        await targets.redis.observer.trim(draw.whole(1, 20));
        await lasting(draw.whole(50, 500));
      }
    },
  },
  {
    ...redis,
    name: 'reads from a replica up to 2 s behind',
    seconds: [3, 8],
    async inject({ replica, upstash, redis: place }, { forMs, draw }) {
      const endsAt = performance.now() + forMs;
      while (performance.now() < endsAt && !(await replica.isUpToDate())) await lasting(50);
      if (performance.now() < endsAt) upstash.faults.replicaPort = replica.port;
      while (performance.now() < endsAt) {
        replica.hold(true);
        await lasting(draw.whole(200, 1_800));
        replica.hold(false);
        while (!(await replica.isUpToDate())) await lasting(20);
      }
      upstash.faults.replicaPort = null;
      await place.observer.look();
    },
  },
];
