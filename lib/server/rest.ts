import { costOf, noUsage, requestUse, type Usage } from '../config/prices.ts';
import type { Settings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';

/*
 * When the readers of a process rest. A platform bills the memory of a process while one of its requests is open, so one
 * stream in silence costs as much as a busy process. Readers that rest hold no request: they poll.
 *
 * Each poll of each reader is billed too. So many readers are cheaper on streams, which share a process, and few are cheaper
 * at rest. Memory is saved only if all readers of the process leave: they rest together, or not at all.
 *
 * There are two reasons to rest. In a quiet time readers poll less and less often. In a busy time one or two readers poll at a
 * steady pace, when they have used up their budget for streams: even such polls cost less than a stream.
 */

/** The first pause between two polls of a reader at rest, in ms. */
export const firstRestMs = 5_000;

/** The pause after one of `restMs`: half as long again, in whole seconds, at most `maxMs`. */
export function nextRestMs(restMs: number, maxMs: number): number {
  return Math.min(maxMs, Math.ceil((restMs * 1.5) / 1_000) * 1_000);
}

/** How much dearer than streaming resting may become in the worst case, as a share of what the silence has cost so far. */
const maxExtraShare = 0.1;

/** Dollars for one second of a process with an open request, and for one published event, poll without cache, or opened stream. */
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
    publish: costOf({ ...noUsage, invocations: 1, edgeRequests: 1, redisCommands: 1 }).total,
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

/**
 * The budget for streams, of the readers of one process: dollars that they may spend on streams beyond the price of polls at
 * the pace of a busy time. It begins full. Streams of a few readers spend it; silence and events earn it back. So whatever
 * comes, these readers cost no more than polls, the one full budget, and a tenth of what publishing costs.
 */
export type StreamBudget = {
  readonly dollars: number;
  /** How many readers rest in a busy time, from their polls of the last minute. */
  readonly polling: number;
  /** Time of the last change, by the clock's `elapsed`. */
  readonly at: number;
};

/** How long one reader streams from a full budget, in s. */
const fullBudgetSeconds = 600;

/** How long a poll counts in `polling`, in ms: each counts for its share of that time, and fades. */
const countPollsMs = 60_000;

/**
 * How many dollars per second the streams of a process cost more than polls of its readers each `busyMs`; not above 0 where
 * there are so many readers that streams are cheaper.
 */
export function streamExtra(readers: number, busyMs: number): number {
  return restPrices.awakeSecond - (readers * restPrices.poll) / (busyMs / 1_000);
}

function withinFull(dollars: number, busyMs: number): number {
  const full = fullBudgetSeconds * Math.max(0, streamExtra(1, busyMs));
  return Math.min(full, Math.max(-full, dollars));
}

/** A budget of which nothing is spent. */
export function fullBudget(busyMs: number, now: number): StreamBudget {
  return { dollars: withinFull(Infinity, busyMs), polling: 0, at: now };
}

/** Time has passed. @param readers who streamed since the last change, and kept the process awake. */
export function spend(budget: StreamBudget, readers: number, busyMs: number, now: number): StreamBudget {
  const ms = now - budget.at;
  const spent = readers === 0 ? 0 : Math.max(0, streamExtra(readers, busyMs)) * (ms / 1_000);
  return {
    dollars: withinFull(budget.dollars - spent, busyMs),
    polling: budget.polling * Math.exp(-ms / countPollsMs),
    at: now,
  };
}

/** A reader has opened a stream. @param readers with a stream, this one too. */
export function payOpening(budget: StreamBudget, readers: number, busyMs: number): StreamBudget {
  const price = streamExtra(readers, busyMs) > 0 ? restPrices.open : 0;
  return { ...budget, dollars: withinFull(budget.dollars - price, busyMs) };
}

/** Events have come. Who pays for publishing them may pay a tenth of that for showing them at once. */
export function earnEvents(budget: StreamBudget, events: number, busyMs: number): StreamBudget {
  return {
    ...budget,
    dollars: withinFull(budget.dollars + events * maxExtraShare * restPrices.publish, busyMs),
  };
}

/** A reader at rest has polled: after `restMs`, where a reader in a busy time would have polled more often. */
export function earnPoll(budget: StreamBudget, restMs: number, busyMs: number): StreamBudget {
  return {
    ...budget,
    dollars: withinFull(budget.dollars + (restMs / busyMs - 1) * restPrices.poll, busyMs),
    polling: budget.polling + (restMs <= busyMs ? restMs / countPollsMs : 0),
  };
}

/**
 * Whether a reader at rest should stream when an event has come: the budget is enough for a while, or polls are dearer.
 * @param readers of the process, as far as it knows them.
 */
export function canStream({ dollars }: StreamBudget, readers: number, busyMs: number): boolean {
  return streamExtra(readers, busyMs) <= 0 || dollars >= withinFull(Infinity, busyMs) / 2;
}

/** How often readers at rest come back to streams at the same time, in ms: only then does a process know how many there are. */
const countEveryMs = 3_600_000;

/** How much longer than the longest pause that time lasts, in ms: a poll takes its time. */
const countMarginMs = 5_000;

/** Whether all readers should stream, to be counted: those that came one by one may have become too many to rest. */
function isCounting(now: number, restMaxMs: number): boolean {
  return now % countEveryMs < restMaxMs + countMarginMs;
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
  /**
   * A reader at rest has polled.
   * @param restMs the pause before the poll. @param events that it got.
   * @returns the pause before its next poll, in ms; null: it should stream.
   */
  polled(restMs: number, events: number): number | null;
};

/** How soon to look again, if readers may not rest for a reason that nobody reports, in ms. */
const lookAgainMs = 5_000;

/** The longest timer in ms: Node's own are limited. */
const maxTimerMs = 86_400_000;

/** @param held slots that are taken, by streams and by waiting polls. */
export function createRest(
  { quietMs, restMaxMs, restBusyMs }: Pick<Settings, 'quietMs' | 'restMaxMs' | 'restBusyMs'>,
  clock: Clock,
  held: () => number,
): Rest {
  const readers = new Set<StreamingReader>();
  /** When something happened last: an event, or a reader came who knows of one, by the clock's `elapsed`. */
  let activeAt = Number.NEGATIVE_INFINITY;
  /** When the last reader came: each streams for a while. */
  let joinedAt = activeAt;
  /** How many of the readers cannot rest. */
  let unable = 0;
  /** How many readers were handed over last. */
  let restedReaders = 0;
  let budget = fullBudget(restBusyMs ?? 1_000, clock.elapsed());
  let cancel = () => {};

  function schedule(): void {
    cancel();
    cancel = () => {};
    const dueAt = Math.min(quietAt(), busyAt());
    if (dueAt < Number.POSITIVE_INFINITY) setTimer(dueAt - clock.elapsed());
  }

  /** Whether all readers can rest. One that must stream keeps the process awake: the others would save nothing. */
  function isPossible(): boolean {
    return quietMs !== null && readers.size > 0 && unable === 0;
  }

  /** When readers rest because nothing happens. */
  function quietAt(): number {
    return quietMs !== null && isPossible()
      ? activeAt + Math.max(quietMs, restAfterMs(readers.size, restMaxMs))
      : Number.POSITIVE_INFINITY;
  }

  /** When readers rest because their budget for streams is used up. */
  function busyAt(): number {
    if (quietMs === null || restBusyMs === null || !isPossible()) return Number.POSITIVE_INFINITY;
    const extra = streamExtra(readers.size + budget.polling, restBusyMs);
    if (extra <= 0) return Number.POSITIVE_INFINITY;
    return Math.max(joinedAt + quietMs, budget.at + (Math.max(0, budget.dollars) / extra) * 1_000);
  }

  /** Books the streams until now. */
  function book(): void {
    if (restBusyMs === null) return;
    budget = spend(budget, isPossible() ? readers.size : 0, restBusyMs, clock.elapsed());
  }

  function setTimer(ms: number): void {
    cancel = clock.after(Math.min(maxTimerMs, Math.max(0, ms)), look);
  }

  function look(): void {
    book();
    const now = clock.elapsed();
    const isQuiet = now >= quietAt();
    if (!isQuiet && now < busyAt()) {
      schedule();
    } else if (held() > readers.size || ![...readers].every((each) => each.isSure())) {
      // A waiting poll keeps the process awake too. And while the log fails, nobody knows what has happened.
      setTimer(lookAgainMs);
    } else {
      const everyMs = Math.min(isQuiet || restBusyMs === null ? firstRestMs : restBusyMs, restMaxMs);
      restedReaders = readers.size;
      for (const reader of [...readers]) reader.rest(everyMs);
    }
  }

  return {
    join(reader) {
      book();
      readers.add(reader);
      if (reader.quietMs === null) unable += 1;
      if (restBusyMs !== null) budget = payOpening(budget, readers.size, restBusyMs);
      joinedAt = clock.elapsed();
      activeAt = Math.max(activeAt, joinedAt - (reader.quietMs ?? 0));
      schedule();
      return () => {
        if (!readers.has(reader)) return;
        book();
        readers.delete(reader);
        if (reader.quietMs === null) unable -= 1;
        schedule();
      };
    },
    happened() {
      activeAt = clock.elapsed();
      if (restBusyMs !== null) budget = earnEvents(budget, 1, restBusyMs);
    },
    polled(restMs, events) {
      if (quietMs === null) return null;
      const now = clock.elapsed();
      if (events > 0) activeAt = now;
      if (restBusyMs !== null) {
        book();
        const known = readers.size + Math.max(1, restedReaders, budget.polling);
        // Each reader brings the same events.
        budget = earnPoll(earnEvents(budget, events / known, restBusyMs), restMs, restBusyMs);
        const isBusy = events > 0 || (restMs <= restBusyMs && now - activeAt < quietMs);
        if (isBusy) return canStream(budget, known, restBusyMs) ? null : Math.min(restBusyMs, restMaxMs);
      } else if (events > 0) return null;
      if (isCounting(clock.now(), restMaxMs)) return null;
      return Math.max(Math.min(firstRestMs, restMaxMs), nextRestMs(restMs, restMaxMs));
    },
  };
}
