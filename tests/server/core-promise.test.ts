import { expect, test } from 'vitest';
import { runCorePromise } from './core-promise.ts';

const count = Number(process.env.PROMISE_SEEDS ?? 5);
const from = Number(process.env.PROMISE_FROM ?? 1);
const steps = Number(process.env.PROMISE_STEPS ?? 5000);
test.each(Array.from({ length: count }, (_, i) => from + i))(
  'seed %i',
  async (seed) => {
    const at = performance.now();
    const outcome = await runCorePromise(seed, steps);
    console.log(seed, outcome.events, outcome.gaps, Math.round(performance.now() - at));
    if (outcome.failure !== null)
      console.log(
        outcome.trace
          .filter((t) => !/publishes . +to|nothing/.test(t))
          .slice(-45)
          .join('\n'),
      );
    expect(outcome.failure).toBe(null);
  },
  60_000,
);
