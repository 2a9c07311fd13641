import { fillIn } from '../../support/doc-table.ts';
import type { Figures } from './figures.ts';
import { comparisonTable } from './peer/comparison.ts';
import { tableOf } from './table.ts';

/**
 * The document with the table of a run in its place: of one beside the peer, of one with a fault at a time, or of one
 * with many.
 * @throws Error where it has no such place.
 */
export function withTable(doc: string, figures: Figures): string {
  const { seed, seconds, together, comparison } = figures;
  if (comparison !== undefined) {
    const how = `Seed ${seed}, ${seconds} s, up to ${together} faults at a time:`;
    const name = together === 1 ? 'chaos: peer, one' : 'chaos: peer, many';
    return fillIn(doc, [{ name, text: `${how}\n\n${comparisonTable(comparison)}` }]);
  }
  const name = together === 1 ? 'chaos: one' : 'chaos: many';
  return fillIn(doc, [{ name, text: tableOf(figures) }]);
}
