import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Deployment, startDeployment } from '../../support/node/deployment.ts';
import { type FeedReader, startFeedReader } from '../../support/node/feed-reader.ts';
import { createWeather, type Weather } from '../../support/node/platform-weather.ts';
import { publish, range } from '../../support/node/publish.ts';

/*
 * Time on the platform, compressed: a limit of 5 s stands for one of 300 s. With PLATFORM_SECONDS=60 a reader lives
 * through as many streams as there in an hour, which is a dozen.
 */

const readerCount = 50;
const limitSeconds = 5;

/**
 * Of 300 s a stream leaves 4 s unused, of 5 s only 0.4 s. That is made up for: what a busy machine takes to run a timer is
 * not compressed.
 */
const graceSeconds = 4;

const seconds = Number(process.env.PLATFORM_SECONDS || 10);
const everyMs = 50;

/** How many events lie between two changes of the weather, at least. */
const weatherEvery = 10;

/** Publishes an event; tried again, with its key, until it is stored. */
async function publishOnce(deployment: Deployment, number: number): Promise<void> {
  const key = `number ${number}`;
  for (;;) {
    // A process may go away under the request.
    const answer = await publish(deployment, [number], { key }).catch(() => null);
    if (answer?.status === 200 || answer?.status === 201) return;
    await sleep(everyMs);
  }
}

/** Publishes 1, 2, 3, … for `seconds`, in changing weather: the next comes when the readers have got over the last. */
async function publishInWeather(deployment: Deployment, readers: readonly FeedReader[], weather: Weather) {
  const until = performance.now() + seconds * 1_000;
  const isEnough = () => performance.now() > until && weather.done.stops > 0 && weather.done.wakes > 0;
  let number = 0;
  while (!isEnough()) {
    number += 1;
    await publishOnce(deployment, number);
    await sleep(everyMs);
    const areWell = readers.every(({ data }) => data.length > number - weatherEvery);
    if (number % weatherEvery === 0 && areWell) weather.blow();
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

const setting = { STREAM_MAX_SECONDS: String(limitSeconds) };

test.each([
  { by: 'a platform that tells deadlines, and who leaves', tellsDeadline: true, cancels: true, env: {} },
  {
    by: 'a setting, and never who leaves',
    ...{ tellsDeadline: false, cancels: false, env: setting },
    // The app's own time begins when a process gets to the request: what that takes is not compressed either.
    countsFrom: 'answer' as const,
  },
])(
  `${readerCount} readers get every event once, in order, and no stream runs into the limit, told by $by`,
  { timeout: (seconds + 120) * 1_000 },
  async ({ by: _, ...told }) => {
    await using deployment = await startDeployment({
      ...told,
      limitSeconds,
      graceSeconds,
      requestsPerInstance: 25,
    });
    using readers = new DisposableStack();
    const all = range(1, readerCount).map(() => readers.use(startFeedReader(deployment)));
    const weather = createWeather(deployment.pool('api/stream'), Math.random);
    const last = await publishInWeather(deployment, all, weather);
    for (const reader of all) await reader.until(last, 30_000);

    const counts = { events: last, ...countsOf(deployment, all), ...weather.done };
    console.log(counts);
    for (const reader of all) expect(reader.data).toEqual(range(1, last));
    expect(all.flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(counts).toMatchObject({ hardCuts: 0 });
    expect(counts.lives).toBeGreaterThan((readerCount * seconds) / limitSeconds / 2);
    expect(counts.handovers).toBeGreaterThan(0);
  },
);
