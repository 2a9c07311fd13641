import { costOf, noUsage, requestUse, type Usage } from '../config/prices.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';

/*
 * When the readers of a process rest. A platform bills the memory of a process while one of its requests is open, so one
 * stream in silence costs as much as a busy process. Readers that rest hold no request: they poll, less and less often.
 *
 * Each poll of each reader is billed too. So many readers are cheaper on streams, which share a process, and few are cheaper
 * at rest. Memory is saved only if all readers of the process leave: they rest together, or not at all.
 */

/** The first pause between two polls of a reader at rest, in ms. */
export const firstRestMs = 5_000;

/** The pause after one of `restMs`: half as long again, in whole seconds, at most `maxMs`. */
export function nextRestMs(restMs: number, maxMs: number): number {
  return Math.min(maxMs, Math.ceil((restMs * 1.5) / 1_000) * 1_000);
}

/** How much dearer than streaming resting may become in the worst case, as a share of what the silence has cost so far. */
const maxExtraShare = 0.1;

/** Dollars for one second of a process with an open request; for one poll that no cache answers; for one opened stream. */
export const restPrices = (() => {
  const { processGB, pollMs, pollCpuMs, openCpuMs, pollBytes, openBytes } = requestUse;
  const hours = (ms: number) => ms / 3_600_000;
  const request = (cpuMs: number, bytes: number): Usage => ({
    ...noUsage,
    cpuHours: hours(cpuMs),
    invocations: 1,
    edgeRequests: 1,
    gbToReaders: bytes / 1e9,
    gbFromProcesses: bytes / 1e9,
  });
  return {
    awakeSecond: costOf({ ...noUsage, gbHours: processGB * hours(1_000) }).total,
    poll: costOf({ ...request(pollCpuMs, pollBytes), gbHours: processGB * hours(pollMs), redisCommands: 1 })
      .total,
    open: costOf(request(openCpuMs, openBytes)).total,
  };
})();

/**
 * After how much silence the readers of a process should rest, in ms; infinite where streams are cheaper for so many.
 *
 * Nobody knows when the next event comes. If it comes soon, the polls and the new streams have cost more than the memory that
 * was saved. The worst moment for it is the one with the largest extra cost. Readers rest when that is at most a tenth of what
 * the silence has cost on streams so far: so whatever comes, resting is never dearer than streaming by more than a tenth.
 * @param readers of the process.
 * @param maxMs the longest pause between two polls.
 */
export function restAfterMs(readers: number, maxMs: number): number {
  const { awakeSecond, poll, open } = restPrices;
  if (readers * poll >= (maxMs / 1_000) * awakeSecond) return Number.POSITIVE_INFINITY;
  let restMs = Math.min(firstRestMs, maxMs);
  let passedMs = restMs;
  let worst = 0;
  for (let polls = 1; ; polls++) {
    worst = Math.max(worst, readers * (polls * poll + open) - (passedMs / 1_000) * awakeSecond);
    // From here on each pause saves more than its polls cost.
    if (restMs === maxMs) return (worst / (maxExtraShare * awakeSecond)) * 1_000;
    restMs = nextRestMs(restMs, maxMs);
    passedMs += restMs;
  }
}

/** How often readers at rest come back to streams at the same time, in ms: only then does a process know how many there are. */
const countEveryMs = 3_600_000;

/** How much longer than the longest pause that time lasts, in ms: a poll takes its time. */
const countMarginMs = 5_000;

/**
 * The pause before the next poll of a reader that rests now, in ms; null: it should stream. In the first seconds of each hour
 * all readers stream: those that came one by one may have become so many that streams are cheaper.
 * @param restMs the pause before this poll. @param now Unix time in ms.
 */
export function restAdvice(
  restMs: number,
  { quietMs, restMaxMs }: Pick<Settings, 'quietMs' | 'restMaxMs'>,
  now: number,
): number | null {
  if (quietMs === null || now % countEveryMs < restMaxMs + countMarginMs) return null;
  return nextRestMs(restMs, restMaxMs);
}

/** A reader with a stream. */
export type StreamingReader = {
  /** For how long it had no event when it opened the stream, in ms; null: it does not know the handover `quiet`. */
  readonly quietMs: number | null;
  /** Whether the log can be read: only then is it known that nothing has happened. */
  isSure(): boolean;
  /** Hands the stream over. @param everyMs the pause before the first poll. */
  rest(everyMs: number): void;
};

/** Decides when the readers of a process rest. */
export type Rest = {
  /** A stream is open. @returns takes it out, when it is handed over or has ended. */
  join(reader: StreamingReader): () => void;
  /** Something has happened in a channel. */
  happened(): void;
};

/** How soon to look again, if readers may not rest for a reason that nobody reports, in ms. */
const lookAgainMs = 5_000;

/** @param held slots that are taken, by streams and by waiting polls. */
export function createRest(
  { quietMs, restMaxMs }: Pick<Settings, 'quietMs' | 'restMaxMs'>,
  clock: Clock,
  held: () => number,
): Rest {
  const readers = new Set<StreamingReader>();
  /** When something happened last: an event, or a reader came who knows of one, by the clock's `elapsed`. */
  let activeAt = Number.NEGATIVE_INFINITY;
  let cancel = () => {};

  function schedule(): void {
    cancel();
    cancel = () => {};
    const dueAt = restAt();
    if (dueAt < Number.POSITIVE_INFINITY) setTimer(dueAt - clock.elapsed());
  }

  function restAt(): number {
    // A reader that must stream keeps the process awake: the others would save nothing.
    const isPossible =
      quietMs !== null && readers.size > 0 && [...readers].every((each) => each.quietMs !== null);
    return isPossible
      ? activeAt + Math.max(quietMs, restAfterMs(readers.size, restMaxMs))
      : Number.POSITIVE_INFINITY;
  }

  function setTimer(ms: number): void {
    cancel = clock.after(Math.max(0, ms), look);
  }

  function look(): void {
    if (clock.elapsed() < restAt()) {
      schedule();
    } else if (held() > readers.size || ![...readers].every((each) => each.isSure())) {
      // A waiting poll keeps the process awake too. And while the log fails, nobody knows what has happened.
      setTimer(lookAgainMs);
    } else {
      const everyMs = Math.min(firstRestMs, restMaxMs);
      for (const reader of [...readers]) reader.rest(everyMs);
    }
  }

  return {
    join(reader) {
      readers.add(reader);
      activeAt = Math.max(activeAt, clock.elapsed() - (reader.quietMs ?? 0));
      schedule();
      return () => {
        if (readers.delete(reader)) schedule();
      };
    },
    happened() {
      activeAt = clock.elapsed();
    },
  };
}
