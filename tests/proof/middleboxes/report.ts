import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import type { About } from '../bench/kept-runs.ts';
import type { ReaderFigures } from './figures.ts';
import { brokenPromises } from './judge.ts';
import type { Middlebox } from './middlebox.ts';
import { type FeedName, feeds, type ReaderKind, readerNames } from './readers/record.ts';
import type { Delays, Times } from './run-middleboxes.ts';

/** A run, as `--json` writes it. */
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

/** Our reader behind each box. Each cell has the quiet feed, then the busy one. */
export function ownTable(run: Run, boxes: readonly Middlebox[]): string {
  const lines = boxes.flatMap((box) => {
    const both = feeds.flatMap((feed) => find(run.rows, box.name, 'steadfeed', feed) ?? []);
    if (both.length < feeds.length) return [];
    const cell = (text: (figures: ReaderFigures) => string) => both.map(text).join(' / ');
    const broken = both.map((figures) => brokenPromises(figures, box.due, run).join(', '));
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
        broken.every((text) => text === '')
          ? 'held'
          : `**missed**: ${broken.map((text) => text || 'held').join(' / ')}`,
      ],
    ];
  });
  return markdownTable(head, lines);
}

/** The worst latency, and what was lost and doubled, of each kind of reader. */
export function comparedTable({ rows }: Run, boxes: readonly Middlebox[]): string {
  const kinds = (Object.keys(readerNames) as ReaderKind[]).filter((kind) =>
    rows.some((row) => row.kind === kind),
  );
  const lines = boxes.flatMap((box) => {
    if (!rows.some((row) => row.box === box.name)) return [];
    return [[box.title, ...kinds.map((kind) => comparedCell(rows, box.name, kind))]];
  });
  return markdownTable(['middlebox', ...kinds.map((kind) => readerNames[kind])], lines);
}

function comparedCell(rows: readonly ReaderFigures[], box: string, kind: ReaderKind): string {
  const both = feeds.flatMap((feed) => find(rows, box, kind, feed) ?? []);
  const worst = both.map(({ worstMs }) => seconds(worstMs, 'never')).join(' / ');
  const sum = (name: 'lost' | 'doubled') => both.reduce((total, figures) => total + figures[name], 0);
  const counts = (['lost', 'doubled'] as const).flatMap((name) =>
    sum(name) === 0 ? [] : [`**${sum(name)} ${name}**`],
  );
  return [worst, ...counts].join(', ');
}

/** One decimal, in seconds. */
function seconds(ms: number | null, none = 'none'): string {
  return ms === null ? none : `${(ms / 1_000).toFixed(1)} s`;
}

function find(
  rows: readonly ReaderFigures[],
  box: string,
  kind: ReaderKind,
  feed: FeedName,
): ReaderFigures | undefined {
  return rows.find((row) => row.box === box && row.kind === kind && row.feed === feed);
}

/** The conditions of a run, in one line. */
export function conditionsOf({ about, times, delays }: Run): string {
  const { learnMs, steadyMs, behaveMs } = times;
  const share = Math.round(delays.serverWaitedShare * 100);
  return [
    `Recorded on ${about.date}, ${about.rounds} ${about.rounds === 1 ? 'round' : 'rounds'} of ${learnMs / 1_000} s to learn,`,
    `${steadyMs / 1_000} s of steady state and ${behaveMs / 1_000} s after that, on ${about.cores} shared cores (${about.cpu}).`,
    `The machine made boxes late by up to ${delays.boxesMs} ms and readers by up to ${delays.readersMs} ms;`,
    `the server waited for a processor ${share} % of the time.`,
  ].join('\n');
}

/** The tables of docs/reliability.md. */
export function docTables(run: Run, boxes: readonly Middlebox[]): readonly DocTable[] {
  return [
    { name: 'middleboxes', text: `${conditionsOf(run)}\n\n${ownTable(run, boxes)}` },
    { name: 'middleboxes: compared', text: comparedTable(run, boxes) },
  ];
}
