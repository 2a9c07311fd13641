import { describe, expect, test } from 'vitest';
import { createLivenessChecks } from '../../../lib/server/tail/liveness-check.ts';
import { createReplicaWait } from '../../../lib/server/tail/replica-wait.ts';
import { createTail } from '../../../lib/server/tail/tail.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeStand, ringOf, seqsIn } from '../../support/server/stand.ts';

describe('a tail starts', () => {
  test('with a subscription, and reads when that is acknowledged, not before', async () => {
    const { clock, log } = makeStand();
    const order: string[] = [];
    const { follow, read } = log;
    log.follow = (channel, onSignal, signal) => {
      const hear: typeof onSignal = (told) => {
        order.push(told.kind);
        onSignal(told);
      };
      follow(channel, hear, signal);
    };
    log.read = (...asked) => {
      order.push('read');
      return read(...asked);
    };

    createTail({
      log,
      channel: 'feed',
      clock,
      checkMs: 60_000,
      checks: createLivenessChecks(log, clock),
      replicaWait: createReplicaWait(log, clock),
    });
    await clock.advance(0);

    expect(order).toEqual(['connected', 'read']);
  });

  test('to read after 700 ms without an acknowledgement', async () => {
    const { clock, log, publish, tail } = makeStand();
    await publish(3);
    log.following = 'hangs';
    const begun = await tail();

    await clock.advance(699);
    expect(log.calls.read).toBe(0);
    await clock.advance(1);

    expect(seqsIn(ringOf(begun))).toEqual([1, 2, 3]);
  });

  test('with the newest page, and verifies the end a second later', async () => {
    const { clock, log, publish, tail } = makeStand();
    await publish(500);
    await publish(200);

    const begun = await tail();

    expect(seqsIn(ringOf(begun))).toEqual(range(201, 700));
    expect(log.calls).toMatchObject({ read: 1, ends: 0 });
    await clock.advance(1_000);
    expect(log.calls).toMatchObject({ read: 1, ends: 1 });
  });

  test('to be ready when the log has answered', async () => {
    const { clock, log, publish, tail } = makeStand();
    await publish(2);
    log.answerMs = 400;
    const begun = await tail();
    let isReady = false;
    begun.ready().then(() => {
      isReady = true;
    });

    await clock.advance(399);
    expect(isReady).toBe(false);
    await clock.advance(1);

    expect(isReady).toBe(true);
    expect(seqsIn(ringOf(begun))).toEqual([1, 2]);
  });

  test('after the last hole of the newest page, as a ring has no room for a hole', async () => {
    const { memory, publish, tail } = makeStand();
    await publish(9);
    memory.takeOut('feed', 4);
    memory.takeOut('feed', 6);

    const begun = await tail();

    expect(seqsIn(ringOf(begun))).toEqual([7, 8, 9]);
    expect(ringOf(begun).base.id.seq).toBe(6);
  });
});

describe('an announced event', () => {
  test('that continues the ring is there at once, and costs no call', async () => {
    const { clock, log, publish, tail } = makeStand();
    await publish(2);
    const begun = await tail();
    await clock.advance(2_000);
    const before = log.asked();

    await publish(3);

    expect(seqsIn(ringOf(begun))).toEqual(range(1, 5));
    expect(log.asked()).toBe(before);
  });

  test('of a new channel is there, with its epoch', async () => {
    const { memory, publish, tail } = makeStand();
    const begun = await tail();
    expect(begun.end()).toEqual({ id: { time: 0, seq: 0 }, epoch: null });

    await publish(2);

    expect(seqsIn(ringOf(begun))).toEqual([1, 2]);
    expect(ringOf(begun).base.epoch).toBe(memory.kept('feed')[0]?.epoch);
  });

  test('that was announced before is dropped', async () => {
    const { clock, log, publish, tail } = makeStand();
    log.fate = () => [0, 0, 40];
    const begun = await tail();

    await publish(2);
    await publish(2);
    await clock.advance(100);

    expect(seqsIn(ringOf(begun))).toEqual([1, 2, 3, 4]);
  });

  test('after a hole is shown only when the hole was filled from the log', async () => {
    const { clock, log, publish, tail } = makeStand();
    const begun = await tail();
    const shown: number[][] = [];
    begun.listen(() => shown.push(seqsIn(ringOf(begun))));
    await publish(1);
    log.fate = () => [];
    await publish(2);
    log.fate = () => [0];

    await publish(1);
    await clock.advance(0);

    expect(shown).toEqual([[1], [1, 2, 3, 4]]);
  });

  test.each([
    ['early', [30, 0]],
    ['late', [0, 30]],
  ])('that arrives too %s does not change the order', async (_, [first = 0, second = 0]) => {
    const { clock, log, publish, tail } = makeStand();
    const begun = await tail();
    const shown: number[] = [];
    begun.listen(() => shown.push(begun.end().id.seq));

    log.fate = () => [first];
    await publish(1);
    log.fate = () => [second];
    await publish(1);
    await clock.advance(100);

    expect(seqsIn(ringOf(begun))).toEqual([1, 2]);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
  });

  test.each(range(0, 12))(
    '%i microtasks after the start of a read needs no other event to be shown',
    async (turns) => {
      const { clock, publish, tail } = makeStand();
      await publish(1);
      const begun = await tail();
      await clock.advance(2_000);

      begun.requestSync();
      for (const _ of range(1, turns)) await null;
      await publish(1);
      await clock.advance(0);

      expect(seqsIn(ringOf(begun))).toEqual([1, 2]);
    },
  );
});
