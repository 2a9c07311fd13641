import { markdownTable } from '../../support/doc-table.ts';
import type { Catch } from './catches.ts';
import type { Mutant } from './mutants.ts';

/** A mutant, and the tests that fail because of it. */
export type Found = { readonly mutant: Mutant; readonly catches: readonly Catch[] };

/** The mutants as a Markdown table, each with the first test that fails. */
export function mutantsTable(found: readonly Found[]): string {
  const rows = found.map(({ mutant: { name, file }, catches: [first] }) => [
    name,
    `\`${file}\``,
    first === undefined ? '**none**' : `\`${first.file}\`: ${first.test}`,
  ]);
  const head = ['broken guard', 'file', 'first test that fails'];
  return markdownTable(head, rows);
}
