import { backWithinMs, type ReaderFigures } from './figures.ts';
import type { Due } from './middlebox.ts';
import type { Delays, Times } from './run-middleboxes.ts';

/** What a run must be known by, to be judged. */
export type Conditions = {
  /** What the machine adds: it is not the box's fault. */
  readonly delays: Delays;
  readonly times: Times;
};

/**
 * The parts of the promise that a reader did not get.
 * @param due null: events need not arrive while the box misbehaves.
 */
export function brokenPromises(
  { firstMs, worstMs, lost, doubled, promptAgainMs }: ReaderFigures,
  due: Due | null,
  { delays, times }: Conditions,
): readonly string[] {
  const machineMs = delays.boxesMs + delays.readersMs + delays.honestMs;
  const isLate = (ms: number | null, limitMs: number) => ms === null || ms > limitMs + machineMs;
  // A short round ends before the way back must be over.
  const showsWayBack = times.behaveMs > backWithinMs;
  return [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(doubled > 0 ? [`${doubled} doubled`] : []),
    ...(due !== null && isLate(firstMs, due.firstMs) ? ['first event'] : []),
    ...(due !== null && isLate(worstMs, due.latestMs) ? ['worst'] : []),
    ...(showsWayBack && isLate(promptAgainMs, backWithinMs) ? ['way back'] : []),
  ];
}
