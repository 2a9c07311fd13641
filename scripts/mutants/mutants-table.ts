import { readFileSync, writeFileSync } from 'node:fs';
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
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const places = /(<!-- mutants -->\n)[\s\S]*?(<!-- \/mutants -->)/;

/** Puts the table into its place in a file. @throws Error where there is none. */
export function writeTable(path: string, table: string): void {
  const text = readFileSync(path, 'utf8');
  if (!places.test(text)) throw new Error(`${path} has no place for the mutants`);
  writeFileSync(
    path,
    text.replace(places, (_, before: string, after: string) => `${before}${table}\n${after}`),
  );
}
