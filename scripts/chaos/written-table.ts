import type { Figures } from './figures.ts';
import { tableOf } from './table.ts';

/** The place of the table in docs/reliability.md. */
const place = /(<!-- chaos -->\n)[\s\S]*(<!-- \/chaos -->)/;

/** The document with the table of a run in its place. @throws Error where it has no such place. */
export function withTable(doc: string, figures: Figures): string {
  if (!place.test(doc)) throw new Error('docs/reliability.md has no place for the table: <!-- chaos -->');
  return doc.replace(place, (_whole, begin: string, end: string) => `${begin}${tableOf(figures)}\n${end}`);
}
