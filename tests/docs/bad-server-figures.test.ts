import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { badAnswers } from '../support/client/bad-answers.ts';
import { figuresTable, measureAll } from '../support/client/bad-server-figures.ts';
import { type Outage, outage } from '../support/client/outage.ts';

const doc = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');

const all = await measureAll();
const rows = all.map(([each, { outages }]) => ({ ...each, outages }));
const served = rows.flatMap((row) => (row.firstMs === null ? [] : [{ ...row, firstMs: row.firstMs }]));
const starved = rows.filter(({ firstMs }) => firstMs === null);

/** Says which run failed, so that it can be repeated. */
const where = ({ seed, forMs }: Outage) => `seed ${seed}, misbehaving for ${forMs} ms`;
const isLong = ({ forMs }: Outage) => forMs >= 600_000;

/** Most requests of a minute of polling: one each 2 s, and two probes. */
const pollingMinute = 32;

test.each(served)(
  '$name: the first event comes after $firstMs.0 to $firstMs.1 ms',
  ({ outages, firstMs }) => {
    for (const each of outages) {
      expect(each.firstMs, where(each)).toBeGreaterThanOrEqual(firstMs[0]);
      expect(each.firstMs, where(each)).toBeLessThanOrEqual(firstMs[1]);
    }
  },
);

test.each(starved)('$name: no event comes before the server behaves', ({ outages }) => {
  for (const each of outages) expect(each.firstMs, where(each)).toBeNull();
});

test.each(served)('$name: no event is later than $latestMs ms', ({ outages, latestMs }) => {
  for (const each of outages) expect(each.latestMs, where(each)).toBeLessThanOrEqual(latestMs ?? 0);
});

test.each(rows)('$name: gets at most $requests requests in 60 s', ({ outages, requests }) => {
  for (const each of outages) expect(each.requests[0], where(each)).toBeLessThanOrEqual(requests);
});

test.each(rows)('$name: gets no more requests in any of ten minutes', ({ outages, requests }) => {
  for (const each of outages.filter(isLong)) {
    expect(each.requests).toHaveLength(10);
    expect(Math.max(...each.requests), where(each)).toBeLessThanOrEqual(Math.max(requests, pollingMinute));
  }
});

test.each(rows)(
  '$name: when the server behaves again, the next event comes within $eventBackMs ms',
  (row) => {
    for (const each of row.outages)
      expect(each.eventBackMs, where(each)).toBeLessThanOrEqual(row.eventBackMs);
  },
);

test.each(rows)(
  '$name: when the server behaves again, the client streams within $backMs ms',
  ({ outages, backMs }) => {
    for (const each of outages.filter((one) => !isLong(one))) {
      expect(each.backMs, where(each)).toBeLessThanOrEqual(backMs);
    }
  },
);

test.each(rows)('$name: after an outage of ten minutes, the client streams within $backLateMs ms', (row) => {
  for (const each of row.outages.filter(isLong)) {
    expect(each.backMs, where(each)).toBeLessThanOrEqual(row.backLateMs);
  }
});

test.each(rows)('$name: each event comes once, and no gap is reported', ({ outages }) => {
  for (const each of outages) {
    const everything = Array.from({ length: each.published }, (_, index) => index + 1);
    expect(each.taken, where(each)).toEqual(everything);
    expect(each.gaps, where(each)).toBe(0);
  }
});

test.each([1, 2, 3, 4])(
  'events that a poll and a slow probe both bring come once (seed %i)',
  async (seed) => {
    const then = badAnswers.answersAfter3s;
    const { sent, taken, published } = await outage(badAnswers.answersHtml, { seed, forMs: 60_000, then });
    expect(sent).toBeGreaterThan(published);
    expect(taken).toEqual(Array.from({ length: published }, (_, index) => index + 1));
  },
);

test.each(['answers503ToAll', 'answers429'] as const)(
  '%s: a Retry-After is obeyed by all requests',
  async (name) => {
    const { asked } = await outage(badAnswers[name], { seed: 3, forMs: 600_000 });
    const times = [...new Set(asked.map(({ atMs }) => atMs).filter((atMs) => atMs < 600_000))];
    expect(times.length).toBeGreaterThan(10);
    for (const [index, atMs] of times.slice(1).entries()) {
      expect(atMs - (times[index] ?? 0)).toBeGreaterThanOrEqual(5_000);
    }
  },
);

test('a blocked stream is tried again after 15 s, then after waits that double up to 5 min', async () => {
  const { asked } = await outage(badAnswers.answersHtml, { seed: 3, forMs: 1_500_000 });
  const times = asked
    .filter(({ kind, atMs }) => kind === 'stream' && atMs < 1_500_000)
    .map(({ atMs }) => atMs);
  // The second response is the fallback. A random part adds up to a fifth, and half a second before the first poll.
  const waits = times.slice(2).map((atMs, index) => (atMs - (times[index + 1] ?? 0)) / 1_000);
  const expected = [15, 30, 60, 120, 240, 300, 300];
  expect(waits.length).toBeGreaterThanOrEqual(6);
  for (const [index, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(expected[index] ?? 0);
    expect(wait).toBeLessThanOrEqual((expected[index] ?? 0) * 1.2 + 0.5);
  }
});

test('a run is the same for the same seed', async () => {
  const live = () => outage(badAnswers.cutsAfter1s, { seed: 7, forMs: 120_000 });
  expect(await live()).toEqual(await live());
});

test('the figures in docs/client.md are the measured ones', () => {
  const written = /<!-- bad servers -->\n([\s\S]*?)\n?<!-- \/bad servers -->/.exec(doc)?.[1];
  expect(written, 'print it with: node tests/support/client/bad-server-figures.ts').toBe(figuresTable(all));
});
