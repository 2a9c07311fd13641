import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import type { Case, Cell, Figure, Goal, Measured } from './cases/case.ts';
import { type ContestantKey, contestantNames, isOurs } from './contestants.ts';
import { median, ratio } from './figures.ts';
import type { Run } from './kept-runs.ts';
import { summaryTable } from './summary.ts';

/** The results of all rounds of a case. */
export type Outcome = {
  readonly of: Pick<Case, 'name' | 'what' | 'figures'>;
  readonly rounds: Readonly<Partial<Record<ContestantKey, readonly Measured[]>>>;
};

/** Whether a figure of this feed meets a goal. */
export type Verdict = {
  /** The ratio; null: the goal is for the value itself. */
  readonly ratio: number | null;
  /** `≤ 1.15 × (round trip + bare …)` */
  readonly goal: string;
  readonly isMet: boolean;
};

/** A line of the report: one figure of one contestant. */
export type Line = {
  readonly case: string;
  readonly what: string;
  readonly figure: string;
  readonly unit: string;
  readonly cell?: Cell;
  readonly contestant: ContestantKey;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** One for each goal; other contestants have none. */
  readonly verdicts: readonly Verdict[];
  /** Median share of a core that the load client used. */
  readonly clientLoad: number;
};

/** The lines of the report: each figure of each contestant that has it, ours first. */
export function linesOf(outcomes: readonly Outcome[]): readonly Line[] {
  return outcomes.flatMap(({ of, rounds }) =>
    of.figures.flatMap((figure) =>
      (Object.keys(rounds) as ContestantKey[]).flatMap((contestant): Line[] => {
        const values = valuesOf(rounds, contestant, figure.name);
        if (values.length === 0) return [];
        const goals = figure.goals.filter(({ of }) =>
          of === undefined ? isOurs(contestant) : of === contestant,
        );
        return [
          {
            case: of.name,
            what: of.what,
            figure: figure.name,
            unit: figure.unit,
            ...(figure.cell && { cell: figure.cell }),
            contestant,
            median: median(values),
            least: Math.min(...values),
            most: Math.max(...values),
            verdicts: goals.map((goal) => judge(goal, figure, values, rounds, contestant)),
            clientLoad: median((rounds[contestant] ?? []).map(({ clientLoad }) => clientLoad)),
          },
        ];
      }),
    ),
  );
}

/** One value for each round; none if the contestant does not have the figure. */
function valuesOf(rounds: Outcome['rounds'], contestant: ContestantKey, figure: string): number[] {
  return (rounds[contestant] ?? []).flatMap(({ figures }) => figures[figure] ?? []);
}

function judge(
  { to, atLeast, atMost }: Goal,
  { name, unit }: Figure,
  values: readonly number[],
  rounds: Outcome['rounds'],
  ours: ContestantKey,
): Verdict {
  const terms = to?.map((term) =>
    typeof term === 'string'
      ? { name: contestantNames[term], values: valuesOf(rounds, term, name) }
      : { name: term.as ?? term.own, values: valuesOf(rounds, ours, term.own) },
  );
  const sumOf = (round: number) =>
    terms?.reduce((sum, term) => sum + (term.values[round] ?? Number.NaN), 0) ?? 1;
  const sums = values.map((_, round) => sumOf(round));
  const compared = terms === undefined ? null : ratio(values, sums);
  const value = compared ?? median(values);
  const limit = atLeast === undefined ? `≤ ${figureText(atMost ?? 0)}` : `≥ ${figureText(atLeast)}`;
  const names = terms?.map((term) => term.name).join(' + ');
  const held = terms === undefined ? unit : `× ${terms.length > 1 ? `(${names})` : names}`;
  return {
    ratio: compared,
    goal: `${limit} ${held}`.trim(),
    isMet: value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY),
  };
}

/** The report as a Markdown table. */
export function tableOf(lines: readonly Line[]): string {
  return markdownTable(
    ['setup', ...lineHead],
    lines.map((line) => [line.what, ...cellsOf(line)]),
  );
}

/** The heading of the cells of a line. */
export const lineHead = ['figure', 'server', 'median', 'min to max', 'ratio', 'goal', 'load client'];

/** A line as cells, without its setup. */
export function cellsOf(line: Line): readonly string[] {
  const { verdicts } = line;
  return [
    line.figure,
    contestantNames[line.contestant],
    `${figureText(line.median)} ${line.unit}`.trim(),
    `${figureText(line.least)} to ${figureText(line.most)}`,
    verdicts.flatMap((verdict) => verdict.ratio?.toFixed(2) ?? []).join('; '),
    verdicts.map(goalText).join('; '),
    `${Math.round(line.clientLoad * 100)} %`,
  ];
}

function goalText({ goal, isMet }: Verdict): string {
  return `${goal}: ${isMet ? 'met' : '**missed**'}`;
}

/** A number with two or three digits that count. */
export function figureText(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

const machineHead = ['cases', 'date', 'CPU', 'cores', 'kernel', 'Node', 'Next', 'rounds', 'seed'];

const missedHead = ['case', 'figure', 'Steadfeed', 'ratio', 'goal'];

/**
 * `summary`: the figures that answer most questions. `missed`: the missed goals. `machine`: the machine of each run. Then one
 * table for each case, under its name.
 * @param names the cases that the document has a place for; default: those that were measured.
 */
export function docTables(runs: readonly Run[], names?: readonly string[]): readonly DocTable[] {
  const lines = runs.flatMap((run) => run.lines);
  const measured = Object.groupBy(lines, (line) => line.case);
  return [
    { name: 'summary', text: summaryTable(lines) },
    { name: 'missed', text: markdownTable(missedHead, lines.flatMap(missedCells)) },
    { name: 'machine', text: markdownTable(machineHead, runs.map(machineCells)) },
    ...(names ?? Object.keys(measured)).map((name) => ({ name, text: caseTable(measured[name] ?? []) })),
  ];
}

function caseTable(lines: readonly Line[]): string {
  const [first] = lines;
  if (first === undefined) return 'Not measured yet.';
  const table = first.cell === undefined ? markdownTable(lineHead, lines.map(cellsOf)) : gridOf(lines);
  return `Setup: ${first.what}.\n\n${table}`;
}

/** The lines of a case as a table with one row for each cost, by their cells. The goals of a row are in its last column. */
function gridOf(lines: readonly Line[]): string {
  const columns = [...new Set(lines.flatMap(({ cell }) => cell?.column ?? []))];
  const rows = Object.entries(Object.groupBy(lines, ({ cell }) => cell?.row ?? ''));
  return markdownTable(
    ['', ...columns, 'ratio', 'goal'],
    rows.map(([row, own = []]) => [
      row,
      ...columns.map((column) => {
        const line = own.find(({ cell }) => cell?.column === column);
        return line === undefined ? '' : `${figureText(line.median)} ${line.unit}`;
      }),
      own.flatMap(({ verdicts }) => verdicts.flatMap(({ ratio }) => ratio?.toFixed(2) ?? [])).join('; '),
      own.flatMap(({ verdicts }) => verdicts.map(goalText)).join('; '),
    ]),
  );
}

/** One row for each goal that a line misses. */
function missedCells(line: Line): readonly (readonly string[])[] {
  return line.verdicts
    .filter(({ isMet }) => !isMet)
    .map(({ ratio, goal }) => [
      line.case,
      line.figure,
      `${figureText(line.median)} ${line.unit}`.trim(),
      ratio?.toFixed(2) ?? '',
      goal,
    ]);
}

function machineCells({ about, lines }: Run): readonly string[] {
  const { date, cpu, cores, kernel, node, next, rounds, seed } = about;
  const cases = [...new Set(lines.map((line) => line.case))].join(', ');
  return [cases, date, cpu, String(cores), kernel, node, next, String(rounds), String(seed)];
}
