import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Deployment, startDeployment } from './deployment.ts';
import { type FeedReader, startFeedReader } from './feed-reader.ts';
import { startWeather } from './platform-weather.ts';
import { publish, range } from './publish.ts';

/*
 * Time on the platform, compressed: a limit of 5 s stands for one of 300 s. With PLATFORM_SECONDS=60 a reader lives
 * through as many streams as there in an hour, which is a dozen.
 */

const readerCount = 50;
const limitSeconds = 5;
const seconds = Number(process.env.PLATFORM_SECONDS || 10);
const everyMs = 50;

/** Publishes 1, 2, 3, … for as long as is given; each is tried again, with its key, until it is stored. */
async function publishFor(deployment: Deployment, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let number = 0;
  while (performance.now() < until) {
    number += 1;
    const key = `number ${number}`;
    while (![200, 201].includes((await publish(deployment, [number], { key })).status)) await sleep(everyMs);
    await sleep(everyMs);
  }
  return number;
}

/** What there is to say about a time on the platform. */
function countsOf({ runs, pool }: Deployment, readers: readonly FeedReader[]) {
  const lives = runs.filter(({ path }) => path === '/api/stream');
  const snapshots = readers.map(({ feed }) => feed.getSnapshot());
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    lives: lives.length,
    handovers: sum(snapshots.map(({ handovers }) => handovers)),
    reconnects: sum(snapshots.map(({ reconnects }) => reconnects)),
    hardCuts: lives.filter(({ ending }) => ending === 'cut').length,
    longestMs: Math.round(Math.max(...lives.map(({ tookMs }) => tookMs))),
    ...pool('api/stream').counts,
  };
}

test.each([
  { told: 'the deadline of each request', tellsDeadline: true, env: {} },
  { told: 'the limit by a setting', tellsDeadline: false, env: { STREAM_MAX_SECONDS: String(limitSeconds) } },
])(
  `${readerCount} readers get every event once, in order, and no stream runs into the limit: told $told`,
  { timeout: (seconds + 120) * 1_000 },
  async ({ tellsDeadline, env }) => {
    await using deployment = await startDeployment({
      ...{ limitSeconds, tellsDeadline, env },
      requestsPerInstance: 25,
    });
    using readers = new DisposableStack();
    const all = range(1, readerCount).map(() => readers.use(startFeedReader(deployment)));
    const weather = startWeather(deployment.pool('api/stream'), Math.random);
    const last = await publishFor(deployment, seconds * 1_000);
    const { stops, wakes } = await weather.stop();
    for (const reader of all) await reader.until(last, 30_000);

    const counts = { events: last, ...countsOf(deployment, all), stops, wakes };
    console.log(counts);
    for (const reader of all) expect(reader.data).toEqual(range(1, last));
    expect(all.flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(counts).toMatchObject({ hardCuts: 0 });
    expect(counts.lives).toBeGreaterThanOrEqual(readerCount * Math.floor(seconds / limitSeconds));
    expect(counts.handovers).toBeGreaterThanOrEqual(readerCount);
    expect(Math.min(stops, wakes)).toBeGreaterThan(0);
  },
);
