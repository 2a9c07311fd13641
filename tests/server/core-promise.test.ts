import { expect, test } from 'vitest';
import { runCorePromise } from '../support/server/core-promise.ts';

/*
 * The promise of the whole server: each event once, in order; and an exact gap for what cannot be sent.
 * PROMISE_SEEDS=200 runs that many new seeds; PROMISE_SEED=123 repeats one.
 */
const { PROMISE_SEED, PROMISE_SEEDS } = process.env;
const fresh = Date.now() % 1_000_000_000;
const many = Array.from({ length: Number(PROMISE_SEEDS ?? 1) }, (_, index) => fresh + index);
const known = [8, 124, 150, 200];
const seeds = PROMISE_SEED === undefined ? [...known, ...many] : [Number(PROMISE_SEED)];
const steps = 5_000;

test.each(seeds)(
  'readers that change process and transport get every event once, in order, or an exact gap (seed %i)',
  async (seed) => {
    const { failure, events, gaps, trace } = await runCorePromise(seed, steps);

    expect(failure, `seed ${seed}\n${String(failure)}\n${trace.join('\n')}`).toBeNull();
    expect(events).toBeGreaterThan(10_000);
    // A run of a few seeds loses nothing.
    expect(gaps).toBeGreaterThanOrEqual(known.includes(seed) ? 1 : 0);
  },
  120_000,
);
