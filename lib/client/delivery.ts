import type { Clock } from '../core/clock.ts';
import type { FeedEvent } from '../core/event.ts';
import type { FeedOptions } from './feed-options.ts';
import { type BackPressure, guard, report } from './transport/back-pressure.ts';
import type { FeedItem } from './transport/messages.ts';

/** Calls the app for what is new to it. */
export type Delivery = {
  /** Delivers what one update has brought, in order. */
  deliver(items: readonly FeedItem[]): void;
  /** Calls `onEvents` now with the events that wait for the rest of their replay. */
  flush(): void;
};

/** An update with at least this many events is probably a piece of a replay, and more pieces follow. */
const manyEvents = 50;

/** A replay is over when no event has come for this long, in ms. */
const quietMs = 100;

/** Longest time that an event waits for the rest of its replay, in ms. A feed that is busy all the time has no quiet. */
const maxHoldMs = 250;

/**
 * Makes the delivery of one feed. `onEvent` gets each event at once. `onEvents` gets an update, or a whole replay: the
 * network cuts a replay into pieces anywhere, and each piece is an update.
 * @param app is busy while a callback's promise is pending.
 */
export function createDelivery(
  options: Pick<FeedOptions, 'onEvent' | 'onEvents' | 'onGap'>,
  clock: Clock,
  app: BackPressure,
): Delivery {
  let batch: FeedEvent[] = [];
  let heldSince: number | null = null;
  let cancelFlush = () => {};
  let running: Promise<void> | null = null;

  /** Calls the app, after `before`. @returns a promise that never rejects; null if the app is not busy. */
  function call(run: () => void | Promise<void>, before: Promise<void> | null): Promise<void> | null {
    const result = before === null ? guard(run) : before.then(run);
    if (!(result instanceof Promise)) return null;
    const done = result.catch(report);
    app.add([done]);
    return done;
  }

  /** Calls one after the other, so that a gap and the events around it come in order. */
  function callInOrder(run: () => void | Promise<void>): void {
    const done = call(run, running);
    running = done;
    void done?.then(() => {
      if (running === done) running = null;
    });
  }

  function flush(): void {
    cancelFlush();
    heldSince = null;
    const events = batch;
    batch = [];
    if (events.length > 0) callInOrder(() => options.onEvents?.(events));
  }

  function flushWhenQuiet(count: number): void {
    const now = clock.elapsed();
    if (heldSince === null && count >= manyEvents) heldSince = now;
    const leftMs = heldSince === null ? 0 : heldSince + maxHoldMs - now;
    cancelFlush();
    if (leftMs > 0) cancelFlush = clock.after(Math.min(quietMs, leftMs), flush);
    else flush();
  }

  return {
    flush,
    deliver(items) {
      let count = 0;
      for (const item of items) {
        if (item.kind === 'gap') {
          flush();
          callInOrder(() => options.onGap?.(item.gap));
          continue;
        }
        const { event } = item;
        count += 1;
        batch.push(event);
        call(() => options.onEvent?.(event), null);
      }
      if (batch.length > 0) flushWhenQuiet(count);
    },
  };
}
