import { expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import type { Feed, FeedStatus } from '../../../lib/client/feed-options.ts';
import { type Clock, systemClock } from '../../../lib/core/clock.ts';
import { startRelay } from '../../support/browser/relay.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

/** A clock whose machine can sleep for a minute: no timer fires meanwhile, and the wall clock goes on. */
function createSleepyClock(): Clock & { sleep(): void } {
  const timers = new Set<() => void>();
  let sleptMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + sleptMs,
    after(ms, run) {
      const fire = () => {
        cancel();
        run();
      };
      const stop = systemClock.after(ms, fire);
      const cancel = () => {
        stop();
        timers.delete(fire);
      };
      timers.add(fire);
      return cancel;
    },
    sleep() {
      sleptMs += 60_000;
      for (const fire of [...timers]) fire();
    },
  };
}

const isLive = (feed: Feed) => feed.getSnapshot().transport === 'stream';

/** The promise is 3 s. A busy machine gets more time. */
const limitMs = 6_000;

/** Reads over a relay, with `idle` more connections in the pool, and lets all die while the machine sleeps. */
async function sleepAndWake(app: App, idle: number) {
  await using relay = await startRelay(app.url);
  const clock = createSleepyClock();
  const channel = `public:${idle}`;
  const data: unknown[] = [];
  const statuses: { readonly status: FeedStatus; readonly at: number }[] = [];
  const feed = connectFeed({
    url: relay.url,
    channels: [channel],
    clock,
    onEvent: (event) => void data.push(event.data),
    onStatus: (status) => void statuses.push({ status, at: performance.now() }),
  });
  try {
    await eventually('the feed is live', 20_000, () => isLive(feed));
    await Promise.all(range(1, idle).map(() => ask(relay, '/api/health')));
    const pooled = relay.connections() - 1;

    relay.forgetAll();
    await store(app, ['missed'], { channel });
    statuses.length = 0;
    const wokeAt = performance.now();
    clock.sleep();

    await eventually('the missed event has arrived', 60_000, () => data.length > 0);
    const freshMs = Math.round(performance.now() - wokeAt);
    await eventually('the feed streams again', 20_000, () => isLive(feed));
    const flashes = statuses.filter(({ at }) => at < wokeAt + 1_000).map(({ status }) => status);
    return { idle, pooled, freshMs, flashes, data, gaps: feed.getSnapshot().gaps };
  } finally {
    feed.close();
  }
}

test('a machine that slept while its stream and its idle connections died is fresh within 3 s, and shows no pause', async () => {
  await using app = await startApp();
  const found = await Promise.all([0, 1, 2, 3, 5].map((idle) => sleepAndWake(app, idle)));
  for (const { idle, freshMs } of found)
    console.log(`${idle} idle connections: awake → fresh: ${freshMs} ms`);
  for (const { idle, pooled, freshMs, flashes, data, gaps } of found) {
    expect(pooled).toBe(idle);
    expect({ data, gaps, flashes }).toEqual({ data: ['missed'], gaps: [], flashes: [] });
    expect(freshMs).toBeLessThan(limitMs);
  }
}, 120_000);
