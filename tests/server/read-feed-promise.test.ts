import { expect, test } from 'vitest';
import { runCorePromise } from '../support/server/core-promise.ts';

/* The promise of `readFeed`, as that of streams and polls in core-promise.test.ts. PROMISE_SEED=123 repeats one seed. */
const { PROMISE_SEED } = process.env;
const known = [8];
const seeds = PROMISE_SEED === undefined ? [...known, Date.now() % 1_000_000_000] : [Number(PROMISE_SEED)];

test.each(seeds)(
  'loops over readFeed that change process get every event once, in order, or an exact gap (seed %i)',
  async (seed) => {
    const { failure, events, gaps, trace } = await runCorePromise(seed, 2_500, 'readFeed');

    expect(failure, `seed ${seed}\n${String(failure)}\n${trace.join('\n')}`).toBeNull();
    expect(events).toBeGreaterThan(4_000);
    // A run of a few seeds loses nothing.
    expect(gaps).toBeGreaterThanOrEqual(known.includes(seed) ? 1 : 0);
  },
  120_000,
);
