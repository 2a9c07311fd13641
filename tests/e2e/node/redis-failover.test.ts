import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { startSentinelStand } from '../../support/node/redis-topology.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';

/** Publishes each value, with a key, again and again until it is stored. */
async function storeAtLast(app: App, values: readonly unknown[]): Promise<void> {
  const until = performance.now() + 120_000;
  for (const value of values) {
    while ((await publish(app, [value], { key: `value ${value}` })).status !== 201) {
      if (performance.now() > until) throw new Error(`${value} was not stored`);
      await sleep(200);
    }
  }
}

describe.concurrent('Sentinels, when the primary is killed', () => {
  test('nothing that the replica has is lost, and readers get it once, in order', async () => {
    await using stand = await startSentinelStand();
    await using app = await startApp({ REDIS_URL: stand.url });
    expect(JSON.parse((await ask(app, '/api/health')).text)).toMatchObject({ log: { kind: 'redis-tcp' } });
    await using reader = await startResumingReader(app);
    await using other = await startApp({ REDIS_URL: stand.url });
    await using ofOther = await startResumingReader(other);
    await store(app, range(1, 50));
    await stand.replicated();

    await stand.primary.kill();
    await storeAtLast(app, range(51, 60));

    for (const each of [reader, ofOther]) {
      await each.until(60, 60_000);
      expect(each.data).toEqual(range(1, 60));
      expect(each.gaps).toEqual([]);
    }
  });

  test('acknowledged events that only it had are lost, and readers are told', async () => {
    await using stand = await startSentinelStand();
    await using app = await startApp({ REDIS_URL: stand.url });
    await using reader = await startResumingReader(app);
    await store(app, [1, 2]);
    await stand.replicated();
    await stand.cutReplica();
    await store(app, ['lost', 'lost too']);
    await reader.until('lost too');

    await stand.primary.kill();
    await storeAtLast(app, [3, 4, 5]);

    await reader.until(5, 60_000);
    expect(reader.data).toEqual([1, 2, 'lost', 'lost too', 3, 4, 5]);
    expect(reader.gaps).toMatchObject([{ reason: 'restarted' }]);
  });
});
