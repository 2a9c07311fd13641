import type { Figures } from './figures.ts';
import { comparisonTable } from './peer/comparison.ts';

/** The figures as Markdown: a line on the whole, then a row for each fault, then the peer where it ran beside. */
export function tableOf(figures: Figures): string {
  const { seed, seconds, together, readers, cuts, deliveries, acknowledged, retries } = figures;
  const { trimmedGaps, restartedGaps, lost, doubled, outOfOrder, unsaidGaps } = figures;
  const whole = [
    `Seed ${seed}, ${seconds} s, up to ${together} faults at a time, ${readers} readers: ${count(cuts)} cuts, ${count(acknowledged)} events`,
    `acknowledged (${count(retries)} tries repeated), ${count(deliveries)} deliveries, ${count(trimmedGaps + restartedGaps)} gaps told`,
    `(${count(trimmedGaps)} trimmed, ${count(restartedGaps)} restarted);`,
    `${lost} lost, ${doubled} doubled, ${outOfOrder} out of order, ${unsaidGaps} unsaid gaps.`,
  ].join('\n');
  const rows = figures.faults.map(
    ({ fault, struck, cuts: own, p50Ms, p99Ms }) =>
      `| ${fault} | ${struck} | ${count(own)} | ${time(p50Ms)} | ${time(p99Ms)} |`,
  );
  const head = ['| fault | struck | cuts | back after, p50 | p99 |', '| --- | --- | --- | --- | --- |'];
  const text = `${whole}\n\n${[...head, ...rows].join('\n')}`;
  return figures.comparison === undefined ? text : `${text}\n\n${comparisonTable(figures.comparison)}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function time(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1_000).toFixed(2)} s`;
}
