import { seeded } from '../../support/seeded.ts';
import type { ChaosOptions } from './chaos-options.ts';
import { type Fault, lasting, type Stage } from './faults/fault.ts';
import type { Tally } from './oracle/tally.ts';
import { planOf } from './plan.ts';

/** Another who is struck by the same blow at the same moment. Never rejects. */
export type Beside = (fault: Fault, blow: { readonly forMs: number; readonly seed: number }) => Promise<void>;

/**
 * Lets all that is planned happen. Resolves when the last of it is over.
 * @param tell is told when a fault begins, and when one that struck all is over.
 * @throws Error that names the fault that could not be done.
 */
export async function strikeAll(
  { seed, forMs, together, chosen }: ChaosOptions,
  stage: Stage,
  tally: Tally,
  tell: (fault: string, isOver: boolean) => void,
  beside: Beside = async () => undefined,
): Promise<void> {
  const startedAt = performance.now();
  const busy = new Map<string, Promise<void>>();
  const running: Promise<void>[] = [];
  const strike = async (fault: Fault, blow: { readonly forMs: number; readonly seed: number }) => {
    tell(fault.name, false);
    tally.struck(fault.name);
    const other = beside(fault, blow);
    try {
      await fault.strike(stage, { fault: fault.name, forMs: blow.forMs, draw: seeded(blow.seed) });
    } catch (cause) {
      throw new Error(`the fault "${fault.name}" could not be done`, { cause });
    }
    if (fault.reach === 'all') tell(fault.name, true);
    await other;
  };
  for (const blow of planOf(seed, forMs, together, chosen)) {
    await lasting(startedAt + blow.atMs - performance.now());
    const fault = chosen.find(({ name }) => name === blow.fault);
    if (fault === undefined) continue;
    // A machine that is late must not let two faults of one part meet.
    const turn = fault.part ?? fault.name;
    const struck = (busy.get(turn) ?? Promise.resolve()).then(() => strike(fault, blow));
    busy.set(turn, struck);
    running.push(struck);
    // Told by the last line; until then it is nobody's.
    struck.catch(() => undefined);
  }
  await lasting(startedAt + forMs - performance.now());
  await Promise.all(running);
}
