import { describe, expect, test } from 'vitest';
import { appendTo, newEvent, newEvents, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const key = (name: string, fingerprint = 'f1') => ({ name, fingerprint });

export function describeKeys(harness: () => LogHarness): void {
  describe('idempotency key', () => {
    test('the same request again stores nothing and returns the first ids', async () => {
      const log = harness().open();
      const request = { events: [...newEvents('a', 2), ...newEvents('b', 2)], key: key('k') };
      const first = await log.append(request);
      await appendTo(log, 'a', 1);

      const second = await harness().open().append(request);

      expect(second).toEqual({ ids: first.ids, duplicate: true });
      expect(seqs(await readAll(log, 'a'))).toEqual([1, 2, 3]);
    });

    test('of 50 equal requests at the same time one stores, and all return the same ids', async () => {
      const logs = [harness().open(), harness().open()] as const;
      const request = { events: newEvents('feed', 10), key: key('k') };

      const work = range(1, 50).map((turn) => logs[turn % 2 === 0 ? 0 : 1].append(request));
      const answers = await Promise.all(work);

      expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
      expect(new Set(answers.map((answer) => JSON.stringify(answer.ids))).size).toBe(1);
      expect(seqs(await readAll(logs[0], 'feed'))).toEqual(range(1, 10));
    });

    test('the same key with other events is refused, and stores nothing', async () => {
      const log = harness().open();
      await log.append({ events: newEvents('feed', 1), key: key('k', 'f1') });

      const other = log.append({ events: newEvents('other', 1), key: key('k', 'f2') });

      await expect(other).rejects.toMatchObject({ name: 'FeedError', code: 'key-reused' });
      expect((await log.ends(['other'])).get('other')).toBeNull();
    });

    test('after a refusal the first request is still remembered', async () => {
      const log = harness().open();
      const request = { events: newEvents('feed', 1), key: key('k', 'f1') };
      await log.append(request);
      await log.append({ ...request, key: key('k', 'f2') }).catch((error: Error) => error);

      expect((await log.append(request)).duplicate).toBe(true);
    });

    test('other keys, and requests without one, are not duplicates', async () => {
      const log = harness().open();
      const events = [newEvent('feed', 'same')];
      const keys = [
        key('k'),
        key('K'),
        key('__proto__'),
        key('constructor'),
        key('k k'),
        key('~'),
        null,
        null,
      ];

      for (const each of keys) expect((await log.append({ events, key: each })).duplicate).toBe(false);

      expect((await stateOf(log, 'feed')).last.seq).toBe(keys.length);
    });

    test('two keys of 200 characters that differ in the last one are different', async () => {
      const log = harness().open();
      const events = newEvents('feed', 1);
      await log.append({ events, key: key(`${'x'.repeat(199)}y`) });

      const answer = await log.append({ events, key: key(`${'x'.repeat(199)}z`) });

      expect(answer.duplicate).toBe(false);
    });

    test('a store that lost its data has lost its keys', async () => {
      const log = harness().open();
      const request = { events: newEvents('feed', 1), key: key('k') };
      await log.append(request);
      await harness().wipe();

      expect((await log.append(request)).duplicate).toBe(false);
    });
  });
}
