import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { keyPrefix, streamKey } from '../../../lib/log/redis/storage.ts';
import { describeEventLog } from '../../log/contract.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, range, readAll, seqs } from '../../support/log/log-steps.ts';
import { redisHarness } from '../../support/log/redis-harness.ts';
import { addressOf } from '../../support/log/tcp-stack.ts';
import { type ClusterStand, startClusterStand } from '../../support/node/redis-topology.ts';

let started: ClusterStand | undefined;
const logs = new Set<EventLog>();

beforeAll(async () => {
  started = await startClusterStand();
});

afterAll(async () => {
  for (const log of logs) log.close();
  await started?.[Symbol.asyncDispose]();
});

function stand(): ClusterStand {
  if (started === undefined) throw new Error('the cluster has not started');
  return started;
}

function open(options: { readonly retention?: number; readonly timeoutMs?: number } = {}): EventLog {
  const log = createRedisLog({ address: addressOf(stand().url), retention: 10_000, ...options });
  logs.add(log);
  return log;
}

const keyOf = (channel: string) => streamKey(channel, keyPrefix(true));

describeEventLog('Redis Cluster', async () => {
  const { atOwner } = stand();
  await atOwner.flushall();
  const harness = redisHarness(
    () => ({
      open,
      redis: atOwner,
      async cutFollowers() {
        await atOwner.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      },
    }),
    { isCluster: true },
  );
  return {
    ...harness,
    async close() {
      for (const log of logs) log.close();
      logs.clear();
    },
  };
});

describe('a cluster', () => {
  test('stores a request to several channels in one step, and announces each', async () => {
    await stand().atOwner.flushall();
    const log = open();
    const [a, b] = [await listen(log, 'a'), await listen(log, 'b')];

    await log.append({ events: ['a', 'b', 'a'].map((channel) => newEvent(channel)), key: null });

    await a.receives(2);
    await b.receives(1);
    expect((await stand().atOwner.keys('*')).sort()).toEqual([keyOf('a'), keyOf('b')]);
  });

  test('refuses a user without the documented rights by the name of the command, and a URL for one server', async () => {
    await stand().atOwner.flushall();
    const url = new URL(stand().url.replace('redis+cluster', 'redis'));
    const single = createRedisLog({ address: addressOf(url.href), retention: 10_000 });
    logs.add(single);
    await expect(single.ends([])).rejects.toThrow('Redis is a cluster. Write redis+cluster://');
    const own = ['on', '>secret', '~{steadfeed}:*', '&{steadfeed}:*', '-@all', '+exists', '+cluster|slots'];
    await Promise.all(
      stand().primaries.map((each) => each.call('ACL', 'SETUSER', 'feed', ...own, '+eval', '+spublish')),
    );
    const address = addressOf(stand().url.replace('//', '//feed:secret@'));
    const log = createRedisLog({ address, retention: 10_000 });
    logs.add(log);

    await expect(log.append({ events: [newEvent('feed')], key: null })).rejects.toThrow(
      /to run TIME, GET, SET, DEL, PEXPIRE, XADD, .* on the keys and channels/,
    );
    expect(await stand().atOwner.dbsize()).toBe(0);
  });

  test('keeps what the replica has when the node that holds the feed is killed, and loses the subscription', async () => {
    await stand().atOwner.flushall();
    const log = open();
    const follower = await listen(log, 'feed');
    await appendTo(log, 'feed', 20);
    expect(Number(await stand().atOwner.call('WAIT', '1', '30000'))).toBe(1);

    await stand().owner.kill();
    await follower.gets('lost');
    const until = performance.now() + 120_000;
    const event = { events: [newEvent('feed')], key: { name: 'k', fingerprint: 'f' } };
    while (!(await log.append(event).catch(() => null))) {
      if (performance.now() > until) throw new Error('no node has taken over');
      await sleep(200);
    }

    expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 21));
    const renewed = await listen(log, 'feed');
    await appendTo(log, 'feed', 1);
    await renewed.receives(1);
    expect(seqs(renewed.events())).toEqual([22]);
  });
});
