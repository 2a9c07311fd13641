import { fillIn } from '../bench/doc-tables.ts';
import type { Figures } from './figures.ts';
import { tableOf } from './table.ts';

/**
 * The document with the table of a run in its place: of one with a fault at a time, or of one with many.
 * @throws Error where it has no such place.
 */
export function withTable(doc: string, figures: Figures): string {
  const name = figures.together === 1 ? 'chaos: one' : 'chaos: many';
  return fillIn(doc, [{ name, text: tableOf(figures) }]);
}
