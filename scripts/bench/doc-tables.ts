import type { Run } from './kept-runs.ts';
import { cellsOf, lineHead, markdownTable } from './report.ts';

/** A part of docs/performance.md that is written from figures; `name` marks its place. */
export type DocTable = { readonly name: string; readonly text: string };

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

/**
 * A text with all tables in their places, between `<!-- name -->` and `<!-- /name -->`.
 * @throws Error that names a table for which there is no place.
 */
export function fillIn(doc: string, tables: readonly DocTable[]): string {
  return tables.reduce((text, table) => {
    const place = new RegExp(`(<!-- ${table.name} -->\n)[\\s\\S]*?(<!-- /${table.name} -->)`);
    if (!place.test(text)) throw new Error(`there is no place for the table "${table.name}"`);
    return text.replace(place, (_, begin, end) => `${begin}${table.text}\n${end}`);
  }, doc);
}

function machineCells({ about, lines }: Run): readonly string[] {
  const { date, cpu, cores, kernel, node, next, rounds, seed } = about;
  const cases = [...new Set(lines.map((line) => line.case))].join(', ');
  return [cases, date, cpu, String(cores), kernel, node, next, String(rounds), String(seed)];
}
