import { seeded } from '../../support/seeded.ts';
import type { ChaosOptions } from './chaos-options.ts';
import { type Fault, type FaultTargets, lasting } from './faults/fault.ts';
import type { Tally } from './oracle/tally.ts';
import { planOf } from './plan.ts';

/** Injects the same fault somewhere else at the same moment. Never rejects. */
export type InjectElsewhere = (
  fault: Fault,
  occurrence: { readonly forMs: number; readonly seed: number },
) => Promise<void>;

/**
 * Injects all planned faults. Resolves when the last one has ended.
 * @param tell called when a fault starts, and when a fault with the reach `all` ends.
 * @throws Error with the name of a fault that could not be injected.
 */
export async function injectFaults(
  { seed, forMs, together, chosen }: ChaosOptions,
  targets: FaultTargets,
  tally: Tally,
  tell: (fault: string, isOver: boolean) => void,
  injectElsewhere: InjectElsewhere = async () => undefined,
): Promise<void> {
  const startedAt = performance.now();
  const busy = new Map<string, Promise<void>>();
  const running: Promise<void>[] = [];
  const inject = async (fault: Fault, occurrence: { readonly forMs: number; readonly seed: number }) => {
    tell(fault.name, false);
    tally.struck(fault.name);
    const other = injectElsewhere(fault, occurrence);
    try {
      await fault.inject(targets, {
        fault: fault.name,
        forMs: occurrence.forMs,
        draw: seeded(occurrence.seed),
      });
    } catch (cause) {
      throw new Error(`The fault "${fault.name}" failed`, { cause });
    }
    if (fault.reach === 'all') tell(fault.name, true);
    await other;
  };
  for (const occurrence of planOf(seed, forMs, together, chosen)) {
    await lasting(startedAt + occurrence.atMs - performance.now());
    const fault = chosen.find(({ name }) => name === occurrence.fault);
    if (fault === undefined) continue;
    // Even on a slow machine, two faults of one part must not overlap.
    const turn = fault.part ?? fault.name;
    const struck = (busy.get(turn) ?? Promise.resolve()).then(() => inject(fault, occurrence));
    busy.set(turn, struck);
    running.push(struck);
    // The last line of this function rejects with the error; until then Node must not report it as unhandled.
    struck.catch(() => undefined);
  }
  await lasting(startedAt + forMs - performance.now());
  await Promise.all(running);
}
