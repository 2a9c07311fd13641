import type { Figures } from './figures.ts';

/** The figures as Markdown: a line on the whole, then a row for each fault. */
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
  return `${whole}\n\n${[...head, ...rows].join('\n')}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function time(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1_000).toFixed(2)} s`;
}
