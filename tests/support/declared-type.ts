import { z } from 'zod';
import { eventTypes } from '../../lib/config/event-types.ts';

/** Data of the type `machine` that fits its schema. */
export const machine = {
  load: 1,
  memoryUsedPercent: 2,
  diskUsedPercent: 3,
  uptimeSeconds: 4,
  eventLoopDelayMs: 5,
};

/**
 * Declares the type `machine` for the tests of this file, whatever types the app declares: the tests judge how types are used,
 * not which there are.
 */
export function declareMachine(): void {
  const figure = z.number().nonnegative();
  const schema = z.object({
    load: z.number(),
    memoryUsedPercent: figure.max(100),
    diskUsedPercent: figure.max(100),
    uptimeSeconds: figure,
    eventLoopDelayMs: figure,
  });
  Object.assign(eventTypes, { machine: schema });
}
