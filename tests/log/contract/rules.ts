import { describe, expect, test } from 'vitest';
import {
  about,
  appendTo,
  newEvent,
  range,
  readAll,
  seqs,
  stateOf,
  store,
  subjectsOf,
} from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

export function describeRules(harness: () => LogHarness): void {
  describe('the rules of a channel', () => {
    test('decide how many events it keeps, and say nothing about others, also in one request', async () => {
      const log = harness().open({ retention: 10_000, rules: { short: { retentionEvents: 10 } } });

      for (const turn of range(1, 20)) {
        await log.append({
          events: range(1, 40).map((n) => newEvent(n % 2 === 0 ? 'short' : 'long', turn)),
          key: null,
        });
      }

      const kept = seqs(await readAll(log, 'short'));
      expect(kept.at(-1)).toBe(400);
      expect(kept.length).toBeGreaterThanOrEqual(10);
      expect(kept.length).toBeLessThan(300);
      expect(seqs(await readAll(log, 'long'))).toEqual(range(1, 400));
    });

    test('decide how many subjects it may have', async () => {
      const log = harness().open({ rules: { one: { maxSubjects: 1 }, two: { maxSubjects: 2 } } });
      const both = (subject: string) => [
        about(subject, 1, { channel: 'one' }),
        about(subject, 1, { channel: 'two' }),
      ];
      await store(log, ...both('a'));

      await expect(store(log, ...both('b'))).rejects.toThrow('Channel "one" would have 2 subjects');
      await store(log, about('b', 1, { channel: 'two' }));
    });

    test('decide how long it keeps events: each publish removes older ones, but nothing that is younger', async () => {
      const log = harness().open({ rules: { feed: { retentionSeconds: 1 } } });
      await store(log, about('a', 1));
      await appendTo(log, 'feed', 999);
      await appendTo(log, 'other', 1_000);
      await harness().passTime(1_001);
      expect(await stateOf(log, 'feed')).toMatchObject({ first: { seq: 1 }, last: { seq: 1_000 } });

      for (const _ of range(1, 10)) await appendTo(log, 'feed', 30);

      const { first, last } = await stateOf(log, 'feed');
      expect(last.seq).toBe(1_300);
      expect(first.seq).toBeGreaterThan(500);
      expect(first.seq).toBeLessThanOrEqual(1_001);
      expect(seqs(await readAll(log, 'other'))).toEqual(range(1, 1_000));
      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test('let it keep its last event, however old it is', async () => {
      const log = harness().open({ rules: { feed: { retentionSeconds: 1 } } });
      await appendTo(log, 'feed', 3);

      await harness().passTime(1_500);

      expect((await stateOf(log, 'feed')).last.seq).toBe(3);
      await appendTo(log, 'feed', 1);
      expect((await stateOf(log, 'feed')).last.seq).toBe(4);
    });
  });
}
