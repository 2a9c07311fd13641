import { describe, expect, test } from 'vitest';
import { makeStand, ringOf, seqsIn } from '../../support/server/stand.ts';

describe('tails', () => {
  test('are one for each channel, however many requests use it', async () => {
    const { clock, log, runtime } = makeStand();

    const leases = ['feed', 'feed', 'one', 'feed'].map((channel) => runtime.tails.lease(channel));
    await clock.advance(0);

    expect(new Set(leases.map(({ tail }) => tail)).size).toBe(2);
    expect(runtime.tails.count()).toBe(2);
    expect(log.calls).toMatchObject({ follow: 2, read: 2 });
  });

  test('do nothing while nobody uses one', async () => {
    const { clock, log } = makeStand();

    await clock.advance(3_600_000);

    expect(log.asked()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  test('linger for 20 s after the last reader, then end', async () => {
    const { clock, log, runtime } = makeStand();
    const leases = [runtime.tails.lease('feed'), runtime.tails.lease('feed')];
    for (const lease of leases) lease.release();

    await clock.advance(19_999);
    expect([runtime.tails.count(), log.followers()]).toEqual([1, 1]);
    await clock.advance(1);

    expect([runtime.tails.count(), log.followers()]).toEqual([0, 0]);
    expect(clock.pending()).toBe(0);
  });

  test('stay while one reader is left; giving a tail back twice counts once', async () => {
    const { clock, runtime } = makeStand();
    const first = runtime.tails.lease('feed');
    runtime.tails.lease('feed');

    first.release();
    first.release();
    await clock.advance(60_000);

    expect(runtime.tails.has('feed')).toBe(true);
  });

  test('used again while they linger keep what they have', async () => {
    const { clock, log, publish, runtime } = makeStand();
    const { tail, release } = runtime.tails.lease('feed');
    await publish(2);
    release();
    await clock.advance(15_000);

    const again = runtime.tails.lease('feed').tail;
    await clock.advance(60_000);

    expect(again).toBe(tail);
    expect(seqsIn(ringOf(again))).toEqual([1, 2]);
    expect(log.calls.follow).toBe(1);
  });

  test('used again after they ended start anew', async () => {
    const { clock, runtime } = makeStand();
    const { tail, release } = runtime.tails.lease('feed');
    release();
    await clock.advance(20_000);

    expect(runtime.tails.lease('feed').tail).not.toBe(tail);
  });

  test('that are closed together leave nothing behind', async () => {
    const { clock, log, runtime } = makeStand();
    const { release } = runtime.tails.lease('feed');
    runtime.tails.lease('one');
    await clock.advance(0);

    runtime.tails.close();
    release();
    await clock.advance(60_000);

    expect([runtime.tails.count(), log.followers(), clock.pending()]).toEqual([0, 0, 0]);
  });
});
