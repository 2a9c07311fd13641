import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Deployment, startDeployment } from '../../support/node/deployment.ts';
import { type FeedReader, startFeedReader } from '../../support/node/feed-reader.ts';
import { createInstanceChurn, type InstanceChurn } from '../../support/node/instance-churn.ts';
import { publish, range } from '../../support/node/publish.ts';

/*
 * Compressed time: a limit of 5 s stands for one of 300 s. With PLATFORM_SECONDS=60 a reader has as many streams as in
 * an hour on the platform, which is a dozen.
 */

const readerCount = 50;
const limitSeconds = 5;

/**
 * A stream ends 4 s before a limit of 300 s, but only 0.4 s before one of 5 s. The grace time makes up for that,
 * because a late timer of a busy machine is not compressed.
 */
const graceSeconds = 4;

const seconds = Number(process.env.PLATFORM_SECONDS || 10);
const everyMs = 50;

/** The smallest number of events between two changes of the instances. */
const eventsPerChange = 10;

/** Publishes an event, again and again with its key, until it is stored. */
async function publishOnce(deployment: Deployment, number: number): Promise<void> {
  const key = `number ${number}`;
  for (;;) {
    // The process of the request may end.
    const answer = await publish(deployment, [number], { key }).catch(() => null);
    if (answer?.status === 200 || answer?.status === 201) return;
    await sleep(everyMs);
  }
}

/** Publishes 1, 2, 3, … for `seconds` and changes instances. Each change waits until the readers have caught up. */
async function publishDuringChurn(
  deployment: Deployment,
  readers: readonly FeedReader[],
  churn: InstanceChurn,
) {
  const until = performance.now() + seconds * 1_000;
  const isEnough = () => performance.now() > until && churn.done.stops > 0 && churn.done.wakes > 0;
  let number = 0;
  while (!isEnough()) {
    number += 1;
    await publishOnce(deployment, number);
    await sleep(everyMs);
    const haveCaughtUp = readers.every(({ data }) => data.length > number - eventsPerChange);
    if (number % eventsPerChange === 0 && haveCaughtUp) churn.change();
  }
  return number;
}

/** The counts of a run, for its log line and its checks. */
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
  { by: 'a deadline from the platform, and cancellation', sendsDeadline: true, cancels: true, env: {} },
  {
    by: 'a setting, without cancellation',
    ...{ sendsDeadline: false, cancels: false, env: setting },
    // The app's own limit counts from its start of the request. The time before that is not compressed either.
    countsFrom: 'answer' as const,
  },
])(
  `with $by, ${readerCount} readers get every event once, in order, and no stream reaches the limit`,
  { timeout: (seconds + 120) * 1_000 },
  async ({ by: _, ...options }) => {
    await using deployment = await startDeployment({
      ...options,
      limitSeconds,
      graceSeconds,
      requestsPerInstance: 25,
    });
    using readers = new DisposableStack();
    const all = range(1, readerCount).map(() => readers.use(startFeedReader(deployment)));
    const churn = createInstanceChurn(deployment.pool('api/stream'), Math.random);
    const last = await publishDuringChurn(deployment, all, churn);
    for (const reader of all) await reader.until(last, 30_000);

    const counts = { events: last, ...countsOf(deployment, all), ...churn.done };
    console.log(counts);
    for (const reader of all) expect(reader.data).toEqual(range(1, last));
    expect(all.flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(counts).toMatchObject({ hardCuts: 0 });
    expect(counts.lives).toBeGreaterThan((readerCount * seconds) / limitSeconds / 2);
    expect(counts.handovers).toBeGreaterThan(0);
  },
);
