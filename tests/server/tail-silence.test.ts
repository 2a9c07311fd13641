import { describe, expect, test } from 'vitest';
import { range } from '../log/log-steps.ts';
import { makeStand, seqsIn } from './stand.ts';

/** A stand with a leased tail that has read one event. */
async function standWithLease() {
  const stand = makeStand();
  await stand.publish(1);
  const lease = stand.runtime.tails.lease('feed');
  await stand.clock.advance(2_000);
  return { ...stand, tail: lease.tail };
}

describe('silence', () => {
  test('hides nothing for longer than 5 s after the channel was last heard', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    await publish(1);
    log.fate = () => [];
    await publish(2);

    await clock.advance(4_000);
    expect(seqsIn(tail.ring)).toEqual([1, 2]);
    await clock.advance(2_100);

    expect(seqsIn(tail.ring)).toEqual([1, 2, 3, 4]);
  });

  test('of a subscription that has gone deaf is found, and the subscription renewed', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.silence();
    await publish(1);

    await clock.advance(7_000);
    expect(seqsIn(tail.ring)).toEqual([1, 2]);
    expect(log.calls.follow).toBe(2);
    await publish(1);

    expect(seqsIn(tail.ring)).toEqual([1, 2, 3]);
  });

  test('that an announcement on its way explains does not renew the subscription', async () => {
    const { clock, log, publish } = await standWithLease();
    await clock.advance(2_900);
    log.fate = () => [500];
    await publish(1);

    await clock.advance(10_000);

    expect(log.calls.follow).toBe(1);
  });

  test('after a renewal that is never acknowledged is bridged by reading', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.silence();
    log.following = 'hangs';
    await publish(1);
    await clock.advance(7_000);

    await publish(1);
    await clock.advance(1_000);

    expect(seqsIn(tail.ring)).toEqual([1, 2, 3]);
  });

  test('of many channels is checked by one call', async () => {
    const { clock, log, runtime } = makeStand();
    const names = range(1, 50).map((number) => `channel-${number}`);
    for (const name of names) runtime.tails.lease(name);
    const asked: number[] = [];
    const { ends } = log;
    log.ends = (channels) => {
      asked.push(channels.length);
      return ends(channels);
    };

    await clock.advance(20_000);

    expect(asked).toEqual([50, 50]);
  });

  test('of a busy channel is none, and costs no call', async () => {
    const { clock, log, publish } = await standWithLease();
    const before = log.asked();

    for (const _ of range(1, 600)) {
      await publish(1);
      await clock.advance(1_000);
    }

    expect(log.asked()).toBe(before);
  });
});

describe('an idle hour', () => {
  test.each([
    [1, 1],
    [1, 100],
    [10, 10],
    [50, 1],
    [50, 10],
  ])('of %i channels with %i readers each costs 60 to 67 calls', async (channels, readers) => {
    const { clock, log, runtime } = makeStand();
    for (const number of range(1, channels)) {
      for (const _ of range(1, readers)) runtime.tails.lease(`channel-${number}`);
    }
    await clock.advance(300_000);
    const before = log.asked();

    await clock.advance(3_600_000);

    expect(log.asked() - before).toBeGreaterThanOrEqual(60);
    expect(log.asked() - before).toBeLessThanOrEqual(67);
  });

  test('of channels whose readers came one after another costs no more', async () => {
    const { clock, log, runtime } = makeStand();
    for (const number of range(1, 20)) {
      runtime.tails.lease(`channel-${number}`);
      await clock.advance(7_300);
    }
    await clock.advance(300_000);
    const before = log.asked();

    await clock.advance(3_600_000);

    expect(log.asked() - before).toBeLessThanOrEqual(67);
  });
});
