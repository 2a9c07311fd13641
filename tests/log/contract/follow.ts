import { describe, expect, test, vi } from 'vitest';
import { type FollowSignal, maxRead } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, newEvents, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

export function describeFollow(harness: () => LogHarness): void {
  describe('follow', () => {
    test('connected comes first, and events stored before it are not reported', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);

      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await listener.receives(1);

      expect(listener.signals[0]).toEqual({ kind: 'connected' });
      expect(seqs(listener.events())).toEqual([4]);
    });

    test('a follower is not called before follow has returned', async () => {
      const log = harness().open();
      const signals: FollowSignal[] = [];

      log.follow('feed', (signal) => signals.push(signal), new AbortController().signal);

      expect(signals).toEqual([]);
      await vi.waitFor(() => expect(signals).toEqual([{ kind: 'connected' }]), { timeout: 30_000 });
    });

    test('the events of one append come in one signal, in order, with the epoch', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      await log.append({ events: newEvents('feed', 50), key: null });
      await listener.receives(50);

      const { epoch } = await stateOf(log, 'feed');
      const reported = listener.signals.filter((signal) => signal.kind === 'events');
      expect(reported).toEqual([{ kind: 'events', epoch, events: await readAll(log, 'feed') }]);
    });

    test('a follower gets events of its own channel only', async () => {
      const log = harness().open();
      const listener = await listen(log, 'b');

      const events = ['a', 'b', 'a', 'b', 'c'].map((channel, index) => newEvent(channel, index));
      await log.append({ events, key: null });
      await appendTo(log, 'a', 5);
      await appendTo(log, 'b', 1);
      await listener.receives(3);

      expect(listener.events().map((event) => event.data)).toEqual(['1', '3', '1']);
    });

    test('events that another log on the store stores are reported', async () => {
      const listener = await listen(harness().open(), 'feed');

      await appendTo(harness().open(), 'feed', 2);
      await listener.receives(2);

      expect(seqs(listener.events())).toEqual([1, 2]);
    });

    test('all followers of one channel get the same events', async () => {
      const log = harness().open();
      const listeners = [await listen(log, 'feed'), await listen(log, 'feed'), await listen(log, 'feed')];

      await appendTo(log, 'feed', 20);

      for (const listener of listeners) {
        await listener.receives(20);
        expect(seqs(listener.events())).toEqual(range(1, 20));
      }
    });

    test('duplicates and refused requests are not reported', async () => {
      const log = harness().open();
      await harness().breakChannel('broken');
      const listener = await listen(log, 'feed');
      const request = { events: newEvents('feed', 1), key: { name: 'k', fingerprint: 'f' } };

      await log.append(request);
      await log.append(request);
      const refused = { events: [newEvent('feed'), newEvent('broken')], key: null };
      await log.append(refused).catch((error: Error) => error);
      await appendTo(log, 'feed', 1);
      await listener.receives(2);

      expect(seqs(listener.events())).toEqual([1, 2]);
    });

    test('after an abort a follower gets nothing, and others go on', async () => {
      const log = harness().open();
      const [gone, stays] = [await listen(log, 'feed'), await listen(log, 'feed')];
      await appendTo(log, 'feed', 1);
      await gone.receives(1);

      gone.stop();
      const countBefore = gone.signals.length;
      await appendTo(log, 'feed', 2);
      await stays.receives(3);

      expect(gone.signals).toHaveLength(countBefore);
    });

    test('a follower whose signal has already aborted gets nothing', async () => {
      const log = harness().open();
      const reported: unknown[] = [];

      log.follow('feed', (signal) => reported.push(signal), AbortSignal.abort());
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await listener.receives(1);

      expect(reported).toEqual([]);
    });

    test('a follower can abort while it gets a signal', async () => {
      const log = harness().open();
      const abort = new AbortController();
      const reported: string[] = [];
      const listener = await listen(log, 'feed');

      const abortAtOnce = (signal: FollowSignal) => {
        reported.push(signal.kind);
        abort.abort();
      };
      log.follow('feed', abortAtOnce, abort.signal);
      await vi.waitFor(() => expect(reported).toEqual(['connected']));
      await appendTo(log, 'feed', 1);
      await listener.receives(1);

      expect(reported).toEqual(['connected']);
    });

    test('a cut is reported as lost, once, and nothing after it', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      await harness().cutFollowers();
      await listener.gets('lost');
      const renewed = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await renewed.receives(1);

      expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected', 'lost']);
    });

    test('after a lost subscription, a new one and a read bring every event once', async () => {
      const log = harness().open();
      const first = await listen(log, 'feed');
      await appendTo(log, 'feed', 3);
      await first.receives(3);
      await harness().cutFollowers();
      await first.gets('lost');
      await appendTo(log, 'feed', 4);

      const second = await listen(log, 'feed');
      const last = first.events().at(-1);
      const missed = await log.read('feed', { kind: 'after', id: last?.id ?? { time: 0, seq: 0 } }, maxRead);
      await appendTo(log, 'feed', 2);
      await second.receives(2);

      expect(seqs([...first.events(), ...missed.events, ...second.events()])).toEqual(range(1, 9));
    });

    test('after its channel was emptied, a follower gets events of the new epoch', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 2);
      await harness().empty('feed');
      await appendTo(log, 'feed', 1);
      await listener.receives(3);

      const epochs = listener.signals.flatMap((signal) => (signal.kind === 'events' ? [signal.epoch] : []));
      expect(new Set(epochs).size).toBe(2);
      expect(epochs.at(-1)).toBe((await stateOf(log, 'feed')).epoch);
    });
  });
}
