import type { Case, Goal, Measured } from './case.ts';
import type { ContestantKey } from './contestants.ts';
import { median, ratio } from './figures.ts';

/** What all rounds of a case gave. */
export type Outcome = {
  readonly of: Pick<Case, 'name' | 'what' | 'goals'>;
  readonly rounds: Readonly<Partial<Record<ContestantKey, readonly Measured[]>>>;
};

/** A line of the report: one figure of one contestant. */
export type Line = {
  readonly case: string;
  readonly what: string;
  readonly figure: string;
  readonly unit: string;
  readonly contestant: ContestantKey;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** To ours: how ours compares with the one it is held against; null on the other lines. */
  readonly ratio: number | null;
  readonly goal: string | null;
  readonly isMet: boolean | null;
  /** Median share of a core that the load client used. */
  readonly clientLoad: number;
};

/** Every figure of every contestant, ours first. */
export function linesOf(outcomes: readonly Outcome[]): readonly Line[] {
  return outcomes.flatMap(({ of, rounds }) =>
    of.goals.flatMap((goal) =>
      (Object.keys(rounds) as ContestantKey[]).map((contestant): Line => {
        const values = valuesOf(rounds, contestant, goal);
        const verdict = contestant === 'steadfeed' ? judge(values, rounds, goal) : null;
        return {
          case: of.name,
          what: of.what,
          figure: goal.figure,
          unit: goal.unit,
          contestant,
          median: median(values),
          least: Math.min(...values),
          most: Math.max(...values),
          ratio: verdict?.ratio ?? null,
          goal: verdict?.goal ?? null,
          isMet: verdict?.isMet ?? null,
          clientLoad: median((rounds[contestant] ?? []).map(({ clientLoad }) => clientLoad)),
        };
      }),
    ),
  );
}

function valuesOf(rounds: Outcome['rounds'], contestant: ContestantKey, { figure }: Goal): number[] {
  return (rounds[contestant] ?? []).map(({ figures }) => figures[figure] ?? Number.NaN);
}

function judge(values: readonly number[], rounds: Outcome['rounds'], goal: Goal) {
  const { to, atLeast, atMost, unit } = goal;
  const compared = to === null ? null : ratio(values, valuesOf(rounds, to, goal));
  const value = compared ?? median(values);
  const limit = atLeast === undefined ? `≤ ${figureText(atMost ?? 0)}` : `≥ ${figureText(atLeast)}`;
  return {
    ratio: compared,
    goal: `${limit} ${to === null ? unit : `× ${names[to]}`}`,
    isMet: value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY),
  };
}

const names: Readonly<Record<ContestantKey, string>> = {
  steadfeed: 'Steadfeed',
  bareNode: 'bare `node:http`',
  betterSse: 'better-sse',
  plainNext: 'plain Next route',
};

/** The report as a Markdown table. */
export function tableOf(lines: readonly Line[]): string {
  const head = ['at', 'figure', 'who', 'median', 'least to most', 'ratio', 'must be', 'client'];
  const rows = lines.map((line) => [
    line.what,
    line.figure,
    names[line.contestant],
    `${figureText(line.median)} ${line.unit}`,
    `${figureText(line.least)} to ${figureText(line.most)}`,
    line.ratio === null ? '' : line.ratio.toFixed(2),
    line.goal === null ? '' : `${line.goal}: ${line.isMet ? 'yes' : '**no**'}`,
    `${Math.round(line.clientLoad * 100)} %`,
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function figureText(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
