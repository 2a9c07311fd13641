import { type ReactNode, useEffect, useState } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './activity.module.css';
import { formatCount, parseSeq } from './format.ts';
import { useEverySecond } from './time.tsx';

/** Seconds a chart shows. */
const chartSeconds = 60;

/** How long an event counts as recent, in ms. */
const recentMs = 2_000;

/** What arrived in one second. */
type ActivitySecond = {
  /** Number of events. */
  readonly count: number;
  /** Longest time from the log to this page, in ms; null if no event arrived. */
  readonly slowestMs: number | null;
};

/** Counts the events that arrive while the page is open, and how fast they arrive. */
export type Activity = {
  /** Records an event that has just arrived. @param latencyMs time from the log to this page. */
  record(event: FeedEvent, latencyMs: number): void;
  /** Whether `event` arrived within the last 2 s. */
  isRecent(event: FeedEvent): boolean;
  /** Number of events recorded so far. */
  total(): number;
  /** The last 60 whole seconds, oldest first. */
  seconds(): readonly ActivitySecond[];
};

const emptySecond: ActivitySecond = { count: 0, slowestMs: null };

/** @param now monotonic clock, in ms: `performance.now` in a page. */
export function createActivity(now: () => number): Activity {
  const arrivedAt = new WeakMap<FeedEvent, number>();
  const bySecond = new Map<number, ActivitySecond>();
  let total = 0;
  const currentSecond = () => Math.floor(now() / 1_000);
  return {
    record(event, latencyMs) {
      total += 1;
      arrivedAt.set(event, now());
      const key = currentSecond();
      const { count, slowestMs } = bySecond.get(key) ?? emptySecond;
      bySecond.set(key, { count: count + 1, slowestMs: Math.max(slowestMs ?? 0, latencyMs, 0) });
      for (const old of bySecond.keys()) if (old < key - chartSeconds) bySecond.delete(old);
    },
    isRecent: (event) => now() - (arrivedAt.get(event) ?? Number.NEGATIVE_INFINITY) < recentMs,
    total: () => total,
    seconds() {
      const from = currentSecond() - chartSeconds;
      return Array.from({ length: chartSeconds }, (_, index) => bySecond.get(from + index) ?? emptySecond);
    },
  };
}

type CountersProps = {
  /** Events in the list after the filter. */
  readonly shown: number;
  /** Events in the list before the filter. */
  readonly loaded: number;
  /** Handovers since the page was opened. */
  readonly handovers: number;
  /** Position of the reader; null before the first read. */
  readonly cursor: string | null;
  /** What delivers events now; null if nothing does. */
  readonly transport: 'stream' | 'poll' | null;
  /** The charts. */
  readonly children: ReactNode;
};

/** The figures and charts above the list. */
export function Counters({ shown, loaded, handovers, cursor, transport, children }: CountersProps) {
  const seq = parseSeq(cursor);
  const figures = [
    ['Shown', shown === loaded ? formatCount(shown) : `${formatCount(shown)} of ${formatCount(loaded)}`],
    ['Handovers', formatCount(handovers)],
    ['Cursor', seq === null ? '–' : `#${formatCount(seq)}`],
    ['Transport', transport ?? '–'],
  ] as const;
  return (
    <div className={styles.overview}>
      <dl className={styles.counters}>
        {figures.map(([name, value]) => (
          <div className={styles.counter} key={name}>
            <dt>{name}</dt>
            <dd className={styles.value} title={name === 'Cursor' && cursor !== null ? cursor : undefined}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      {children}
    </div>
  );
}

/** Charts of the last minute: events per second, and the latency of the slowest event of each second. */
export function ActivityCharts({ activity }: { readonly activity: Activity }) {
  const json = useEverySecond(
    () => JSON.stringify(activity.seconds()),
    () => '[]',
  );
  const seconds: readonly ActivitySecond[] = JSON.parse(json);
  const counts = seconds.map(({ count }) => count);
  const latencies = seconds.map(({ slowestMs }) => slowestMs);
  const latest = latencies.findLast((latency) => latency !== null) ?? null;
  return (
    <div className={styles.charts}>
      <Sparkline
        latest={formatCount(counts.at(-1) ?? 0)}
        max={formatCount(Math.max(0, ...counts))}
        name="Events per second"
        values={counts}
      />
      <Sparkline
        latest={latest === null ? '–' : formatLatency(latest)}
        max={formatLatency(Math.max(0, ...latencies.map((latency) => latency ?? 0)))}
        name="Latency"
        values={latencies}
      />
    </div>
  );
}

/** 240 → `240 ms`, 12_300 → `12.3 s`. */
function formatLatency(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${formatCount(Math.round(ms / 100) / 10)} s`;
}

type SparklineProps = {
  readonly name: string;
  /** One bar each, oldest first; null draws no bar. */
  readonly values: readonly (number | null)[];
  /** The newest value, formatted. */
  readonly latest: string;
  /** The highest value, formatted. */
  readonly max: string;
};

/** A row of small bars. The highest bar fills the height. The label gives the same values to a screen reader. */
function Sparkline({ name, values, latest, max }: SparklineProps) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const bars = values.map((value, x) => (value ? `M${x} 1v${-(value / top).toFixed(3)}h.7v1z` : ''));
  return (
    <div className={styles.sparkline}>
      <p className={styles.sparklineName}>
        {name} <span className={styles.latest}>{latest}</span>
      </p>
      <svg
        aria-label={`${name} in the last minute: latest ${latest}, highest ${max}`}
        className={styles.bars}
        preserveAspectRatio="none"
        role="img"
        viewBox={`0 0 ${values.length} 1`}
      >
        <path d={bars.join('')} />
      </svg>
    </div>
  );
}

/** Shortest time between two announcements, in ms. On a busy feed a screen reader would otherwise never be silent. */
const announceEveryMs = 20_000;

/** Tells a screen reader from time to time how many events have arrived. */
export function Announcer({ activity }: { readonly activity: Activity }) {
  const [text, setText] = useState('');
  useEffect(() => {
    let announced = activity.total();
    const timer = setInterval(() => {
      const count = activity.total() - announced;
      if (count === 0) return;
      announced += count;
      setText(`${formatCount(count)} new ${count === 1 ? 'event' : 'events'}`);
    }, announceEveryMs);
    return () => clearInterval(timer);
  }, [activity]);
  return (
    <p aria-live="polite" className={styles.announcer}>
      {text}
    </p>
  );
}
