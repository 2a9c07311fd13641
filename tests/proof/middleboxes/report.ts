import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import type { About } from '../bench/kept-runs.ts';
import type { ReaderFigures } from './figures.ts';
import { brokenPromises } from './judge.ts';
import type { Middlebox } from './middlebox.ts';
import { feeds, type ReaderKind, readerNames } from './readers/record.ts';
import type { Delays, Times } from './run-middleboxes.ts';

/** One run. The file that `--json` writes has one or more. */
export type Run = {
  readonly about: About;
  readonly times: Times;
  readonly delays: Delays;
  readonly rows: readonly ReaderFigures[];
};

const head = [
  'middlebox',
  'first event',
  'p50',
  'worst',
  'requests a minute',
  'not live',
  'prompt again',
  'streams again',
  'promise',
];

/** Adds a run to older ones. It replaces their figures of the same readers. */
export function withRun(runs: readonly Run[], run: Run): readonly Run[] {
  const nameOf = ({ box, kind, feed }: ReaderFigures) => `${box} ${kind} ${feed}`;
  const measured = new Set(run.rows.map(nameOf));
  const older = runs.map((each) => ({
    ...each,
    rows: each.rows.filter((row) => !measured.has(nameOf(row))),
  }));
  return [...older.filter(({ rows }) => rows.length > 0), run];
}

/** A reader's figures, and the run in which they were measured. */
type Found = { readonly row: ReaderFigures; readonly run: Run };

/** The figures of the quiet and the busy feed; none where one of them is missing. */
export function findBoth(runs: readonly Run[], box: Middlebox, kind: ReaderKind): readonly Found[] {
  const both = feeds.flatMap((feed) =>
    runs.flatMap((run) =>
      run.rows
        .filter((row) => row.box === box.name && row.kind === kind && row.feed === feed)
        .map((row) => ({ row, run })),
    ),
  );
  return both.length === feeds.length ? both : [];
}

/** The promises that a reader of ours did not get behind a box, for each feed. */
export function brokenBehind(runs: readonly Run[], box: Middlebox): readonly string[] {
  return findBoth(runs, box, 'steadfeed').flatMap(({ row, run }) =>
    brokenPromises(row, box.due, run).map((what) => `${box.name}, ${row.feed} feed: ${what}`),
  );
}

/** Our reader behind each box. Each cell has the quiet feed, then the busy one. */
export function ownTable(runs: readonly Run[], boxes: readonly Middlebox[]): string {
  const lines = boxes.flatMap((box) => {
    const both = findBoth(runs, box, 'steadfeed');
    if (both.length === 0) return [];
    const cell = (text: (figures: ReaderFigures) => string) => both.map(({ row }) => text(row)).join(' / ');
    const broken = both.map(({ row, run }) => brokenPromises(row, box.due, run).join(', '));
    return [
      [
        box.title,
        cell(({ firstMs }) => seconds(firstMs, 'never')),
        cell(({ p50Ms }) => seconds(p50Ms)),
        cell(({ worstMs }) => seconds(worstMs, 'never')),
        cell(({ requestsPerMinute }) => String(Math.round(requestsPerMinute))),
        cell(({ downShare }) => `${Math.round(downShare * 100)} %`),
        cell(({ promptAgainMs }) => seconds(promptAgainMs)),
        cell(({ liveAgainMs }) => seconds(liveAgainMs)),
        promiseCell(box, broken),
      ],
    ];
  });
  return markdownTable(head, lines);
}

function promiseCell({ due, why }: Middlebox, broken: readonly string[]): string {
  if (broken.some((text) => text !== ''))
    return `**missed**: ${broken.map((text) => text || 'held').join(' / ')}`;
  if (due === null) return `not due: ${why}`;
  if (why === undefined) return 'held';
  return `held: the first within ${due.firstMs / 1_000} s, others within ${due.latestMs / 1_000} s; ${why}`;
}

/** The worst latency, and what was lost and doubled, of each kind of reader. */
export function comparedTable(runs: readonly Run[], boxes: readonly Middlebox[]): string {
  const has = (kind: ReaderKind) => runs.some(({ rows }) => rows.some((row) => row.kind === kind));
  const kinds = (Object.keys(readerNames) as ReaderKind[]).filter(has);
  const lines = boxes.flatMap((box) => {
    const cells = kinds.map((kind) => comparedCell(findBoth(runs, box, kind)));
    return cells.every((text) => text === '') ? [] : [[box.title, ...cells]];
  });
  return markdownTable(['middlebox', ...kinds.map((kind) => readerNames[kind])], lines);
}

function comparedCell(both: readonly Found[]): string {
  const worst = both.map(({ row }) => seconds(row.worstMs, 'never')).join(' / ');
  const sum = (name: 'lost' | 'doubled') => both.reduce((total, { row }) => total + row[name], 0);
  const counts = (['lost', 'doubled'] as const).flatMap((name) =>
    sum(name) === 0 ? [] : [`**${sum(name)} ${name}**`],
  );
  return [...(worst === '' ? [] : [worst]), ...counts].join(', ');
}

/** One decimal, in seconds. */
function seconds(ms: number | null, none = 'none'): string {
  return ms === null ? none : `${(ms / 1_000).toFixed(1)} s`;
}

const runHead = [
  'readers',
  'date',
  'cores',
  'rounds',
  'learning, steady, behaving',
  'boxes late',
  'readers late',
  'honest proxy late',
  'server waited',
];

/** The conditions of each run: its machine, its times, and what the machine itself was late. */
export function conditionsTable(runs: readonly Run[]): string {
  const lines = runs.map(({ about, times, delays, rows }) => [
    [...new Set(rows.map(({ kind }) => readerNames[kind]))].join(', '),
    about.date,
    `${about.cores} × ${about.cpu}`,
    String(about.rounds),
    [times.learnMs, times.steadyMs, times.behaveMs].map((ms) => `${ms / 1_000} s`).join(', '),
    `${delays.boxesMs} ms`,
    `${delays.readersMs} ms`,
    `${delays.honestMs} ms`,
    `${Math.round(delays.serverWaitedShare * 100)} %`,
  ]);
  return markdownTable(runHead, lines);
}

/** The tables of docs/reliability.md. */
export function docTables(runs: readonly Run[], boxes: readonly Middlebox[]): readonly DocTable[] {
  return [
    { name: 'middleboxes: runs', text: conditionsTable(runs) },
    { name: 'middleboxes', text: ownTable(runs, boxes) },
    { name: 'middleboxes: compared', text: comparedTable(runs, boxes) },
  ];
}
