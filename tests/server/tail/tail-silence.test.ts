import { describe, expect, test } from 'vitest';
import { createReplicaWait } from '../../../lib/server/tail/replica-wait.ts';
import { createTails } from '../../../lib/server/tail/tails.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeStand, ringOf, seqsIn } from '../../support/server/stand.ts';

/** A stand with a leased tail that has read one event. */
async function standWithLease() {
  const stand = makeStand();
  await stand.publish(1);
  const lease = stand.runtime.tails.lease('feed');
  await stand.clock.advance(2_000);
  return { ...stand, tail: lease.tail };
}

describe('a quiet channel', () => {
  test('hides no event for longer than 5 s after the last announcement', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    await publish(1);
    log.fate = () => [];
    await publish(2);

    await clock.advance(4_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2]);
    await clock.advance(2_100);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3, 4]);
  });

  test('with a subscription that has gone deaf gets a new one', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.silence();
    await publish(1);

    await clock.advance(7_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2]);
    expect(log.calls.follow).toBe(2);
    await publish(1);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
  });

  test('with an announcement on its way keeps its subscription', async () => {
    const { clock, log, publish } = await standWithLease();
    await clock.advance(2_900);
    log.fate = () => [500];
    await publish(1);

    await clock.advance(10_000);

    expect(log.calls.follow).toBe(1);
  });

  test('whose subscription broke and came back during the check keeps the new one', async () => {
    const { clock, log, publish } = await standWithLease();
    log.silence();
    await publish(1);
    const { ends } = log.calls;
    while (log.calls.ends === ends) await clock.advance(100);

    log.cut();
    log.fate = () => [];
    await clock.advance(2_000);

    expect(log.calls.follow).toBe(2);
  });

  test('whose new subscription is never acknowledged is bridged by reads', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.silence();
    log.following = 'hangs';
    await publish(1);
    await clock.advance(7_000);

    await publish(1);
    await clock.advance(1_000);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
  });

  test('is checked together with all others by one call', async () => {
    const { clock, log, runtime } = makeStand();
    const names = range(1, 50).map((number) => `channel-${number}`);
    for (const name of names) runtime.tails.lease(name);
    await clock.advance(2_000);
    const asked: number[] = [];
    const { ends } = log;
    log.ends = (channels) => {
      asked.push(channels.length);
      return ends(channels);
    };

    await clock.advance(18_000);

    expect(asked).toEqual([50, 50]);
  });
});

test('a channel with an event every second costs no call', async () => {
  const { clock, log, publish } = await standWithLease();
  const before = log.asked();

  for (const _ of range(1, 600)) {
    await publish(1);
    await clock.advance(1_000);
  }

  expect(log.asked()).toBe(before);
});

test.each([
  [0, 66],
  [0.999_999, 54],
])(
  'a quiet channel that is checked every second, of a process that has drawn %d, costs %i calls a minute',
  async (random, calls) => {
    const { clock, log } = makeStand();
    const tails = createTails({
      log,
      clock: { ...clock, random: () => random },
      checkMs: 1_000,
      replicaWait: createReplicaWait(log, clock),
    });
    tails.lease('feed');
    await clock.advance(10_000);
    const before = log.calls.ends;

    await clock.advance(60_000);

    expect(log.calls.ends - before).toBe(calls);
  },
);

describe('an idle hour', () => {
  test.each([
    [0, 66],
    [0.5, 60],
    [0.999_999, 54],
  ])('of a process that has drawn %d costs %i calls, whatever its tails', async (random, calls) => {
    const { clock, log } = makeStand();
    const tails = createTails({
      log,
      clock: { ...clock, random: () => random },
      checkMs: 60_000,
      replicaWait: createReplicaWait(log, clock),
    });
    // They come one after another.
    for (const number of range(1, 20)) {
      tails.lease(`channel-${number}`);
      await clock.advance(7_300);
    }
    await clock.advance(300_000);
    const before = log.asked();

    await clock.advance(3_600_000);

    expect(Math.abs(log.asked() - before - calls)).toBeLessThanOrEqual(1);
  });
});
