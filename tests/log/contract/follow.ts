import { describe, expect, test, vi } from 'vitest';
import { type FollowSignal, maxRead } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, newEvents, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

export function describeFollow(harness: () => LogHarness): void {
  describe('follow', () => {
    test('connected is the first word, and what was stored before it is not told', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);

      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await listener.hears(1);

      expect(listener.signals[0]).toEqual({ kind: 'connected' });
      expect(seqs(listener.events())).toEqual([4]);
    });

    test('the events of one append come in one signal, in order, with the epoch', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      await log.append({ events: newEvents('feed', 50), key: null });
      await listener.hears(50);

      const { epoch } = await stateOf(log, 'feed');
      const told = listener.signals.filter((signal) => signal.kind === 'events');
      expect(told).toEqual([{ kind: 'events', epoch, events: await readAll(log, 'feed') }]);
    });

    test('only its own channel is told', async () => {
      const log = harness().open();
      const listener = await listen(log, 'b');

      const events = ['a', 'b', 'a', 'b', 'c'].map((channel, index) => newEvent(channel, index));
      await log.append({ events, key: null });
      await appendTo(log, 'a', 5);
      await appendTo(log, 'b', 1);
      await listener.hears(3);

      expect(listener.events().map((event) => event.data)).toEqual(['1', '3', '1']);
    });

    test('what another handle stores is told', async () => {
      const listener = await listen(harness().open(), 'feed');

      await appendTo(harness().open(), 'feed', 2);
      await listener.hears(2);

      expect(seqs(listener.events())).toEqual([1, 2]);
    });

    test('several followers of one channel are told the same', async () => {
      const log = harness().open();
      const listeners = [await listen(log, 'feed'), await listen(log, 'feed'), await listen(log, 'feed')];

      await appendTo(log, 'feed', 20);

      for (const listener of listeners) {
        await listener.hears(20);
        expect(seqs(listener.events())).toEqual(range(1, 20));
      }
    });

    test('duplicates and refused requests are not told', async () => {
      const log = harness().open();
      await harness().breakChannel('broken');
      const listener = await listen(log, 'feed');
      const request = { events: newEvents('feed', 1), key: { name: 'k', fingerprint: 'f' } };

      await log.append(request);
      await log.append(request);
      const refused = { events: [newEvent('feed'), newEvent('broken')], key: null };
      await log.append(refused).catch((error: Error) => error);
      await appendTo(log, 'feed', 1);
      await listener.hears(2);

      expect(seqs(listener.events())).toEqual([1, 2]);
    });

    test('after an abort nothing is told, and others go on', async () => {
      const log = harness().open();
      const [gone, stays] = [await listen(log, 'feed'), await listen(log, 'feed')];
      await appendTo(log, 'feed', 1);
      await gone.hears(1);

      gone.stop();
      const toldSoFar = gone.signals.length;
      await appendTo(log, 'feed', 2);
      await stays.hears(3);

      expect(gone.signals).toHaveLength(toldSoFar);
    });

    test('a follow whose signal is already aborted tells nothing', async () => {
      const log = harness().open();
      const told: unknown[] = [];

      log.follow('feed', (signal) => told.push(signal), AbortSignal.abort());
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await listener.hears(1);

      expect(told).toEqual([]);
    });

    test('a follower may abort while it is being told', async () => {
      const log = harness().open();
      const abort = new AbortController();
      const told: string[] = [];
      const listener = await listen(log, 'feed');

      const abortAtOnce = (signal: FollowSignal) => {
        told.push(signal.kind);
        abort.abort();
      };
      log.follow('feed', abortAtOnce, abort.signal);
      await vi.waitFor(() => expect(told).toEqual(['connected']));
      await appendTo(log, 'feed', 1);
      await listener.hears(1);

      expect(told).toEqual(['connected']);
    });

    test('a cut is told as lost, once, and nothing after it', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      await harness().cutFollowers();
      await listener.isTold('lost');
      const renewed = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await renewed.hears(1);

      expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected', 'lost']);
    });

    test('a subscription renewed by hand, and a read, repair the hole a cut has made', async () => {
      const log = harness().open();
      const first = await listen(log, 'feed');
      await appendTo(log, 'feed', 3);
      await first.hears(3);
      await harness().cutFollowers();
      await first.isTold('lost');
      await appendTo(log, 'feed', 4);

      const second = await listen(log, 'feed');
      const last = first.events().at(-1);
      const missed = await log.read('feed', { kind: 'after', id: last?.id ?? { time: 0, seq: 0 } }, maxRead);
      await appendTo(log, 'feed', 2);
      await second.hears(2);

      expect(seqs([...first.events(), ...missed.events, ...second.events()])).toEqual(range(1, 9));
    });

    test('a channel that was emptied is told on in its new epoch', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 2);
      await harness().empty('feed');
      await appendTo(log, 'feed', 1);
      await listener.hears(3);

      const epochs = listener.signals.flatMap((signal) => (signal.kind === 'events' ? [signal.epoch] : []));
      expect(new Set(epochs).size).toBe(2);
      expect(epochs.at(-1)).toBe((await stateOf(log, 'feed')).epoch);
    });
  });
}
