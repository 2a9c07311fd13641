import { describe, expect, test } from 'vitest';
import { createSilence } from '../../../lib/server/tail/liveness-check.ts';
import { range } from '../../support/log/log-steps.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const maxMs = 60_000;

function makeSilence() {
  const clock = createManualClock();
  const silence = createSilence(clock, maxMs);
  const dueInMs = () => silence.window().latest - clock.elapsed();
  /** An announcement every `pauseMs`, often enough to make this pause the usual one. */
  const announceEvery = async (pauseMs: number) => {
    for (const _ of range(1, 40)) {
      await clock.advance(pauseMs);
      silence.broken();
    }
  };
  return { clock, silence, dueInMs, announceEvery };
}

describe('the check of a quiet channel', () => {
  test('is due 5 s after its start', () => {
    expect(makeSilence().dueInMs()).toBe(5_000);
  });

  test.each([
    [100, 5_000],
    [1_000, 5_000],
    [4_000, 12_000],
    [10_000, 30_000],
    [30_000, 60_000],
  ])('with a usual pause of %i ms is due %i ms after the last announcement', async (pauseMs, dueMs) => {
    const { dueInMs, announceEvery } = makeSilence();

    await announceEvery(pauseMs);

    expect(dueInMs()).toBeGreaterThan(dueMs * 0.99);
    expect(dueInMs()).toBeLessThanOrEqual(dueMs);
  });

  test('comes less and less often, down to once a minute', () => {
    const { silence, dueInMs } = makeSilence();
    const pauses = range(1, 6).map(() => {
      silence.checked();
      return dueInMs();
    });

    expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  test('is put off by the same time if the log was asked for another reason', async () => {
    const { clock, silence, dueInMs } = makeSilence();
    silence.checked();
    await clock.advance(3_000);

    silence.postponed();

    expect(dueInMs()).toBe(10_000);
  });

  test('starts again with each announcement', async () => {
    const { clock, silence, dueInMs, announceEvery } = makeSilence();
    await announceEvery(100);
    for (const _ of range(1, 5)) silence.checked();
    await clock.advance(200);

    silence.broken();

    expect(dueInMs()).toBe(5_000);
  });

  test('may be made with that of another channel after 5 s of quiet', async () => {
    const { clock, silence } = makeSilence();
    await clock.advance(3_000);
    silence.broken();

    await clock.advance(4_999);
    expect(clock.elapsed()).toBeLessThan(silence.window().earliest);
    await clock.advance(1);

    expect(clock.elapsed()).toBe(silence.window().earliest);
  });

  test('is never later than the setting says', () => {
    const clock = createManualClock();
    const silence = createSilence(clock, 2_000);
    expect(silence.window().latest - clock.elapsed()).toBe(2_000);

    silence.checked();

    expect(silence.window().latest - clock.elapsed()).toBe(2_000);
  });
});
