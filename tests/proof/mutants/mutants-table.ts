import { markdownTable } from '../../support/doc-table.ts';
import type { Catch } from './catches.ts';
import type { Mutant } from './mutants.ts';

/** A mutant, and the tests that fail because of it. */
export type Found = { readonly mutant: Mutant; readonly catches: readonly Catch[] };

/**
 * The mutants as a Markdown table, each with the first test that fails.
 * @param all every mutant, in order. One that was not run keeps its row of the table `before`.
 */
export function mutantsTable(all: readonly Mutant[], found: readonly Found[], before: string): string {
  const kept = before.split('\n').slice(2).map(cellsOf);
  const rows = all.flatMap((mutant) => {
    const own = found.find((each) => each.mutant.name === mutant.name);
    return own === undefined ? kept.filter(([name]) => name === mutant.name) : [rowOf(own)];
  });
  return markdownTable(['broken guard', 'file', 'first test that fails'], rows);
}

function rowOf({ mutant: { name, file }, catches: [first] }: Found): readonly string[] {
  return [name, `\`${file}\``, first === undefined ? '**none**' : `\`${first.file}\`: ${first.test}`];
}

function cellsOf(row: string): readonly string[] {
  return row.replace(/^\| | \|$/g, '').split(' | ');
}
