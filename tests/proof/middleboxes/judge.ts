import type { ReaderFigures } from './figures.ts';
import type { Due } from './middlebox.ts';
import type { Delays } from './run-middleboxes.ts';

/**
 * The parts of the promise that a reader did not get.
 * @param due null: events need not arrive while the box misbehaves.
 * @param delays what the machine adds: it is not the box's fault.
 */
export function brokenPromises(figures: ReaderFigures, due: Due | null, delays: Delays): readonly string[] {
  const { firstMs, worstMs, lost, doubled, backMs } = figures;
  const machineMs = delays.boxesMs + delays.readersMs;
  const isLate = (ms: number | null, limitMs: number) => ms === null || ms > limitMs + machineMs;
  return [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(doubled > 0 ? [`${doubled} doubled`] : []),
    ...(due !== null && isLate(firstMs, due.firstMs) ? ['first event'] : []),
    ...(due !== null && isLate(worstMs, due.latestMs) ? ['worst'] : []),
    // Where nothing could be read, events must be back soon.
    ...(due === null && isLate(backMs, backWithinMs) ? ['way back'] : []),
  ];
}

/** The longest way back from a box behind which nothing could be read: the longest wait of the client, in ms. */
const backWithinMs = 40_000;
