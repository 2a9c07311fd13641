import type { AnswersRun, Arrivals } from './run-answers.ts';

/** The place of the table in docs/reliability.md. */
export const answersPlace = 'answers';

/** A run as Markdown. */
export function answersTable(run: AnswersRun): string {
  const row = (name: string, { exact, told, wrong, medianSeconds, worstSeconds }: Arrivals) =>
    `| ${name} | **${exact}** of ${run.answers} | ${told} | ${wrong} | ${medianSeconds} s | ${worstSeconds} s |`;
  return [
    `Seed ${run.seed}. ${run.kills} servers were killed, ${run.cutsAtByte} connections were cut at a random byte, and`,
    `${run.cutsAtLimit} at the limit of ${run.limitMs / 1_000} s. Both ways had the same servers, Redis and proxy, at the same time.`,
    '',
    '| way | every token once | not, and the page says so | not, and the page says nothing | half of the exact ones within | slowest |',
    '| --- | --- | --- | --- | --- | --- |',
    row('this recipe', run.ways.feed),
    row('`resumable-stream`, as its documentation shows it', run.ways.peer),
  ].join('\n');
}
