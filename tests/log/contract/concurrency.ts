import { describe, expect, test } from 'vitest';
import { formatEventId } from '../../../lib/core/ids.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import { newEvents, range, readAll, seqs } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const appenders = 50;
const eventsEach = 200;
const batch = 10;
const total = appenders * eventsEach;

/** Appends batch after batch, as one of many appenders; returns the seqs of each batch. */
async function appendBatches(log: EventLog, appender: number): Promise<number[][]> {
  const batches: number[][] = [];
  for (let sent = 0; sent < eventsEach; sent += batch) {
    const events = newEvents('feed', batch, appender * eventsEach + sent);
    batches.push(seqs((await log.append({ events, key: null })).ids));
  }
  return batches;
}

export function describeConcurrency(harness: () => LogHarness): void {
  describe('50 appenders at the same time, on two logs', () => {
    const appendAll = async () => {
      const logs = [harness().open({ retention: total }), harness().open({ retention: total })] as const;
      const listener = await listen(logs[0], 'feed');
      const work = range(0, appenders - 1).map((appender) =>
        appendBatches(logs[appender % 2 === 0 ? 0 : 1], appender),
      );
      return { log: logs[0], listener, batches: (await Promise.all(work)).flat() };
    };

    test('no event is missing, and the ids of each append are neighbours', async () => {
      const { log, batches } = await appendAll();

      const stored = await readAll(log, 'feed');

      expect(seqs(stored)).toEqual(range(1, total));
      for (const [first = 0, ...rest] of batches) expect(rest).toEqual(range(first + 1, first + batch - 1));
      expect(new Set(stored.map((event) => event.data)).size).toBe(total);
    });

    test('times never go back in the order of seqs', async () => {
      const { log } = await appendAll();

      const times = (await readAll(log, 'feed')).map((event) => event.id.time);

      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test('events are announced in the order of the log', async () => {
      const { log, listener } = await appendAll();
      await listener.receives(total);

      const words = (events: Awaited<ReturnType<typeof readAll>>) =>
        events.map((event) => `${formatEventId(event.id)} ${event.data}`);

      expect(words(listener.events())).toEqual(words(await readAll(log, 'feed')));
    });
  });
}
