import { describe, expect, test } from 'vitest';
import type { Loss } from '../../../lib/core/continuity.ts';
import { beforeFirst } from '../../../lib/core/ids.ts';
import { range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand, ringOf, seqsIn } from '../../support/server/stand.ts';

/** What the log tells a reader after it lost all events. */
const lostAll: Loss = {
  kind: 'gap',
  reason: 'restarted',
  missed: null,
  resume: { id: beforeFirst, epoch: null },
  resumesAt: null,
};

/** A stand whose tail has read three events and is at rest. */
async function standAtRest() {
  const stand = makeStand();
  await stand.publish(3);
  const { tail } = stand.runtime.tails.lease('feed');
  await stand.clock.advance(2_000);
  return { ...stand, tail };
}

describe('a log that lost events', () => {
  test('and started again is followed in its new epoch, from its oldest event', async () => {
    const { clock, memory, publish, tail } = await standAtRest();
    const { epoch } = tail.end();
    memory.empty('feed');
    await clock.advance(5);

    await publish(2);
    await clock.advance(0);

    expect(seqsIn(ringOf(tail))).toEqual([1, 2]);
    expect(tail.end().epoch).not.toBe(epoch);
  });

  test('at its end, and issued their numbers again, is followed with the new events', async () => {
    const { clock, memory, publish, tail } = await standAtRest();
    memory.loseEnd('feed', 2);
    await clock.advance(5);

    await publish(1);
    await clock.advance(0);

    expect(ringOf(tail).entries.map(({ id }) => id)).toEqual(memory.kept('feed').map(({ id }) => id));
  });

  test('at its end, without a sign, is taken at its word 5 s after a check found the difference', async () => {
    const { clock, log, memory, tail } = await standAtRest();
    memory.loseEnd('feed', 2);

    await clock.advance(4_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    await clock.advance(6_000);

    expect(seqsIn(ringOf(tail))).toEqual([1]);
    const before = log.calls.read;
    await clock.advance(4_000);
    expect(log.calls.read - before).toBeLessThan(3);
  });

  test('at its end, and announced only what followed the new events, is read before that is shown', async () => {
    const { clock, log, memory, publish, tail } = await standAtRest();
    log.answerMs = 1_200;
    log.isDown = true;
    tail.requestSync();
    log.isDown = false;
    log.cut();
    memory.loseEnd('feed', 1);
    await clock.advance(5);
    await publish(1);
    await clock.advance(1_205);
    expect([log.followers(), tail.failingForMs()]).toEqual([1, 10]);

    await publish(1);
    await clock.advance(5_000);

    expect(ringOf(tail).entries.map(({ id }) => id)).toEqual(memory.kept('feed').map(({ id }) => id));
  });

  test('all of them, as a reader found first, is read at once', async () => {
    const { clock, memory, tail } = await standAtRest();
    memory.empty('feed');

    tail.discardLost(tail.end(), lostAll);
    expect(seqsIn(ringOf(tail))).toEqual([]);
    expect(tail.isReady()).toBe(false);
    await clock.advance(0);

    expect([tail.isReady(), tail.end().epoch]).toEqual([true, null]);
  });

  test('that the ring does not hold costs no read when a reader finds it', async () => {
    const { log, tail } = await standAtRest();
    const before = log.asked();

    tail.discardLost({ ...tail.end(), epoch: 'older1' }, lostAll);

    expect([seqsIn(ringOf(tail)), log.asked() - before]).toEqual([[1, 2, 3], 0]);
  });

  test('all of them, without a sign, is found empty by a check', async () => {
    const { clock, memory, tail } = await standAtRest();
    memory.empty('feed');

    await clock.advance(5_000);

    expect(tail.end()).toEqual({ id: { time: 0, seq: 0 }, epoch: null });
  });
});

describe('a replica that lags', () => {
  test('behind an announcement is read again until it has caught up', async () => {
    const { clock, log, memory, publish, tail } = await standAtRest();
    memory.lag();
    log.fate = () => [];
    await publish(2);
    log.fate = () => [0];
    await publish(1);
    const before = log.calls.read;

    await clock.advance(2_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    expect(log.calls.read - before).toBe(8);
    memory.catchUp();
    await clock.advance(250);

    expect(seqsIn(ringOf(tail))).toEqual(range(1, 6));
  });

  test('when the tail starts is read again a second later', async () => {
    const { clock, memory, publish, tail } = makeStand();
    await publish(1);
    memory.lag();
    await publish(1);
    const begun = await tail();
    expect(seqsIn(ringOf(begun))).toEqual([1]);

    memory.catchUp();
    await clock.advance(1_000);

    expect(seqsIn(ringOf(begun))).toEqual([1, 2]);
  });

  test('and has never seen the channel does not empty it', async () => {
    const stand = makeStand();
    stand.memory.lag();
    const { tail } = stand.runtime.tails.lease('feed');
    await stand.clock.advance(0);
    const stream = await openStream(stand);
    await stand.publish(3);

    await stand.clock.advance(4_000);
    expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
    stand.memory.catchUp();
    await stand.clock.advance(250);

    expect(stream.kinds().slice(3)).toEqual(['event', 'event', 'event']);
  });

  test('does not remove what was announced', async () => {
    const { clock, memory, publish, tail } = await standAtRest();
    memory.lag();
    await publish(2);

    tail.requestSync();
    await clock.advance(3_000);
    memory.catchUp();
    await clock.advance(250);

    expect(seqsIn(ringOf(tail))).toEqual(range(1, 5));
  });
});

test('a tail that is thousands of events behind reads page after page without a pause', async () => {
  const { clock, log, publish, tail } = await standAtRest();
  log.fate = () => [];
  for (const _ of range(1, 4)) await publish(500);
  log.fate = () => [0];

  await publish(1);
  await clock.advance(0);

  expect(tail.end().id.seq).toBe(2_004);
  expect(log.calls.read).toBe(1 + 5);
});

test('a late announcement of a log that was replaced delays nothing', async () => {
  const { clock, log, memory, publish, tail } = await standAtRest();
  log.fate = () => [50];
  await publish(1);
  memory.empty('feed');
  await clock.advance(5);
  log.fate = () => [0];
  await publish(2);

  await clock.advance(100);
  await publish(1);
  await clock.advance(300);

  expect(seqsIn(ringOf(tail))).toEqual([1, 2, 3]);
});
