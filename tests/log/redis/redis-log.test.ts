import { setTimeout as sleep } from 'node:timers/promises';
import { streamKey } from '../../../lib/log/redis/storage.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';
import { describeEventLog } from '../contract.ts';

const hourMs = 60 * 60 * 1_000;

const stack = useRedisStack();

/** The newest entries of a channel, newest first: id, then fields and values in turn. */
const newest = (channel: string, count: number) =>
  stack().redis.xrevrange(streamKey(channel), '+', '-', 'COUNT', count);

describeEventLog('Redis', async () => ({
  // The default of 5 s is too short for 50 appenders on a busy machine.
  open: (options) => stack().open({ timeoutMs: 20_000, ...options }),
  // The log uses the clock of Redis; by that clock a timer can fire a little early.
  passTime: (ms) => sleep(ms + 3),
  async clockJumpsBack(channel) {
    const [[id = '', fields = []] = []] = await newest(channel, 1);
    const [time, seq] = id.split('-').map(Number);
    await stack().redis.xadd(streamKey(channel), `${Number(time) + hourMs}-${Number(seq) + 1}`, ...fields);
  },
  async empty(channel) {
    await stack().redis.del(streamKey(channel));
  },
  async wipe() {
    await stack().redis.flushall();
  },
  async loseEnd(channel, count) {
    const entries = await newest(channel, count + 1);
    const kept = entries.at(-1)?.[0] ?? '0-0';
    const key = streamKey(channel);
    await stack().redis.xdel(key, ...entries.slice(0, count).map(([id]) => id));
    // A replica that took over does not know the ids that it never got.
    await stack().redis.call('XSETID', key, kept, 'ENTRIESADDED', 1_000, 'MAXDELETEDID', '0-0');
  },
  async breakChannel(channel) {
    await stack().redis.set(streamKey(channel), 'not a stream');
  },
  async cutFollowers() {
    stack().upstash.cutSubscriptions();
  },
  // The stack closes the logs and empties Redis before each test.
  async close() {},
}));
