import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvents, range, readAll, seqs } from '../../support/log/log-steps.ts';
import { addressOf } from '../../support/log/tcp-stack.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { storeAtLast } from '../../support/node/publish.ts';
import { type ClusterStand, startClusterStand } from '../../support/node/redis-topology.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';

let started: ClusterStand | undefined;
const logs = new Set<EventLog>();

beforeAll(async () => {
  started = await startClusterStand();
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const log of logs) log.close();
  logs.clear();
});

afterAll(() => started?.[Symbol.asyncDispose]());

function stand(): ClusterStand {
  if (started === undefined) throw new Error('the cluster has not started');
  return started;
}

function open(timeoutMs = 30_000): EventLog {
  const log = createRedisLog({ address: addressOf(stand().url), retention: 10_000, timeoutMs });
  logs.add(log);
  return log;
}

/** A request that needs two keys, one of which does not exist before it. */
const keyed = (channel: string, key: string) => ({
  events: newEvents(channel, 1),
  key: { name: key, fingerprint: 'f' },
});

describe('while the cluster moves the feed to another node', () => {
  test('a publish request waits until it fits on one node, and a reader of the old node reads on at the new one', async () => {
    const log = open();
    await appendTo(log, 'a', 1);
    const follower = await listen(log, 'a');
    const move = await stand().beginMove();

    const appended = log.append(keyed('a', 'waits'));
    await move.moveKeys();
    const ends = open().ends(['a']);
    await move.finish();

    expect((await appended).ids).toMatchObject([{ seq: 2 }]);
    expect((await ends).get('a')).toMatchObject({ first: { seq: 1 } });
    await follower.gets('lost');
    const renewed = await listen(log, 'a');
    await appendTo(log, 'a', 1);
    await renewed.receives(1);
    expect(seqs(await readAll(log, 'a'))).toEqual([1, 2, 3]);
  });

  test('health checks pass, on old connections and on new ones, and no subscription is given up', async () => {
    const log = open();
    const follower = await listen(log, 'b');
    const move = await stand().beginMove();
    const now = performance.now.bind(performance);

    expect(await log.ends([])).toEqual(new Map());
    // The connection was idle for so long that it is checked before a call uses it.
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    expect(await log.ends([])).toEqual(new Map());
    expect(await open().ends([])).toEqual(new Map());
    await (await listen(open(), 'b')).stop();

    expect(follower.signals).toEqual([{ kind: 'connected' }]);
    await move.finish();
    await follower.gets('lost');
  });

  test('a request that does not fit on one node in time is refused, stores nothing, and says when to try again', async () => {
    const log = open(500);
    await appendTo(log, 'c', 1);
    const move = await stand().beginMove();

    const refused = await log.append(keyed('c', 'refused')).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: 'log-unavailable', retryAfterSeconds: 1 });
    expect(String(refused)).toContain('moves the keys to another node');
    await move.finish();
    await vi.waitFor(() => log.append(keyed('c', 'refused')), { timeout: 30_000, interval: 100 });
    expect(seqs(await readAll(log, 'c'))).toEqual([1, 2]);
  });

  test('nothing that is acknowledged is lost, and readers of two processes get each event once, in order', async () => {
    const env = { REDIS_URL: stand().url };
    await using one = await startApp(env);
    await using other = await startApp(env);
    await using ofOne = await startResumingReader(one);
    await using ofOther = await startResumingReader(other);
    const stored: number[] = [];
    const publishing = publishAll(one, 60, stored);

    for (const count of [15, 30]) {
      await vi.waitUntil(() => stored.length >= count, { timeout: 60_000, interval: 10 });
      const move = await stand().beginMove();
      await move.moveKeys();
      // The move is under way for a while, with new events and with requests that wait.
      await sleep(1_000);
      expect((await Promise.all([one.health(), other.health()])).map(({ status }) => status)).toEqual([
        'ok',
        'ok',
      ]);
      await move.finish();
    }
    await publishing;

    for (const reader of [ofOne, ofOther]) {
      await reader.until(60, 60_000);
      expect(reader.data).toEqual(range(1, 60));
      expect(reader.gaps).toEqual([]);
    }
  });
});

/** Publishes 1 to `count`, each until it is stored, with a pause between them. */
async function publishAll(app: App, count: number, stored: number[]): Promise<void> {
  for (const number of range(1, count)) {
    await storeAtLast(app, [number]);
    stored.push(number);
    await sleep(20);
  }
}
