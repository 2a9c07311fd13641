import { describe, expect, test } from 'vitest';
import { readChaosOrder } from './chaos-options.ts';
import { faults } from './faults/faults.ts';
import { type PlannedOccurrence, planOf } from './plan.ts';

/** The options of a run that a command line asks for. */
function runOf(args: readonly string[], freshSeed = 1) {
  const order = readChaosOrder(args, freshSeed);
  return order.kind === 'run' ? order.options : null;
}

const partOf = ({ fault }: PlannedOccurrence) => faults.find(({ name }) => name === fault)?.part ?? null;
const endOf = ({ atMs, forMs }: PlannedOccurrence) => atMs + forMs;
const overlap = (a: PlannedOccurrence, b: PlannedOccurrence) => a.atMs < endOf(b) && b.atMs < endOf(a);
/** Pairs of occurrences that last at the same time. */
const meetings = (occurrences: readonly PlannedOccurrence[]) =>
  occurrences.flatMap((occurrence, index) =>
    occurrences
      .slice(index + 1)
      .flatMap((other) => (overlap(occurrence, other) ? [[occurrence, other] as const] : [])),
  );
const plan = planOf(7, 300_000, 6, faults);

describe('the plan of faults', () => {
  test('is the same for the same seed, and differs for another', () => {
    expect(planOf(7, 300_000, 6, faults)).toEqual(plan);
    expect(planOf(8, 300_000, 6, faults)).not.toEqual(plan);
  });

  test('has every fault, many at the same time, and never more than the limit', () => {
    expect(new Set(plan.map(({ fault }) => fault)).size).toBe(faults.length);
    const together = plan.map(({ atMs }) => plan.filter((b) => b.atMs <= atMs && atMs < endOf(b)).length);
    expect(Math.max(...together)).toBe(6);
  });

  test('never has two faults of one part at the same time', () => {
    const parts = meetings(plan).filter(([occurrence, other]) => partOf(occurrence) === partOf(other));
    expect(parts.map(([occurrence]) => partOf(occurrence)).filter((part) => part !== null)).toEqual([]);
  });

  test('never has one fault twice at the same time, even with few faults', () => {
    const few = planOf(7, 300_000, 6, faults.slice(0, 5));
    expect(meetings(few).filter(([occurrence, other]) => occurrence.fault === other.fault)).toEqual([]);
  });

  test('ends before the end of the run', () => {
    expect(Math.max(...plan.map(endOf))).toBeLessThanOrEqual(298_000);
  });
});

describe('npm run proof:chaos', () => {
  test('has faults whose names differ', () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });

  test('judges this project, or the app in another folder', () => {
    expect(runOf([], 1)?.app).toBeNull();
    expect(runOf(['--app', '/tmp/other'], 1)?.app).toBe('/tmp/other');
  });

  test('takes a seed, or a fresh one', () => {
    expect(runOf(['--seed', '7'], 99)?.seed).toBe(7);
    expect(runOf([], 99)?.seed).toBe(99);
  });

  test('takes minutes or seconds', () => {
    expect(runOf(['--minutes', '5'])?.forMs).toBe(300_000);
    expect(runOf(['--seconds', '20'])?.forMs).toBe(20_000);
  });

  test('takes faults by a part of their names', () => {
    const chosen = runOf(['--only', 'oom', '--only', 'half-open'])?.chosen;
    expect(chosen?.map(({ name }) => name)).toEqual([
      'Redis out of memory (OOM)',
      'half-open connections: silence, then a reset',
    ]);
  });

  test.each([
    { args: ['--seed', 'x'], says: /--seed: "x" is not valid. Use a whole number/ },
    { args: ['--only', 'meteor'], says: /--only: No fault has "meteor" in its name/ },
    { args: ['--sabotage', 'x'], says: /--sabotage: "x" is not valid. Use one of drop, double/ },
    { args: ['--bogus'], says: /bogus/ },
  ])('refuses $args', ({ args, says }) => {
    expect(() => readChaosOrder(args, 1)).toThrow(says);
  });
});
