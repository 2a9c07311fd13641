import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import type { FaultyLog } from '../../support/server/faulty-log.ts';
import { makeStand, ringOf, type Stand, seqsIn } from '../../support/server/stand.ts';

/** A stand with a tail at rest for each of `count` channels, `feed-1` and so on, each of one event; and what it asks from here on. */
async function standAtRest(count = 1) {
  const stand = makeStand();
  const names = range(1, count).map((number) => `feed-${number}`);
  for (const name of names) await stand.publish(1, name);
  const tails = names.map((name) => stand.runtime.tails.lease(name).tail);
  await stand.clock.advance(61_000);
  const before = { ...stand.log.calls };
  const asked = () => ({
    follow: stand.log.calls.follow - before.follow,
    ends: stand.log.calls.ends - before.ends,
    read: stand.log.calls.read - before.read,
  });
  return { ...stand, tails, asked, ring: (number: number) => seqsIn(ringOf(tails[number - 1] ?? fail())) };
}

function fail(): never {
  throw new Error('there is no such tail');
}

/** From now on no other channel's subscription is acknowledged. */
function acknowledgeOnly(log: FaultyLog, only: string): void {
  const { follow } = log;
  log.follow = (channel, onSignal, signal) => {
    if (channel === only) follow(channel, onSignal, signal);
  };
}

/** Writes down which tails are acknowledged, and asked for, in order. */
function writeDown({ log }: Stand): string[] {
  const order: string[] = [];
  const { follow, ends } = log;
  log.follow = (channel, onSignal, signal) =>
    follow(
      channel,
      (told) => {
        order.push(`${channel} ${told.kind}`);
        onSignal(told);
      },
      signal,
    );
  log.ends = (channels) => {
    order.push(`asks ${channels.length}`);
    return ends(channels);
  };
  return order;
}

describe('a subscription that is renewed', () => {
  test('costs two questions for the end, and no read if nothing was missed', async () => {
    const { clock, log, asked } = await standAtRest();

    log.cut();
    await clock.advance(2_000);

    expect(asked()).toEqual({ follow: 1, ends: 2, read: 0 });
  });

  test('is verified by a question after its acknowledgement, and by another a second later', async () => {
    const stand = await standAtRest();
    const order = writeDown(stand);

    stand.log.cut();
    await stand.clock.advance(2_000);

    expect(order).toEqual(['feed-1 connected', 'asks 1', 'asks 1']);
  });

  test('with 49 others shares both questions with them', async () => {
    const stand = await standAtRest(50);
    const order = writeDown(stand);

    stand.log.cut();
    await stand.clock.advance(3_000);

    expect(stand.asked()).toEqual({ follow: 50, ends: 2, read: 0 });
    expect(order.slice(50)).toEqual(['asks 50', 'asks 50']);
  });

  test('reads what was missed, and only in the channels that missed something', async () => {
    const { clock, log, publish, asked, ring } = await standAtRest(10);

    log.cut();
    await publish(2, 'feed-7');
    await clock.advance(3_000);

    expect(ring(7)).toEqual([1, 2, 3]);
    expect(asked()).toEqual({ follow: 10, ends: 2, read: 1 });
  });

  test('waits at most half a second for another that is not acknowledged', async () => {
    const { clock, log, publish, ring } = await standAtRest(2);
    acknowledgeOnly(log, 'feed-1');
    log.cut();
    await publish(1, 'feed-1');
    while (log.followers() === 0) await clock.advance(1);

    await clock.advance(499);
    expect(ring(1)).toEqual([1]);
    await clock.advance(1);

    expect(ring(1)).toEqual([1, 2]);
  });

  test('is verified again up to half a second early, together with another', async () => {
    const stand = makeStand();
    const order = writeDown(stand);
    stand.runtime.tails.lease('feed-1');
    await stand.clock.advance(400);
    stand.runtime.tails.lease('feed-2');

    await stand.clock.advance(2_000);

    expect(order).toEqual(['feed-1 connected', 'feed-2 connected', 'asks 2']);
  });

  test('is not verified by the answer to an earlier question', async () => {
    const { clock, log, publish, runtime, ring } = await standAtRest();
    const { tail } = runtime.tails.lease('feed-1');
    log.answerMs = 900;
    // The check of silence is due within this time.
    const { ends } = log.calls;
    while (log.calls.ends === ends) await clock.advance(100);
    log.cut();
    await publish(1, 'feed-1');
    while (log.followers() === 0) await clock.advance(10);
    let isReady = false;
    void tail.ready().then(() => {
      isReady = true;
    });

    await clock.advance(899);
    expect(isReady).toBe(false);
    await clock.advance(2_000);

    expect(isReady).toBe(true);
    expect(ring(1)).toEqual([1, 2]);
  });

  test('at a replica that lags finds out a second later what it missed', async () => {
    const { clock, log, memory, publish, ring } = await standAtRest();
    memory.lag();
    log.cut();
    await publish(1, 'feed-1');
    await clock.advance(600);
    expect(ring(1)).toEqual([1]);

    memory.catchUp();
    await clock.advance(1_000);

    expect(ring(1)).toEqual([1, 2]);
  });

  test('at a log that does not report its end reads the log', async () => {
    const { clock, log, publish, asked, ring } = await standAtRest();
    log.ends = () => Promise.reject(new Error('refused'));
    log.cut();
    await publish(1, 'feed-1');

    await clock.advance(600);

    expect(ring(1)).toEqual([1, 2]);
    expect(asked().read).toBe(1);
  });

  test('just before the log fails is verified again once the log is back', async () => {
    const { clock, log, asked } = await standAtRest();
    log.cut();
    const { ends, read } = log;
    log.ends = () => Promise.reject(new Error('refused'));
    log.read = () => Promise.reject(new Error('refused'));
    while (log.followers() === 0) await clock.advance(1);

    Object.assign(log, { ends, read });
    await clock.advance(10_000);

    expect(asked()).toMatchObject({ ends: 1, read: 1 });
  });

  test('shows an announced event at once, whatever other subscriptions do', async () => {
    const { clock, log, publish, ring } = await standAtRest(2);
    acknowledgeOnly(log, 'feed-1');
    log.cut();
    while (log.followers() === 0) await clock.advance(1);

    await publish(1, 'feed-1');
    await clock.advance(0);

    expect(ring(1)).toEqual([1, 2]);
  });

  test('because the process was frozen is renewed with a hundred others, and the next hundred 20 ms later: all at once would be acknowledged late, and each would read', async () => {
    const { clock, asked, runtime } = await standAtRest(250);
    clock.freeze(60_000);
    await clock.advance(0);
    expect(asked().follow).toBe(100);
    await clock.advance(20);
    expect(asked().follow).toBe(200);
    await clock.advance(20);
    expect(asked().follow).toBe(250);

    await clock.advance(5_000);
    expect(asked()).toMatchObject({ follow: 250, read: 0 });
    clock.freeze(60_000);
    await clock.advance(0);
    runtime.tails.close();
    expect(clock.pending()).toBe(0);
  });
});
