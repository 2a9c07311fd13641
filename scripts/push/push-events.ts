import { FeedError } from '../../lib/core/feed-error.ts';
import { failureText } from './failure-text.ts';
import { type BatchLimits, gather } from './gather.ts';
import type { PushEvent } from './push-event.ts';
import { type Sender, sendBatch } from './send-batch.ts';

/** What was done so far. */
export type Tally = {
  /** Events that are in the log. */
  readonly events: number;
  readonly batches: number;
  readonly retries: number;
  /** How many of `events` an earlier try, or an earlier run with this key, had stored. */
  readonly duplicates: number;
};

export type PushResult = {
  readonly tally: Tally;
  /** Why not everything was stored; null when all is. */
  readonly failure: string | null;
};

export type PushPlan = {
  readonly limits: BatchLimits;
  /** The idempotency key of batch n is `<keyPrefix>-<n>`, from 1. */
  readonly keyPrefix: string;
  readonly sender: Sender;
  /** Told after each batch. */
  readonly onProgress: (tally: Tally) => void;
};

/** Publishes events in batches, one request at a time, so that their order holds. Stops at the first failure. */
export async function pushEvents(events: AsyncIterable<PushEvent>, plan: PushPlan): Promise<PushResult> {
  let tally: Tally = { events: 0, batches: 0, retries: 0, duplicates: 0 };
  try {
    for await (const batch of gather(events, plan.limits, plan.sender.clock)) {
      const sent = await sendBatch(batch, `${plan.keyPrefix}-${tally.batches + 1}`, plan.sender);
      tally = { ...tally, retries: tally.retries + sent.retries };
      if (sent.kind === 'failed') {
        return { tally, failure: failureText(batch, sent, plan.keyPrefix) };
      }
      tally = {
        ...tally,
        events: tally.events + batch.length,
        batches: tally.batches + 1,
        duplicates: tally.duplicates + (sent.isDuplicate ? batch.length : 0),
      };
      plan.onProgress(tally);
    }
    return { tally, failure: null };
  } catch (cause) {
    if (!(cause instanceof FeedError)) throw cause;
    const fate = tally.events === 0 ? 'nothing is stored' : 'everything before it is stored';
    return { tally, failure: `${cause.message}\n${fate}` };
  }
}
