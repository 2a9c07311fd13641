import { describe, expect, test } from 'vitest';
import type { EventLog, RateLimit } from '../../../lib/log/event-log.ts';
import { newEvent, newEvents, range, readAll, seqs } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

/** Ten events at once, then one in 100 s: the allowance does not recover during a test. */
const limitOf = (name: string): RateLimit => ({ name, perSecond: 0.01, burst: 10 });
const limited = { name: 'FeedError', code: 'rate-limited' };

/** Stores `count` events under the limits. */
const append = (log: EventLog, count: number, ...limits: RateLimit[]) =>
  log.append({ events: newEvents('feed', count), key: null, limits });

const countStored = async (log: EventLog) => (await readAll(log, 'feed')).length;

export function describeRates(harness: () => LogHarness): void {
  describe('rate limit', () => {
    test('events up to the burst are stored, in any number of requests; one more is refused', async () => {
      const log = harness().open();

      for (const count of [3, 1, 6]) await append(log, count, limitOf('a'));

      await expect(append(harness().open(), 1, limitOf('a'))).rejects.toMatchObject(limited);
      expect(await countStored(log)).toBe(10);
    });

    test('the refusal says what the limit is, and when the request fits', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'));

      const refused = append(log, 2, limitOf('a'));

      await expect(refused).rejects.toMatchObject({
        message: expect.stringMatching(
          /^This publisher may store 0.01 events per second, at most 10 at once\. /,
        ),
        retryAfterSeconds: expect.toSatisfy((seconds) => seconds > 180 && seconds <= 200),
      });
    });

    test('the events of all channels count together', async () => {
      const log = harness().open();
      const events = range(1, 11).map((number) => newEvent(`c${number}`));

      await expect(log.append({ events, key: null, limits: [limitOf('a')] })).rejects.toMatchObject(limited);
      await log.append({ events: events.slice(1), key: null, limits: [limitOf('a')] });

      expect((await log.ends(['c1'])).get('c1')).toBeNull();
    });

    test('a limit does not affect other names, or requests without limits', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'));

      await append(log, 10, limitOf('b'));
      await append(log, 10);

      await expect(append(log, 1, limitOf('a'))).rejects.toMatchObject(limited);
    });

    test('a request that exceeds one of its limits is charged to none', async () => {
      const log = harness().open();
      await append(log, 8, limitOf('a'));

      for (const limits of [
        [limitOf('a'), limitOf('b')],
        [limitOf('b'), limitOf('a')],
      ]) {
        await expect(append(log, 3, ...limits)).rejects.toMatchObject(limited);
      }

      await append(log, 2, limitOf('a'), limitOf('b'));
      await append(log, 8, limitOf('b'));
      expect(await countStored(log)).toBe(18);
    });

    test('a request within its limits is charged to each', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'), limitOf('b'));

      for (const name of ['a', 'b']) {
        await expect(append(log, 1, limitOf(name))).rejects.toMatchObject(limited);
      }
    });

    test('of two limits that a request exceeds, the refusal reports the one with the longer wait', async () => {
      const log = harness().open();
      const [one, other] = [limitOf('a'), { name: 'b', perSecond: 0.02, burst: 10 }];
      await append(log, 5, one);
      await append(log, 10, other);

      for (const limits of [
        [one, other],
        [other, one],
      ]) {
        const refused = append(log, 6, ...limits);
        await expect(refused).rejects.toMatchObject({
          message: expect.stringContaining('0.02 events'),
          retryAfterSeconds: expect.toSatisfy((seconds) => seconds > 280),
        });
      }
    });

    test('a duplicate is accepted above the limit, and costs nothing', async () => {
      const log = harness().open();
      const request = { events: newEvents('feed', 4), key: { name: 'k', fingerprint: 'f' } };
      const { ids } = await log.append({ ...request, limits: [limitOf('a')] });
      for (const _ of range(1, 5)) await log.append({ ...request, limits: [limitOf('a')] });
      await append(log, 6, limitOf('a'));

      const answer = await log.append({ ...request, limits: [limitOf('a')] });

      expect(answer).toEqual({ ids, duplicate: true });
    });

    test('a refused request stores nothing, announces nothing and does not use up its key', async () => {
      const log = harness().open();
      const key = { name: 'k', fingerprint: 'f' };
      await append(log, 10, limitOf('a'));
      const refused = log.append({ events: newEvents('feed', 1), key, limits: [limitOf('a')] });
      await expect(refused).rejects.toMatchObject(limited);

      const answer = await log.append({ events: newEvents('feed', 1), key: { ...key, fingerprint: 'g' } });

      expect(answer.duplicate).toBe(false);
      expect(seqs(answer.ids)).toEqual([11]);
    });

    test('a failed request is not charged', async () => {
      const log = harness().open();
      await harness().breakChannel('broken');
      const events = [...newEvents('feed', 9), newEvent('broken')];
      const failed = log.append({ events, key: null, limits: [limitOf('a')] });
      await expect(failed).rejects.toMatchObject({ code: 'log-unavailable' });

      await append(log, 10, limitOf('a'));

      expect(await countStored(log)).toBe(10);
    });

    test('of 30 requests at the same time, on two logs, as many are stored as fit', async () => {
      const logs = [harness().open(), harness().open()] as const;

      const work = range(1, 30).map((turn) => append(logs[turn % 2 === 0 ? 0 : 1], 1, limitOf('a')));
      const outcomes = await Promise.allSettled(work);

      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
      expect(seqs(await readAll(logs[0], 'feed'))).toEqual(range(1, 10));
    });

    test('the allowance recovers with time, event by event', async () => {
      const log = harness().open();
      // Redis has the real clock: it takes two minutes until 500 events fit again, also on a busy machine.
      const limit = { name: 'a', perSecond: 4, burst: 500 };
      await append(log, 500, limit);
      await expect(append(log, 500, limit)).rejects.toMatchObject(limited);

      await harness().passTime(500);
      await append(log, 2, limit);

      await expect(append(log, 500, limit)).rejects.toMatchObject(limited);
    });

    test('the allowance never grows beyond the burst', async () => {
      const log = harness().open();
      const limit = { name: 'a', perSecond: 100, burst: 5 };
      await append(log, 1, limit);

      await harness().passTime(200);

      await expect(append(log, 6, limit)).rejects.toMatchObject(limited);
      await append(log, 5, limit);
    });

    test('after a limit is raised, nobody waits for the lower one', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'));

      const raised = append(log, 1, { name: 'a', perSecond: 0.1, burst: 10 });

      const atMostTen = expect.toSatisfy((seconds) => seconds >= 1 && seconds <= 10);
      await expect(raised).rejects.toMatchObject({ ...limited, retryAfterSeconds: atMostTen });
    });

    test('a clock that is set back by an hour makes nobody wait for an hour', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'));
      await harness().clockJumpsBack('feed');

      const wait = expect.toSatisfy((seconds) => seconds <= 100);
      await expect(append(log, 1, limitOf('a'))).rejects.toMatchObject({ retryAfterSeconds: wait });
    });

    test('a store that lost its data has lost its charges', async () => {
      const log = harness().open();
      await append(log, 10, limitOf('a'));
      await harness().wipe();

      await append(log, 10, limitOf('a'));

      expect(await countStored(log)).toBe(10);
    });
  });
}
