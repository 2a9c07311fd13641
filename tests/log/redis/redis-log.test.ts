import { setTimeout as sleep } from 'node:timers/promises';
import { streamKey } from '../../../lib/log/redis/storage.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';
import { describeEventLog } from '../contract.ts';

const hourMs = 60 * 60 * 1_000;

const stack = useRedisStack();

/** The channel's newest entries, newest first: id, then fields and values by turns. */
const newest = (channel: string, count: number) =>
  stack().redis.xrevrange(streamKey(channel), '+', '-', 'COUNT', count);

describeEventLog('Redis', async () => ({
  open: (options) => stack().open(options),
  // The clock is Redis's own; a timer may fire a little early by it.
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
    // A replica that took over knows nothing of what it never got, the last id included.
    await stack().redis.call('XSETID', key, kept, 'ENTRIESADDED', 1_000, 'MAXDELETEDID', '0-0');
  },
  async breakChannel(channel) {
    await stack().redis.set(streamKey(channel), 'not a stream');
  },
  async cutFollowers() {
    stack().upstash.cutSubscriptions();
  },
  // The stack is emptied, and handles are closed, ahead of each test.
  async close() {},
}));
