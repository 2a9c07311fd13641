import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import type { Run } from './kept-runs.ts';
import { cellsOf, figureText, type Line, lineHead } from './report.ts';

const machineHead = ['cases', 'date', 'CPU', 'cores', 'kernel', 'Node', 'Next', 'rounds', 'seed'];

const missedHead = ['case', 'figure', 'Steadfeed', 'ratio', 'goal'];

/** `missed`: the missed goals. `machine`: the machine of each run. Then one table for each case, under its name. */
export function docTables(runs: readonly Run[]): readonly DocTable[] {
  const lines = runs.flatMap((run) => run.lines);
  const cases = Object.entries(Object.groupBy(lines, (line) => line.case));
  return [
    { name: 'missed', text: markdownTable(missedHead, lines.flatMap(missedCells)) },
    { name: 'machine', text: markdownTable(machineHead, runs.map(machineCells)) },
    ...cases.map(([name, own = []]) => ({
      name,
      text: `Setup: ${own[0]?.what}.\n\n${markdownTable(lineHead, own.map(cellsOf))}`,
    })),
  ];
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
