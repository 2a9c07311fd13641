import type { Clock } from '../../lib/core/clock.ts';
import type { PushEvent } from './push-event.ts';

/** Events of one request, in order; at least one. */
export type Batch = readonly [PushEvent, ...PushEvent[]];

export type BatchLimits = {
  readonly events: number;
  /** Most bytes of the request's body. */
  readonly bytes: number;
  /** How long in ms a batch waits for more after its first event; null: until it is full or the input ends. */
  readonly waitMs: number | null;
};

/** The body of a batch's request. */
export function toBody(batch: Batch): string {
  return `[${batch.map((event) => event.json).join(',')}]`;
}

/**
 * Gathers events into batches. Takes at most one event ahead of the batch it gives, so that a slow server holds
 * back the input. What fails in `events` fails here, after everything before it was given.
 */
export async function* gather(
  events: AsyncIterable<PushEvent>,
  limits: BatchLimits,
  clock: Clock,
): AsyncGenerator<Batch> {
  const source = events[Symbol.asyncIterator]();
  let next = pull(source);
  for (;;) {
    const first = await next;
    if (first.done) return;
    const batch: [PushEvent, ...PushEvent[]] = [first.value];
    let bytes = 2 + first.value.bytes;
    next = pull(source);
    const pause = startPause(clock, limits.waitMs);
    while (batch.length < limits.events) {
      // A failure ends the batch here, and is thrown by the next round's await.
      const more = await Promise.race([next, pause.over]).catch(() => null);
      if (more === null || more.done || bytes + 1 + more.value.bytes > limits.bytes) break;
      batch.push(more.value);
      bytes += 1 + more.value.bytes;
      next = pull(source);
    }
    pause.cancel();
    yield batch;
  }
}

function pull(source: AsyncIterator<PushEvent>): Promise<IteratorResult<PushEvent>> {
  const next = source.next();
  // It is awaited later, maybe after a long send; without this a failure meanwhile would end the process.
  next.catch(() => null);
  return next;
}

function startPause(clock: Clock, waitMs: number | null): { over: Promise<null>; cancel: () => void } {
  let cancel = () => {};
  const over = new Promise<null>((resolve) => {
    if (waitMs !== null) cancel = clock.after(waitMs, () => resolve(null));
  });
  return { over, cancel: () => cancel() };
}
