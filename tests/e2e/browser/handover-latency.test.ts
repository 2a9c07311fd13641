import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive, quickToDraw } from '../../support/browser/page-steps.ts';
import { startRelay } from '../../support/browser/relay.ts';
import { recordShownEvents, type ShownEvents } from '../../support/browser/shown-events.ts';
import { startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';

/** The server is a continent away: the cost of opening another stream is easy to see. */
const delayMs = 100;

/** The number of readers (one page each), the number of events, and the time between two events. */
const readerCount = 3;
const eventCount = 1_100;
const everyMs = 25;

/** This much time before and after a handover counts as part of it. */
const aroundMs = 500;

/** A handover with fewer samples is left out: most of the time no other reader was without a handover. */
const minSamples = 20;

/** The largest delay that a handover may add. The list is rendered once in 250 ms, and a pause would be two round trips or more. */
const toleranceMs = 50;

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

test('an event that is published during a handover appears as soon as any other', async () => {
  await using app = await startApp({ STREAM_MAX_SECONDS: '5' });
  await using relay = await startRelay(app.url, delayMs);
  await using readers = new AsyncDisposableStack();
  const recordings: (() => Promise<ShownEvents>)[] = [];
  for (const _ of range(1, readerCount)) {
    const { page } = readers.use(await openLive(browser, relay, quickToDraw));
    recordings.push(await recordShownEvents(page));
    // Streams live for 3 to 4 s: not all readers are handed over at the same time.
    await sleep(500);
  }

  const publishedAt: number[] = [];
  const beganAt = performance.now();
  for (const number of range(1, eventCount)) {
    await sleep(Math.max(0, beganAt + number * everyMs - performance.now()));
    publishedAt.push(Date.now());
    await store(app, [number]);
  }
  await sleep(1_000);

  const recorded = await Promise.all(recordings.map((read) => read()));
  for (const { newest } of recorded) expect(newest.at(-1)?.seq).toBe(eventCount);
  const rounds = recorded.flatMap((own) => {
    const others = recorded.filter((other) => other !== own);
    const all = own.handovers.map((handover) => compare(handover, own, others, publishedAt));
    return all.filter(({ during }) => during.length >= minSamples);
  });
  const during = rounds.flatMap((round) => round.during);
  const meanwhile = rounds.flatMap((round) => round.meanwhile);
  const added = rounds.map((round) => percentile(round.during, 99) - percentile(round.meanwhile, 99));
  console.log(
    `${eventCount} events, ${rounds.length} handovers; ${summarize('during', during)}; ${summarize('without', meanwhile)}; ` +
      `added to p99 by each handover: ${added.join(', ')} ms, median: ${percentile(added, 50)} ms`,
  );
  expect(Math.min(during.length, meanwhile.length)).toBeGreaterThanOrEqual(300);
  // The median of the handovers counts: a busy machine sometimes delays one reader and not the other, but a pause in
  // the handover itself would delay all of them.
  expect(Math.abs(percentile(added, 50))).toBeLessThanOrEqual(toleranceMs);
});

type Span = ShownEvents['handovers'][number];

const isWithin = (at: number, { from, to }: Span) => at >= from - aroundMs && at < to + aroundMs;

/**
 * The time from publishing to showing of the events of a handover, in ms: for the reader in the handover (`during`),
 * and for a reader without one (`meanwhile`). Other load on the machine delays both.
 */
function compare(
  handover: Span,
  own: ShownEvents,
  others: readonly ShownEvents[],
  publishedAt: readonly number[],
) {
  const during: number[] = [];
  const meanwhile: number[] = [];
  publishedAt.forEach((at, index) => {
    const calm = others.find(({ handovers }) => !handovers.some((other) => isWithin(at, other)));
    if (!isWithin(at, handover) || calm === undefined) return;
    during.push(shownAt(own, index + 1) - at);
    meanwhile.push(shownAt(calm, index + 1) - at);
  });
  return { during, meanwhile };
}

/** The time at which `seq` was in the list. The list is in order, so a newer event means that `seq` is there too. */
function shownAt({ newest }: ShownEvents, seq: number): number {
  return newest.find((shown) => shown.seq >= seq)?.at ?? Number.NaN;
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}

function summarize(name: string, values: readonly number[]): string {
  return `${name}: ${values.length} samples, p50 ${percentile(values, 50)} ms, p99 ${percentile(values, 99)} ms`;
}
