import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fillIn } from '../../support/doc-table.ts';
import { root } from '../../support/root.ts';
import { readRuns } from '../bench/kept-runs.ts';
import { honestBox, middleboxes } from './catalogue.ts';
import { figuresOf, overRounds, type ReaderFigures } from './figures.ts';
import { brokenPromises } from './judge.ts';
import { promise } from './middlebox.ts';
import { readMiddleboxOptions } from './middlebox-options.ts';
import type { Published } from './publishing.ts';
import { feeds, type ReaderKind, type ReaderRecord, readerNames } from './readers/record.ts';
import { brokenBehind, comparedTable, docTables, findBoth, ownTable, type Run, withRun } from './report.ts';

const phases = { reachMs: 2_000, steadyAt: 10_000, behaveAt: 20_000, endAt: 30_000 };

/** Events a, b, c … of the quiet feed, published at these times. */
const publishedAt = (...times: readonly number[]): Published[] =>
  times.map((at, index) => ({ feed: 'quiet', name: String.fromCharCode(97 + index), at }));

const record = (given: Partial<ReaderRecord>): ReaderRecord => ({
  ...{ kind: 'steadfeed', feed: 'quiet', box: 'honest', startedAt: 0 },
  ...{ events: [], statuses: [['live', 0]], requestsAt: [] },
  ...given,
});

describe('the figures of a reader', () => {
  test('count what never arrived and what arrived again, by name', () => {
    const events = [
      ['a', 3_001],
      ['b', 4_001],
      ['a', 4_002],
      ['a', 4_003],
    ] as const;
    const figures = figuresOf(record({ events }), publishedAt(3_000, 4_000, 5_000), phases);
    expect(figures).toMatchObject({ expected: 3, lost: 0, missing: 1, doubled: 2 });
  });

  test('call an event lost if a later one arrived, and missing at the end if none did', () => {
    const events = [['c', 5_001]] as const;
    const figures = figuresOf(record({ events }), publishedAt(3_000, 4_000, 5_000, 12_000), phases);
    expect(figures).toMatchObject({ lost: 2, missing: 1, worstMs: null });
  });

  test('count no event as lost that was published before the reader can have reached the server', () => {
    const figures = figuresOf(record({ startedAt: 1_000 }), publishedAt(2_999, 3_000), phases);
    expect(figures).toMatchObject({ expected: 1, missing: 1 });
  });

  test('have latencies of the steady state only, also of an event that arrives after it', () => {
    const events = [
      ['a', 9_000],
      ['b', 11_005],
      ['c', 12_007],
      ['d', 21_000],
      ['e', 29_000],
    ] as const;
    const figures = figuresOf(record({ events }), publishedAt(3_000, 11_000, 12_000, 13_000, 21_000), phases);
    expect(figures).toMatchObject({ firstMs: 6_000, p50Ms: 7, worstMs: 8_000 });
  });

  test('have the share of the steady state in which the reader was down', () => {
    const statuses = [
      ['down', 0],
      ['live', 12_000],
      ['down', 15_000],
      ['polling', 18_000],
      ['down', 25_000],
    ] as const;
    expect(figuresOf(record({ statuses }), [], phases).downShare).toBe(0.5);
  });

  test('have the requests of the steady state', () => {
    const requestsAt = [1, 10_000, 19_999, 20_000];
    expect(figuresOf(record({ requestsAt }), [], phases).requestsPerMinute).toBe(12);
  });

  test.each([
    { statuses: [['live', 0]], arrivesAt: 21_010, prompt: 0, live: 0 },
    { statuses: [['live', 0]], arrivesAt: 24_000, prompt: 4_000, live: 4_000 },
    {
      statuses: [
        ['polling', 0],
        ['live', 26_000],
      ],
      arrivesAt: 21_010,
      prompt: 0,
      live: 6_000,
    },
    { statuses: [['polling', 0]], arrivesAt: 21_010, prompt: 0, live: null },
    { statuses: [['live', 0]], arrivesAt: null, prompt: null, live: null },
  ] as const)('are prompt again after $prompt and live after $live, with $statuses', (given) => {
    const { statuses, arrivesAt, prompt, live } = given;
    const events = arrivesAt === null ? [] : ([['a', arrivesAt]] as const);
    const figures = figuresOf(record({ statuses, events }), publishedAt(21_000), phases);
    expect(figures).toMatchObject({ promptAgainMs: prompt, liveAgainMs: live });
  });

  test('count nothing as lost that was published before any request can have got through', () => {
    const late = { ...phases, endAt: 90_000 };
    const figures = figuresOf(record({}), publishedAt(12_000, 59_999, 60_000), late, false);
    expect(figures).toMatchObject({ expected: 1, missing: 1 });
  });
});

const good: ReaderFigures = {
  ...{ box: 'honest', kind: 'steadfeed', feed: 'quiet', firstMs: 5, p50Ms: 5, worstMs: 20 },
  ...{
    requestsPerMinute: 2,
    downShare: 0,
    promptAgainMs: 0,
    liveAgainMs: 0,
    expected: 10,
    lost: 0,
    doubled: 0,
    missing: 0,
  },
};
const noDelays = { boxesMs: 0, readersMs: 0, honestMs: 0, serverWaitedShare: 0 };
const long = { delays: noDelays, times: { learnMs: 1_000, steadyMs: 1_000, behaveMs: 60_000 } };

describe('the promise', () => {
  test('is held by a reader that gets everything in time', () => {
    expect(brokenPromises(good, promise, long)).toEqual([]);
  });

  test.each([
    [{ lost: 1 }, ['1 lost']],
    [{ doubled: 2 }, ['2 doubled']],
    [{ firstMs: 10_001 }, ['first event']],
    [{ firstMs: null, worstMs: null }, ['first event', 'worst']],
    [{ worstMs: 5_001 }, ['worst']],
  ] as const)('is broken by %o', (wrong, broken) => {
    expect(brokenPromises({ ...good, ...wrong }, promise, long)).toEqual(broken);
  });

  test('leaves out what the machine was late', () => {
    const slow = { ...long, delays: { ...noDelays, boxesMs: 300, readersMs: 600, honestMs: 100 } };
    expect(brokenPromises({ ...good, worstMs: 6_000 }, promise, slow)).toEqual([]);
    expect(brokenPromises({ ...good, worstMs: 6_001 }, promise, slow)).toEqual(['worst']);
  });

  test('is only a way back where nothing can be read', () => {
    const none = { ...good, firstMs: null, worstMs: null };
    expect(brokenPromises(none, null, long)).toEqual([]);
    expect(brokenPromises({ ...none, promptAgainMs: null }, null, long)).toEqual(['way back']);
  });

  test('has no way back in a short round', () => {
    const short = { ...long, times: { ...long.times, behaveMs: 8_000 } };
    expect(brokenPromises({ ...good, promptAgainMs: null }, promise, short)).toEqual([]);
    expect(brokenPromises({ ...good, promptAgainMs: null }, promise, long)).toEqual(['way back']);
  });
});

test('over rounds, the worst counts, and what is lost in one round is lost', () => {
  const rounds = [
    good,
    { ...good, worstMs: 900, p50Ms: 7, lost: 1 },
    { ...good, liveAgainMs: null, p50Ms: 9 },
  ];
  expect(overRounds(rounds)).toMatchObject({
    worstMs: 900,
    p50Ms: 7,
    lost: 1,
    liveAgainMs: null,
    expected: 30,
  });
});

const about = {
  ...{ date: '2026-01-01', cpu: 'A CPU', cores: 2, kernel: 'Linux 1' },
  ...{ node: '24', next: '16', rounds: 1, seed: 1 },
};

describe('the report', () => {
  const run: Run = {
    about,
    times: { learnMs: 1_000, steadyMs: 1_000, behaveMs: 1_000 },
    delays: noDelays,
    rows: [
      good,
      { ...good, feed: 'busy', worstMs: 5_200 },
      { ...good, kind: 'eventSource', lost: 2 },
      { ...good, kind: 'eventSource', feed: 'busy', lost: 1, doubled: 1, worstMs: null },
    ],
  };

  test('shows both feeds of our reader, and what it missed', () => {
    expect(ownTable([run], [honestBox]).split('\n').at(-1)).toBe(
      '| passes everything on at once | 0.0 s / 0.0 s | 0.0 s / 0.0 s | 0.0 s / 5.2 s | 2 / 2 | 0 % / 0 % | 0.0 s / 0.0 s | 0.0 s / 0.0 s | **missed**: held / worst |',
    );
  });

  test('shows other readers beside it, with what they lost and doubled', () => {
    expect(comparedTable([run], middleboxes).split('\n').slice(2)).toEqual([
      '| passes everything on at once | 0.0 s / 5.2 s | 0.0 s / never, **3 lost**, **1 doubled** |',
    ]);
  });
});

describe('docs/reliability.md', () => {
  const doc = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
  const recorded = readRuns<Run>(join(root, 'tests/proof/runs/middleboxes.json'));

  test('has the tables of the recorded run', () => {
    const filled = fillIn(doc, docTables(recorded, middleboxes));
    expect(filled, 'write it with: npm run proof:middleboxes -- --doc').toBe(doc);
  });

  test.each(middleboxes)('has a run of every reader behind $name', (box) => {
    for (const kind of Object.keys(readerNames) as ReaderKind[])
      expect(findBoth(recorded, box, kind), kind).toHaveLength(feeds.length);
  });

  test.each(middleboxes)('shows that the promise is held behind $name', (box) => {
    expect(brokenBehind(recorded, box)).toEqual([]);
  });
});

test('kept figures are replaced by a new run of the same readers; others stay', () => {
  const of = (seed: number, ...kinds: readonly ReaderKind[]): Run => ({
    ...{ about: { ...about, seed }, delays: noDelays, times: long.times },
    rows: kinds.map((kind) => ({ ...good, kind })),
  });
  const runs = withRun(
    [of(1, 'steadfeed', 'upstashRealtime'), of(2, 'eventSource')],
    of(3, 'steadfeed', 'eventSource'),
  );
  expect(runs.map((run) => [run.about.seed, run.rows.map(({ kind }) => kind)])).toEqual([
    [1, ['upstashRealtime']],
    [3, ['steadfeed', 'eventSource']],
  ]);
});

describe('the command line', () => {
  test('takes some middleboxes, the rounds and the seed', () => {
    const options = readMiddleboxOptions([
      '--only',
      'crlf',
      '--only',
      'resets',
      '--rounds',
      '3',
      '--seed',
      '7',
    ]);
    expect(options).toMatchObject({ boxes: [{ name: 'crlf' }, { name: 'resets' }], rounds: 3, seed: 7 });
  });

  test.each([
    ['--rounds', '0'],
    ['--seed', 'x'],
    ['--only', 'no-such-box'],
    ['--no-such', ''],
  ])('refuses %s %s', (...args) => {
    expect(() => readMiddleboxOptions(args.filter((arg) => arg !== ''))).toThrow(args[0]);
  });
});
