import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { makeStand, ringOf, seqsIn } from '../../support/server/stand.ts';

async function standWithLease() {
  const stand = makeStand();
  await stand.publish(1);
  const lease = stand.runtime.tails.lease('feed');
  await stand.clock.advance(10_000);
  return { ...stand, tail: lease.tail };
}

describe('a subscription that broke', () => {
  test('is renewed, and bridged by reads until then', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.following = 'fails';
    log.cut();
    await publish(2);

    await clock.advance(1_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    await publish(1);
    await clock.advance(1_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3, 4]);

    log.following = 'works';
    await clock.advance(5_000);
    expect(log.followers()).toBe(1);
  });

  test('is bridged by about one read a second, however long that takes', async () => {
    const { clock, log } = await standWithLease();
    log.following = 'fails';
    log.cut();
    await clock.advance(1_000);
    const { read, ends } = log.calls;

    await clock.advance(60_000);

    expect(log.calls.read - read).toBeGreaterThanOrEqual(59);
    expect(log.calls.read - read).toBeLessThanOrEqual(75);
    expect(log.calls.ends).toBe(ends);
  });

  test('hides no event that was published until it is back', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.cut();

    for (const _ of range(1, 30)) {
      await publish(1);
      await clock.advance(50);
    }
    await clock.advance(1_000);

    expect(seqsIn(ringOf(tail))).toEqual(range(1, 31));
  });
});

describe('a log that fails', () => {
  test('is read less and less often, and the tail reports for how long it fails', async () => {
    const { clock, log, tail } = await standWithLease();
    log.isDown = true;
    tail.requestSync();
    await clock.advance(0);
    expect(tail.failingForMs()).toBe(0);
    const { read } = log.calls;

    await clock.advance(60_000);

    expect(tail.failingForMs()).toBe(60_000);
    expect(log.calls.read - read).toBeGreaterThan(12);
    expect(log.calls.read - read).toBeLessThan(60);
  });

  test('is read again within 5 s after it is back, without a request', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.isDown = true;
    log.cut();
    await clock.advance(20_000);
    await publish(2);
    log.isDown = false;

    await clock.advance(5_000);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    expect(tail.failingForMs()).toBe(0);
  });

  test('is not read more often because many readers ask for it', async () => {
    const { clock, log, tail } = await standWithLease();
    log.isDown = true;
    tail.requestSync();
    await clock.advance(0);
    const { read } = log.calls;

    for (const _ of range(1, 1_000)) {
      tail.requestSync();
      await clock.advance(10);
    }

    expect(log.calls.read - read).toBeLessThan(20);
  });

  test('is noticed by the check of a quiet channel', async () => {
    const { clock, log, tail } = await standWithLease();
    log.isDown = true;

    await clock.advance(40_000);

    expect(tail.failingForMs()).toBeGreaterThan(0);
  });

  test('is reported to each caller that waits for the tail', async () => {
    const { clock, log, tail } = makeStand();
    log.isDown = true;
    log.following = 'works';
    const begun = await tail();
    const first = expect(begun.ready()).rejects.toMatchObject({ code: 'log-unavailable' });
    await clock.advance(700);
    await first;
    const second = expect(begun.ready()).rejects.toMatchObject({ code: 'log-unavailable' });
    await clock.advance(0);
    await second;

    log.isDown = false;
    await expect(begun.ready()).resolves.toBeUndefined();
  });
});

describe('a log that fails and names a time', () => {
  test('is not asked before it, by the tail or for its subscription', async () => {
    const { clock, log, tail } = await standWithLease();
    log.isDown = true;
    log.retryAfterSeconds = 60;
    log.cut();
    await clock.advance(2_000);
    const asked = log.asked();

    await clock.advance(56_000);

    expect(log.asked()).toBe(asked);
    expect(tail.failingForMs()).toBeGreaterThan(55_000);
  });

  test('is asked about once in that time, and found again after it', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.isDown = true;
    log.retryAfterSeconds = 60;
    log.cut();
    await clock.advance(2_000);
    const asked = log.asked();

    await clock.advance(600_000);
    // A read and a subscription in each of the ten minutes; without the named time it would be 40 in each.
    expect(log.asked() - asked).toBeLessThanOrEqual(22);
    await publish(2);
    log.isDown = false;
    await clock.advance(66_000);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    expect(log.followers()).toBe(1);
  });
});

describe('a process that was frozen', () => {
  test('trusts its tails again only when the log has answered', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.silence();
    await publish(1);
    clock.freeze(60_000);
    log.answerMs = 300;
    let isReady = false;
    await clock.advance(0);

    tail.ready().then(() => {
      isReady = true;
    });
    // Asked for its end, and for what is new.
    await clock.advance(599);
    expect(isReady).toBe(false);
    await clock.advance(1);

    expect(isReady).toBe(true);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2]);
    expect(log.followers()).toBe(1);
  });

  test('is noticed by a tick that comes more than 2 s late, not by an earlier one', async () => {
    const { clock, log } = await standWithLease();

    clock.freeze(2_900);
    await clock.advance(1_000);
    expect(log.calls.follow).toBe(1);
    clock.freeze(3_900);
    await clock.advance(1_000);

    expect(log.calls.follow).toBe(2);
  });

  test('is noticed by the wall clock if a sleeping machine stops the other clock', async () => {
    const { clock, log } = await standWithLease();

    clock.setForward(600_000);
    await clock.advance(1_000);
    expect(log.calls.follow).toBe(2);
    clock.setForward(-600_000);
    await clock.advance(1_000);

    expect(log.calls.follow).toBe(2);
  });

  test('reads within a second even if the new subscription is not acknowledged', async () => {
    const { clock, log, publish, tail } = await standWithLease();
    log.following = 'hangs';
    await publish(1);
    clock.freeze(60_000);

    await clock.advance(1_000);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2]);
  });
});
