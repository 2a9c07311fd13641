import { describe, expect, test } from 'vitest';
import { beforeFirst, type EventId } from '../../../lib/core/ids.ts';
import type { StaleAnswer } from '../../../lib/server/tail/read-through.ts';
import { createReplicaWait } from '../../../lib/server/tail/replica-wait.ts';
import { range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { readPage } from '../../support/server/read-page.ts';
import { makeStand } from '../../support/server/stand.ts';

/** A stale answer of a log of `epoch` that lacks the event `until`. */
function lacking(until: EventId, epoch: string | null): StaleAnswer {
  const resume = { id: beforeFirst, epoch };
  const otherwise = { kind: 'gap', reason: 'restarted', missed: null, resume, resumesAt: null } as const;
  return { kind: 'stale', until, otherwise };
}

/** A reader that waits for event 4 of a log of 3; `overAfterMs` is how long it waited. */
async function makeWaiter() {
  const stand = makeStand();
  await stand.publish(3);
  const last = stand.memory.kept('feed').at(-1);
  if (last === undefined) throw new Error('the log is empty');
  const replicaWait = createReplicaWait(stand.log, stand.clock);
  const startedAt = stand.clock.elapsed();
  let overAfterMs: number | null = null;
  const answer = lacking({ time: last.id.time, seq: 4 }, last.epoch);
  void replicaWait.untilCaughtUp('feed', answer, 5_000).then(() => {
    overAfterMs = stand.clock.elapsed() - startedAt;
  });
  return { ...stand, replicaWait, answer, overAfterMs: () => overAfterMs };
}

describe('a reader that waits for a lagging replica', () => {
  test('waits as long as it is allowed to while the log does not change', async () => {
    const { clock, log, overAfterMs } = await makeWaiter();
    await clock.advance(60_000);
    expect([overAfterMs(), log.calls.ends, clock.pending()]).toEqual([5_000, 19, 0]);
  });

  test('waits until the log has the event', async () => {
    const { clock, publish, overAfterMs } = await makeWaiter();
    await clock.advance(1_100);
    await publish(1);
    await clock.advance(1_000);
    expect(overAfterMs()).toBe(1_250);
  });

  test.each(['empty', 'wipe'] as const)('waits until the log is lost (%s)', async (accident) => {
    const { clock, memory, overAfterMs } = await makeWaiter();
    memory[accident]('feed');
    await clock.advance(1_000);
    expect(overAfterMs()).toBe(250);
  });

  test('waits until the log starts again, however short it is', async () => {
    const { clock, memory, publish, overAfterMs } = await makeWaiter();
    memory.empty('feed');
    clock.setForward(-60_000);
    await publish(1);
    await clock.advance(1_000);
    expect(overAfterMs()).toBe(250);
  });

  test('waits until the log cannot be reached', async () => {
    const { clock, log, overAfterMs } = await makeWaiter();
    log.isDown = true;
    await clock.advance(1_000);
    expect(overAfterMs()).toBe(250);
  });

  test('waits no longer than allowed for a log that does not answer', async () => {
    const { clock, log, overAfterMs } = await makeWaiter();
    log.answerMs = 60_000;
    await clock.advance(6_000);
    expect([overAfterMs(), log.calls.ends]).toEqual([5_000, 1]);
  });

  test('stops waiting when it leaves, and the log is asked no more', async () => {
    const { clock, log, replicaWait, answer } = await makeWaiter();
    await clock.advance(5_000);
    const asked = log.calls.ends;
    const leaving = new AbortController();
    const waiting = replicaWait.untilCaughtUp('feed', answer, 5_000, leaving.signal);
    leaving.abort();

    await waiting;
    expect(clock.pending()).toBe(0);
    await clock.advance(5_000);

    expect([log.calls.ends - asked, clock.pending()]).toEqual([0, 0]);
  });

  test('is not released by the answer to an earlier question', async () => {
    const { clock, log, replicaWait, publish, answer } = await makeWaiter();
    await publish(1);
    log.answerMs = 100;
    await clock.advance(300);
    let isOver = false;
    void replicaWait.untilCaughtUp('feed', answer, 5_000).then(() => {
      isOver = true;
    });
    await clock.advance(100);
    expect(isOver).toBe(false);
    await clock.advance(250);
    expect(isOver).toBe(true);
  });

  test('and others after it wait for the call under way before they make the next', async () => {
    const { clock, log, replicaWait, answer } = await makeWaiter();
    log.answerMs = 3_000;
    for (const _ of range(1, 4)) {
      await clock.advance(500);
      void replicaWait.untilCaughtUp('feed', answer, 5_000);
    }
    expect(log.calls.ends).toBe(1);

    await clock.advance(1_500);

    expect(log.calls.ends).toBe(2);
  });

  test('costs no more calls when others join it', async () => {
    const { clock, log, replicaWait, answer, publish } = await makeWaiter();
    await clock.advance(200);
    await publish(1);
    await clock.advance(60);
    void replicaWait.untilCaughtUp('feed', { ...answer, until: { time: Infinity, seq: 1 } }, 5_000);
    const before = log.calls.ends;
    await clock.advance(2_500);
    expect(log.calls.ends - before).toBe(10);
  });
});

describe('500 readers that claim to be ahead of the log, each at another position', () => {
  const places = (epoch: string) => range(1, 500).map((seq) => `after=9999999999999-${seq}${epoch}`);

  test.each(['', '~epoch'])('cost four questions a second, and two reads each (%s)', async (kind) => {
    const stand = makeStand();
    await stand.publish(3);
    const epoch = kind === '' ? '' : `~${stand.cursorAtEnd().split('~')[1]}`;
    const streams = await Promise.all(places(epoch).map((query) => openStream(stand, query)));
    const before = { ...stand.log.calls };
    await stand.clock.advance(4_000);
    expect(stand.log.calls.ends - before.ends).toBeLessThanOrEqual(17);
    expect(stand.log.calls.read - before.read).toBe(0);

    await stand.clock.advance(4_000);

    expect(stand.log.calls.read).toBeLessThan(1_010);
    const told = streams.flatMap((stream) => stream.of('gap').map(({ data }) => data.reason));
    expect(told).toEqual(range(1, 500).map(() => 'restarted'));
  });

  test('cost as little by pages, which read again after the loss', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const pages = places('').map((query) => readPage(stand, query));
    await stand.clock.advance(8_000);

    const reasons = (await Promise.all(pages)).map(({ gaps }) => gaps[0]?.reason);
    expect(reasons).toEqual(range(1, 500).map(() => 'restarted'));
    expect([stand.log.calls.read, stand.log.calls.ends]).toEqual([1_500, 19]);
  });

  test('do not delay a reader that really is ahead of a replica', async () => {
    const stand = makeStand();
    await stand.publish(3);
    stand.memory.lag();
    await stand.publish(2);
    const real = await openStream(stand, `after=${stand.cursorAtEnd()}`);
    await Promise.all(places('').map((query) => openStream(stand, query)));
    await stand.clock.advance(2_000);
    stand.memory.catchUp();
    await stand.publish(1);
    await stand.clock.advance(500);

    expect([real.of('gap'), real.of('event')]).toEqual([[], [expect.anything()]]);
  });
});
