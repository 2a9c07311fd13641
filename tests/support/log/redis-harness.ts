import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { ChannelRules, EventLog } from '../../../lib/log/event-log.ts';
import { channelKeys, keyPrefix, readEntry, streamKey } from '../../../lib/log/redis/storage.ts';
import { type LogHarness, rulesOf } from '../../log/contract.ts';

const hourMs = 60 * 60 * 1_000;

type Store = {
  open(options: { readonly rules: (channel: string) => ChannelRules; readonly timeoutMs: number }): EventLog;
  readonly redis: Redis;
  cutFollowers(): Promise<void>;
};

/** What can happen to a log in Redis, whichever way it is reached. */
export function redisHarness(store: () => Store, { isCluster = false } = {}): LogHarness {
  const keyOf = (channel: string) => streamKey(channel, keyPrefix(isCluster));
  /** The newest entries of a channel, newest first: id, then fields and values in turn. */
  const newest = (channel: string, count: number) =>
    store().redis.xrevrange(keyOf(channel), '+', '-', 'COUNT', count);
  return {
    // The default of 5 s is too short for 50 appenders on a busy machine.
    open: (options = {}) => store().open({ timeoutMs: 20_000, rules: rulesOf(options) }),
    now: Date.now,
    // The log uses the clock of Redis; by that clock a timer can fire a little early.
    passTime: (ms) => sleep(ms + 3),
    async clockJumpsBack(channel) {
      const [[id = '', fields = []] = []] = await newest(channel, 1);
      const [time, seq] = id.split('-').map(Number);
      await store().redis.xadd(keyOf(channel), `${Number(time) + hourMs}-${Number(seq) + 1}`, ...fields);
    },
    async empty(channel) {
      await store().redis.del(keyOf(channel));
    },
    async wipe() {
      await store().redis.flushall();
    },
    async loseEnd(channel, count) {
      const entries = await newest(channel, count + 1);
      const kept = entries.at(-1)?.[0] ?? '0-0';
      const key = keyOf(channel);
      await store().redis.xdel(key, ...entries.slice(0, count).map(([id]) => id));
      // A replica that took over does not know the ids that it never got.
      await store().redis.call('XSETID', key, kept, 'ENTRIESADDED', 1_000, 'MAXDELETEDID', '0-0');
      await restoreState(store().redis, channelKeys(channel, keyPrefix(isCluster)));
    },
    async breakChannel(channel) {
      await store().redis.set(keyOf(channel), 'not a stream');
    },
    cutFollowers: () => store().cutFollowers(),
    // The stack closes the logs and empties Redis before each test.
    async close() {},
  };
}

/** Makes the state of a channel that of the events in its stream, as a replica that took over has it. */
async function restoreState(
  redis: Redis,
  [stream = '', latest = '', order = '', expiry = '']: readonly string[],
) {
  await redis.del(latest, order, expiry);
  for (const [id, [, , , entry = '']] of await redis.xrange(stream, '-', '+')) {
    const [time, seq] = id.split('-').map(Number);
    const { attributes: { subject, remove, ttlMs } = {} } = readEntry({ time: 0, seq: 1 }, entry);
    if (subject === undefined) continue;
    await redis.hdel(latest, subject);
    await redis.zrem(order, subject);
    await redis.zrem(expiry, subject);
    if (remove) continue;
    await redis.hset(latest, subject, `${id}\t${entry}`);
    await redis.zadd(order, Number(seq), subject);
    if (ttlMs !== undefined) await redis.zadd(expiry, Number(time) + ttlMs, subject);
  }
}
