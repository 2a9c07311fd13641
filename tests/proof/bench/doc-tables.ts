import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import type { Run } from './kept-runs.ts';
import { cellsOf, lineHead } from './report.ts';

const machineHead = ['measured', 'on', 'CPU', 'cores', 'kernel', 'Node', 'Next', 'rounds', 'seed'];

/** The table `machine`, with where and how each run was made; then one for each case, under its name. */
export function docTables(runs: readonly Run[]): readonly DocTable[] {
  const lines = runs.flatMap((run) => run.lines);
  const cases = Object.entries(Object.groupBy(lines, (line) => line.case));
  return [
    { name: 'machine', text: markdownTable(machineHead, runs.map(machineCells)) },
    ...cases.map(([name, own = []]) => ({
      name,
      text: `At: ${own[0]?.what}.\n\n${markdownTable(lineHead, own.map(cellsOf))}`,
    })),
  ];
}

function machineCells({ about, lines }: Run): readonly string[] {
  const { date, cpu, cores, kernel, node, next, rounds, seed } = about;
  const cases = [...new Set(lines.map((line) => line.case))].join(', ');
  return [cases, date, cpu, String(cores), kernel, node, next, String(rounds), String(seed)];
}
