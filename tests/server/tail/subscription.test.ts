import { describe, expect, test } from 'vitest';
import { keepFollowing } from '../../../lib/server/tail/subscription.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeStand } from '../../support/server/stand.ts';

/** Follows `feed`, and records the signals. */
async function follow() {
  const stand = makeStand();
  const told: string[] = [];
  const subscription = keepFollowing(stand.log, 'feed', stand.clock, (signal) => told.push(signal.kind));
  await stand.clock.advance(0);
  return { ...stand, told, subscription };
}

describe('a subscription', () => {
  test('is connected when the log has acknowledged it', async () => {
    const { told, subscription } = await follow();

    expect(told).toEqual(['connected']);
    expect(subscription.isConnected()).toBe(true);
  });

  test('that is lost is renewed within a second', async () => {
    const { clock, log, told, subscription } = await follow();

    log.cut();
    expect(subscription.isConnected()).toBe(false);
    await clock.advance(1_000);

    expect(told).toEqual(['connected', 'lost', 'connected']);
    expect(log.followers()).toBe(1);
  });

  test('that is refused is tried less and less often, down to once in 5 s', async () => {
    const { clock, log } = await follow();
    log.following = 'fails';
    log.cut();
    await clock.advance(60_000);
    const before = log.calls.follow;

    await clock.advance(300_000);

    expect(log.calls.follow - before).toBeGreaterThanOrEqual(60);
    expect(log.calls.follow - before).toBeLessThan(180);
  });

  test('that is lost right after its acknowledgement counts as refused', async () => {
    const { clock, log } = await follow();

    for (const _ of range(1, 3_000)) {
      log.cut();
      await clock.advance(100);
    }

    expect(log.calls.follow).toBeLessThan(200);
  });

  test('that lived for a while is renewed quickly', async () => {
    const { clock, log } = await follow();
    log.following = 'fails';
    log.cut();
    await clock.advance(60_000);
    log.following = 'works';
    await clock.advance(11_000);

    log.cut();
    await clock.advance(500);

    expect(log.followers()).toBe(1);
  });

  test('that is renewed on demand reports nothing of the one before', async () => {
    const { clock, log, told, subscription, publish } = await follow();
    log.fate = () => [50];
    await publish(1);

    subscription.renew();
    await clock.advance(1_000);

    expect(told).toEqual(['connected', 'connected']);
    expect(log.followers()).toBe(1);
  });

  test('that is closed is not renewed', async () => {
    const { clock, log, subscription } = await follow();
    log.cut();

    subscription.close();
    await clock.advance(60_000);

    expect(log.calls.follow).toBe(1);
    expect(clock.pending()).toBe(0);
  });
});
