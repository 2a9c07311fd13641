import { describe, expect, test } from 'vitest';
import { createSilence } from '../../../lib/server/tail/liveness-check.ts';
import { range } from '../../support/log/log-steps.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const maxMs = 60_000;

function makeSilence() {
  const clock = createManualClock();
  const silence = createSilence(clock, maxMs);
  const dueInMs = () => silence.window().latest - clock.elapsed();
  /** Hears something every `pauseMs`, often enough for it to become usual. */
  const hearEvery = async (pauseMs: number) => {
    for (const _ of range(1, 40)) {
      await clock.advance(pauseMs);
      silence.broken();
    }
  };
  return { clock, silence, dueInMs, hearEvery };
}

describe('the check of a silent tail', () => {
  test('is due 5 s after its start', () => {
    expect(makeSilence().dueInMs()).toBe(5_000);
  });

  test.each([
    [100, 5_000],
    [1_000, 5_000],
    [4_000, 12_000],
    [10_000, 30_000],
    [30_000, 60_000],
  ])('of a channel with a usual pause of %i ms is due %i ms after it was heard', async (pauseMs, dueMs) => {
    const { dueInMs, hearEvery } = makeSilence();

    await hearEvery(pauseMs);

    expect(dueInMs()).toBeGreaterThan(dueMs * 0.99);
    expect(dueInMs()).toBeLessThanOrEqual(dueMs);
  });

  test('comes ever more seldom, up to once a minute', () => {
    const { silence, dueInMs } = makeSilence();
    const pauses = range(1, 6).map(() => {
      silence.checked();
      return dueInMs();
    });

    expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  test('waits as long again where the log was asked for another reason', async () => {
    const { clock, silence, dueInMs } = makeSilence();
    silence.checked();
    await clock.advance(3_000);

    silence.postponed();

    expect(dueInMs()).toBe(10_000);
  });

  test('is put off by whatever is heard, and begins anew', async () => {
    const { clock, silence, dueInMs, hearEvery } = makeSilence();
    await hearEvery(100);
    for (const _ of range(1, 5)) silence.checked();
    await clock.advance(200);

    silence.broken();

    expect(dueInMs()).toBe(5_000);
  });

  test('may come with that of another tail from 5 s of silence on', async () => {
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
