import type { Clock } from '../core/clock.ts';
import { FeedError, type FeedErrorCode } from '../core/feed-error.ts';
import type { EventLog } from '../log/event-log.ts';
import type { StreamEndReason } from './stream/event-stream.ts';
import type { ResubscribeReason } from './tail/tail.ts';

/*
 * What a process has done, as plain numbers. `/status` and OpenTelemetry read them. A number costs its writer a few
 * additions: no timer runs, and nothing is stored for each event or reader.
 */

/** How far back a counter knows what happened when, in minutes. */
export const lookBackMinutes = 60;

/** A number that only grows. It knows what was added in each of the last 60 minutes. */
export class Counter {
  readonly #now: () => number;
  /** What was added in the minutes up to `#minute`: minute m is at the index m % 60. */
  readonly #minutes = new Float64Array(lookBackMinutes);
  #minute: number;
  #total = 0;

  /** @param now the minute, counted from any time: a whole number that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#minute = now();
  }

  /** Since the process started. */
  get total(): number {
    return this.#total;
  }

  /** @param minute that of now, if the caller has it: reading a clock costs more than the addition. */
  add(amount = 1, minute = this.#now()): void {
    if (minute !== this.#minute) this.#moveTo(minute);
    const at = minute % lookBackMinutes;
    this.#minutes[at] = (this.#minutes[at] ?? 0) + amount;
    this.#total += amount;
  }

  /** What was added in this minute and the ones before it, `minutes` together: 1 to 60. */
  inLast(minutes: number): number {
    this.#moveTo(this.#now());
    let sum = 0;
    for (let back = 0; back < Math.min(minutes, lookBackMinutes); back += 1) {
      sum += this.#minutes[(this.#minute - back + lookBackMinutes) % lookBackMinutes] ?? 0;
    }
    return sum;
  }

  #moveTo(minute: number): void {
    const passed = Math.min(lookBackMinutes, minute - this.#minute);
    for (let back = 0; back < passed; back += 1) this.#minutes[(minute - back) % lookBackMinutes] = 0;
    this.#minute = minute;
  }
}

/** A counter for each key, made when it is first used. There are few keys, and a client cannot make one. */
export class CounterSet<Key extends string> {
  readonly #now: () => number;
  readonly #counters = new Map<Key, Counter>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get total(): number {
    return sumOf(this.#counters.values(), (counter) => counter.total);
  }

  add(key: Key, amount = 1): void {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new Counter(this.#now);
      this.#counters.set(key, counter);
    }
    counter.add(amount);
  }

  inLast(minutes: number): number {
    return sumOf(this.#counters.values(), (counter) => counter.inLast(minutes));
  }

  /** The counters that were used. */
  entries(): readonly (readonly [Key, Counter])[] {
    return [...this.#counters];
  }
}

/** The upper ends of the ranges of a histogram, in ms. What is longer falls into one more range. */
export const histogramBoundsMs = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000,
] as const;

/** Two percentiles, in ms. */
export type Percentiles = { readonly p50: number; readonly p99: number };

/** How often times fell into each of 15 fixed ranges. */
export class Histogram {
  readonly #ranges: readonly Counter[];
  #sum = 0;

  constructor(now: () => number) {
    this.#ranges = Array.from({ length: histogramBoundsMs.length + 1 }, () => new Counter(now));
  }

  get count(): number {
    return sumOf(this.#ranges, (range) => range.total);
  }

  /** All times together, in ms. */
  get sum(): number {
    return this.#sum;
  }

  /** How many times fell into each range, since the process started. */
  counts(): readonly number[] {
    return this.#ranges.map((range) => range.total);
  }

  add(ms: number, amount = 1, minute?: number): void {
    let at = 0;
    while (at < histogramBoundsMs.length && ms > (histogramBoundsMs[at] ?? 0)) at += 1;
    this.#ranges[at]?.add(amount, minute);
    this.#sum += ms * amount;
  }

  /**
   * The percentiles of the last `minutes`: 1 to 60; null: there was nothing. Within a range the times count as spread evenly.
   * A time beyond the last bound counts as that bound.
   */
  percentiles(minutes: number): Percentiles | null {
    const counts = this.#ranges.map((range) => range.inLast(minutes));
    const total = sumOf(counts, (count) => count);
    if (total === 0) return null;
    return { p50: percentileOf(counts, total * 0.5), p99: percentileOf(counts, total * 0.99) };
  }
}

function percentileOf(counts: readonly number[], rank: number): number {
  let before = 0;
  for (const [at, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const from = histogramBoundsMs[at - 1] ?? 0;
      const to = histogramBoundsMs[at] ?? from;
      return from + (to - from) * ((rank - before) / count);
    }
    before += count;
  }
  return histogramBoundsMs.at(-1) ?? 0;
}

function sumOf<T>(all: Iterable<T>, numberOf: (each: T) => number): number {
  let sum = 0;
  for (const each of all) sum += numberOf(each);
  return sum;
}

/** The calls of the log that send a command to it. Redis bills each of them as one. */
export type LogCommand = 'append' | 'read' | 'latest' | 'ends' | 'forget' | 'follow';

/** The numbers of one runtime, and so of one process. */
export class Metrics {
  readonly #now: () => number;

  readonly streamsOpened: Counter;
  readonly streamsEnded: CounterSet<StreamEndReason>;
  /** Events written to streams: one event for 500 streams is 500. */
  readonly deliveries: Counter;
  /** Bytes written to streams. */
  readonly bytes: Counter;
  /**
   * From the time at which the log stored an event to the time at which a stream wrote it, in ms, for the oldest event of
   * each chunk. Events that are older than their stream do not count: a reader that catches up is not late. It compares the
   * clock of the log with that of the process.
   */
  readonly lag: Histogram;
  /** Gaps that readers got, on streams and in pages. */
  readonly gaps: Counter;
  /** Pages of events that were answered. */
  readonly polls: Counter;
  /** Publish requests that were accepted. */
  readonly publishes: CounterSet<'stored' | 'duplicate'>;
  readonly publishedEvents: Counter;
  readonly refusals: CounterSet<FeedErrorCode>;
  readonly logCommands: CounterSet<LogCommand>;
  /** Questions whether the log answers. No provider bills them. */
  readonly logChecks: Counter;
  /** Commands and checks that failed. A refusal, such as a used key, is an answer. */
  readonly logFailures: Counter;
  /** How long the log took for an answer, or to fail, in ms. */
  readonly logLatency: Histogram;
  /** How often a tail read events that no announcement had brought. No reader missed them. */
  readonly repairs: Counter;
  readonly repairedEvents: Counter;
  readonly resubscriptions: CounterSet<ResubscribeReason>;

  constructor(clock: Pick<Clock, 'elapsed'>) {
    const now = () => Math.floor(clock.elapsed() / 60_000);
    this.#now = now;
    this.streamsOpened = new Counter(now);
    this.streamsEnded = new CounterSet(now);
    this.deliveries = new Counter(now);
    this.bytes = new Counter(now);
    this.lag = new Histogram(now);
    this.gaps = new Counter(now);
    this.polls = new Counter(now);
    this.publishes = new CounterSet(now);
    this.publishedEvents = new Counter(now);
    this.refusals = new CounterSet(now);
    this.logCommands = new CounterSet(now);
    this.logChecks = new Counter(now);
    this.logFailures = new Counter(now);
    this.logLatency = new Histogram(now);
    this.repairs = new Counter(now);
    this.repairedEvents = new Counter(now);
    this.resubscriptions = new CounterSet(now);
  }

  /** A stream has written a chunk. @param lagMs of its oldest event; null: it has none that counts. */
  sent(events: number, gaps: number, bytes: number, lagMs: number | null): void {
    const minute = this.#now();
    this.bytes.add(bytes, minute);
    if (events > 0) this.deliveries.add(events, minute);
    if (gaps > 0) this.gaps.add(gaps, minute);
    if (lagMs !== null) this.lag.add(lagMs, 1, minute);
  }
}

/** The log, with each call counted. */
export function countCalls(log: EventLog, metrics: Metrics, clock: Pick<Clock, 'elapsed'>): EventLog {
  async function timed<Result>(answer: Promise<Result>): Promise<Result> {
    const startedAt = clock.elapsed();
    try {
      return await answer;
    } catch (error) {
      if (!isRefusal(error)) metrics.logFailures.add();
      throw error;
    } finally {
      metrics.logLatency.add(clock.elapsed() - startedAt);
    }
  }

  return {
    kind: log.kind,
    append(request) {
      metrics.logCommands.add('append');
      return timed(log.append(request));
    },
    read(channel, from, limit) {
      metrics.logCommands.add('read');
      return timed(log.read(channel, from, limit));
    },
    latest(channel, afterSeq, limit) {
      metrics.logCommands.add('latest');
      return timed(log.latest(channel, afterSeq, limit));
    },
    forget(channel) {
      metrics.logCommands.add('forget');
      return timed(log.forget(channel));
    },
    ends(channels) {
      if (channels.length === 0) metrics.logChecks.add();
      else metrics.logCommands.add('ends');
      return timed(log.ends(channels));
    },
    follow(channel, onSignal, signal) {
      metrics.logCommands.add('follow');
      log.follow(channel, onSignal, signal);
    },
    mayEvict: () => log.mayEvict(),
    close: () => log.close(),
  };
}

/** Whether the log has answered, and its answer is no. */
function isRefusal(error: unknown): boolean {
  return error instanceof FeedError && refusals.has(error.code);
}

const refusals: ReadonlySet<FeedErrorCode> = new Set([
  'key-reused',
  'rate-limited',
  'too-large',
  'channel-ended',
  'too-many-subjects',
]);
