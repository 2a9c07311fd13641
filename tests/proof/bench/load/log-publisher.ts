import { setTimeout as sleep } from 'node:timers/promises';
import { defaultChannel } from '../../../../lib/core/ids.ts';
import { parseRedisUrl } from '../../../../lib/core/redis-address.ts';
import { createRedisLog } from '../../../../lib/log/redis/redis-log.ts';
import { obeyOrders } from '../worker.ts';
import { makeData } from './load-tally.ts';

/*
 * Another process of the app that publishes: it appends to the log in Redis, and the measured servers hear of it by the
 * log's announcements. So no figure of theirs includes the work of a publish request.
 */

/** Appends events. */
export type AppendOrder = {
  readonly kind: 'append';
  readonly events: number;
  /** The channels `channel-0` and so on, which take turns; null: all events go to the default channel. */
  readonly channels: number | null;
  /** Events of one append, 1 to 100. */
  readonly batch: number;
  /** Events a second, as evenly as a timer allows; null: each append follows the answer to the last one. */
  readonly perSecond: number | null;
};

const address = parseRedisUrl(process.argv[2] ?? '');
if (address === null) throw new Error('The first argument is not a URL of Redis.');
const log = createRedisLog({ address, retention: 10_000, timeoutMs: 60_000 });

/** How often events that are due are sent, in ms. */
const tickMs = 5;

/** The size of an event's data, in bytes. */
const dataBytes = 100;

obeyOrders<AppendOrder, { readonly wallMs: number }>(async ({ events, channels, batch, perSecond }) => {
  const startedAt = performance.now();
  let sent = 0;
  const appendNext = async () => {
    const count = Math.min(batch, events - sent);
    const first = sent;
    sent += count;
    await log.append({
      key: null,
      events: Array.from({ length: count }, (_, at) => ({
        channel: channels === null ? defaultChannel : `channel-${(first + at) % channels}`,
        type: 'message',
        data: JSON.stringify(makeData(dataBytes)),
      })),
    });
  };
  if (perSecond === null) while (sent < events) await appendNext();
  else {
    const answers: Promise<void>[] = [];
    while (sent < events) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond;
      while (sent < events && sent <= due) answers.push(appendNext());
      await sleep(tickMs);
    }
    await Promise.all(answers);
    // The last event has its share of the time too.
    await sleep(Math.max(0, startedAt + (events / perSecond) * 1_000 - performance.now()));
  }
  return { wallMs: performance.now() - startedAt };
});
