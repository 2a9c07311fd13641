import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startComposedNginx } from '../../support/node/documented-proxies.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startFeedReader } from '../../support/node/feed-reader.ts';
import { startEventSource } from '../../support/node/npm-readers.ts';
import { publish, range } from '../../support/node/publish.ts';

const patienceMs = 30_000;

/** Three processes on one Redis over TCP, behind nginx, as in compose.three.yaml. */
async function startThree() {
  await using stack = new AsyncDisposableStack();
  const redis = await startRedisServer();
  stack.defer(() => redis.kill());
  const env = { REDIS_URL: redis.url };
  const apps: [App, App, App] = [await startApp(env), await startApp(env), await startApp(env)];
  stack.defer(async () => void (await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()))));
  const nginx = stack.use(await startComposedNginx([apps[0].port, apps[1].port, apps[2].port]));
  const kept = stack.move();
  return {
    url: nginx.url,
    apps,
    /** Stops a process with SIGTERM, starts the next one in its place, and waits until it is healthy. */
    async restart(index: 0 | 1 | 2) {
      const old = apps[index];
      old.kill('SIGTERM');
      const ending = await old.ended;
      await old[Symbol.asyncDispose]();
      apps[index] = await startApp(env, old.port);
      await eventually('the new process is healthy', patienceMs, async () => {
        return (await apps[index].health()).status === 'ok';
      });
      return ending;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Publishes numbers until its caller stops it. It sends each number again, with its key, until the log has stored it. */
function keepPublishing(target: { readonly url: string }) {
  let isOver = false;
  let count = 0;
  const publishing = (async () => {
    while (!isOver) {
      count += 1;
      const key = `number ${count}`;
      await eventually(`number ${count} is stored`, patienceMs, async () => {
        // A process that stops refuses, or its connection ends: then nobody knows whether the number is stored.
        const answer = await publish(target, [count], { key }).catch(() => null);
        return answer !== null && answer.status < 300;
      });
      await sleep(50);
    }
  })();
  // The failure reaches the test when it stops the publisher.
  publishing.catch(() => undefined);
  return {
    count: () => count,
    async stop() {
      isOver = true;
      await publishing;
      return count;
    },
  };
}

test('every reader gets every event once, in order, and no refusal, while all three processes are restarted', {
  timeout: 240_000,
}, async () => {
  await using three = await startThree();
  const publisher = keepPublishing(three);
  const refusals: string[] = [];
  const countRefusals: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!response.ok) refusals.push(`${response.status} ${input}`);
    return response;
  };
  const feeds = (['stream', 'stream', 'stream', 'poll', 'poll'] as const).map((transport) =>
    startFeedReader(three, { transport, fetch: countRefusals }),
  );
  await using stack = new AsyncDisposableStack();
  for (const feed of feeds) stack.use(feed);
  const sources = await Promise.all([1, 2].map(() => startEventSource(`${three.url}/api/stream?rewind=all`)));
  for (const source of sources) stack.use(source);
  const numbersOf = async (source: (typeof sources)[number]) =>
    (await source.received()).filter((each) => typeof each === 'number');
  const untilAllHave = async (count: number) => {
    for (const feed of feeds) await feed.until(count, patienceMs);
    for (const source of sources)
      await eventually(`an EventSource has ${count}`, patienceMs, async () => {
        return (await numbersOf(source)).includes(count);
      });
  };

  await untilAllHave(5);
  // nginx deals requests out in turn, so that each process has readers.
  for (const app of three.apps) expect((await app.health()).streams).toBeGreaterThan(0);
  for (const index of [0, 1, 2] as const) {
    expect(await three.restart(index)).toEqual({ code: 143, signal: null });
    await untilAllHave(publisher.count() + 3);
  }
  const count = await publisher.stop();
  await untilAllHave(count);

  expect(refusals).toEqual([]);
  for (const feed of feeds) {
    expect(feed.data).toEqual(range(1, count));
    expect(feed.gaps).toEqual([]);
  }
  for (const source of sources) {
    expect(await numbersOf(source)).toEqual(range(1, count));
  }
});
