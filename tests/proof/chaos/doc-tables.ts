import { fillIn } from '../../support/doc-table.ts';
import type { Figures } from './figures.ts';
import { comparisonTable } from './peer/comparison.ts';

/**
 * Writes the table of a run into docs/reliability.md. The document has four places: one fault at a time or many, each with
 * and without the peer.
 * @throws Error where the document has no such place.
 */
export function withTable(doc: string, figures: Figures): string {
  const place = figures.together === 1 ? 'one' : 'many';
  const { comparison } = figures;
  if (comparison === undefined) return fillIn(doc, [{ name: `chaos: ${place}`, text: tableOf(figures) }]);
  const text = `${conditionsOf(figures)}.\n\n${comparisonTable(comparison)}`;
  return fillIn(doc, [{ name: `chaos: peer, ${place}`, text }]);
}

/** A run as Markdown: its totals, one row for each fault, and the peer if it ran too. */
export function tableOf(figures: Figures): string {
  const { readers, cuts, deliveries, acknowledged, retries, comparison } = figures;
  const { trimmedGaps, restartedGaps, lost, doubled, outOfOrder, unsaidGaps } = figures;
  const totals = [
    `${conditionsOf(figures)}, ${readers} readers. ${count(cuts)} connections were cut. Publishers got ${count(acknowledged)}`,
    `events acknowledged and sent ${count(retries)} requests again. Readers received ${count(deliveries)} events and`,
    `${count(trimmedGaps + restartedGaps)} gaps (${count(trimmedGaps)} trimmed, ${count(restartedGaps)} restarted).`,
    `**${lost} lost, ${doubled} received twice, ${outOfOrder} out of order, ${unsaidGaps} losses without a gap.**`,
  ].join('\n');
  const rows = figures.faults.map(
    ({ fault, struck, cuts: own, p50Ms, p99Ms }) =>
      `| ${fault} | ${struck} | ${count(own)} | ${time(p50Ms)} | ${time(p99Ms)} |`,
  );
  const head = [
    '| fault | times | connections cut | recovery p50 | recovery p99 |',
    '| --- | --- | --- | --- | --- |',
  ];
  const text = `${totals}\n\n${[...head, ...rows].join('\n')}`;
  return comparison === undefined ? text : `${text}\n\n${comparisonTable(comparison)}`;
}

function conditionsOf({ seed, seconds, together }: Figures): string {
  const faults = together === 1 ? 'one fault at a time' : `up to ${together} faults at a time`;
  return `Seed ${seed}, ${seconds} s, ${faults}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function time(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1_000).toFixed(2)} s`;
}
