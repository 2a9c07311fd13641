import { markdownTable } from '../../support/doc-table.ts';
import type { Catch } from './catches.ts';
import type { Mutant } from './mutants.ts';

/** A mutant and who found it out. */
export type Found = { readonly mutant: Mutant; readonly catches: readonly Catch[] };

/** The list as a Markdown table: each mutant, and the first test that found it out. */
export function mutantsTable(found: readonly Found[]): string {
  const rows = found.map(({ mutant: { name, file }, catches: [first] }) => [
    name,
    `\`${file}\``,
    first === undefined ? '**nobody**' : `\`${first.file}\`: ${first.test}`,
  ]);
  const head = ['what no longer holds', 'in', 'found out first by'];
  return markdownTable(head, rows);
}
