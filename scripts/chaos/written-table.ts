import type { Figures } from './figures.ts';
import { tableOf } from './table.ts';

/**
 * The document with the table of a run in its place: of one with a fault at a time, or of one with many.
 * @throws Error where it has no such place.
 */
export function withTable(doc: string, figures: Figures): string {
  const name = figures.together === 1 ? 'chaos: one' : 'chaos: many';
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*(<!-- /${name} -->)`);
  if (!place.test(doc)) throw new Error(`docs/reliability.md has no place for the table: <!-- ${name} -->`);
  return doc.replace(place, (_whole, begin: string, end: string) => `${begin}${tableOf(figures)}\n${end}`);
}
