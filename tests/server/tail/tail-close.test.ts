import { describe, expect, test } from 'vitest';
import { makeStand } from '../../support/server/stand.ts';

describe('a tail that is closed', () => {
  test('asks the log for nothing more, even in the middle of a read', async () => {
    const { clock, log, publish, tail } = makeStand();
    const begun = await tail();
    log.answerMs = 100;
    begun.requestSync();

    begun.close();
    const before = log.asked();
    await publish(3);
    await clock.advance(600_000);

    expect(log.asked()).toBe(before);
    expect(log.followers()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  test('with an announcement after a hole leaves no timer behind', async () => {
    const { clock, log, memory, publish, tail } = makeStand();
    const begun = await tail();
    memory.lag();
    log.fate = () => [];
    await publish(1);
    log.fate = () => [0];
    await publish(1);
    await clock.advance(100);

    begun.close();
    await clock.advance(1_000);

    expect(clock.pending()).toBe(0);
  });
});
