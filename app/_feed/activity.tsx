import { type ReactNode, useEffect, useState } from 'react';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './activity.module.css';
import { countText, seqOf } from './format.ts';
import { useSecond } from './time.tsx';

/** Seconds a chart shows. */
const pulseSeconds = 60;

/** How long an event counts as one that has just come, in ms. */
const freshMs = 2_000;

/** One second of a feed. */
type PulseSecond = {
  /** Events that came. */
  readonly count: number;
  /** The longest time from the log's taking an event to its arrival here, in ms; null where none came. */
  readonly slowestMs: number | null;
};

/** What arrives while the page is open: how much, how fast. */
export type Pulse = {
  /** Takes an event that has just come. @param lagMs how long it was on its way. */
  note(event: FeedEvent, lagMs: number): void;
  isFresh(event: FeedEvent): boolean;
  /** Events that have come so far. */
  total(): number;
  /** The last 60 whole seconds, oldest first. */
  seconds(): readonly PulseSecond[];
};

const silence: PulseSecond = { count: 0, slowestMs: null };

/** @param elapsed ms of a clock that never goes back. */
export function createPulse(elapsed: () => number): Pulse {
  const arrivedAt = new WeakMap<FeedEvent, number>();
  const bySecond = new Map<number, PulseSecond>();
  let total = 0;
  const second = () => Math.floor(elapsed() / 1_000);
  return {
    note(event, lagMs) {
      total += 1;
      arrivedAt.set(event, elapsed());
      const key = second();
      const { count, slowestMs } = bySecond.get(key) ?? silence;
      bySecond.set(key, { count: count + 1, slowestMs: Math.max(slowestMs ?? 0, lagMs, 0) });
      for (const old of bySecond.keys()) if (old < key - pulseSeconds) bySecond.delete(old);
    },
    isFresh: (event) => elapsed() - (arrivedAt.get(event) ?? Number.NEGATIVE_INFINITY) < freshMs,
    total: () => total,
    seconds() {
      const from = second() - pulseSeconds;
      return Array.from({ length: pulseSeconds }, (_, index) => bySecond.get(from + index) ?? silence);
    },
  };
}

type CountersProps = {
  /** Events in the list; and how many there are, where a filter hides some. */
  readonly shown: number;
  readonly of: number;
  /** Planned changes of stream since the page was opened. */
  readonly handovers: number;
  /** Where the reader is; null where it has read nothing. */
  readonly cursor: string | null;
  /** What brings events now; null while nothing does. */
  readonly transport: 'stream' | 'poll' | null;
  /** The charts beside them. */
  readonly children: ReactNode;
};

/** The quiet figures below the status. */
export function Counters({ shown, of, handovers, cursor, transport, children }: CountersProps) {
  const seq = seqOf(cursor);
  const figures = [
    ['Shown', shown === of ? countText(shown) : `${countText(shown)} of ${countText(of)}`],
    ['Handovers', countText(handovers)],
    ['Cursor', seq === null ? '–' : `#${countText(seq)}`],
    ['Transport', transport ?? '–'],
  ] as const;
  return (
    <div className={styles.vitals}>
      <dl className={styles.counters}>
        {figures.map(([name, value]) => (
          <div className={styles.counter} key={name}>
            <dt className={styles.name}>{name}</dt>
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

/** The last minute: how many events came, and how long the slowest of each second was on its way. */
export function PulseCharts({ pulse }: { readonly pulse: Pulse }) {
  const json = useSecond(
    () => JSON.stringify(pulse.seconds()),
    () => '[]',
  );
  const seconds: readonly PulseSecond[] = JSON.parse(json);
  const counts = seconds.map(({ count }) => count);
  const lags = seconds.map(({ slowestMs }) => slowestMs);
  const lastLag = lags.findLast((lag) => lag !== null) ?? null;
  return (
    <div className={styles.charts}>
      <Spark
        most={countText(Math.max(0, ...counts))}
        name="Events per second"
        now={countText(counts.at(-1) ?? 0)}
        values={counts}
      />
      <Spark
        most={lagText(Math.max(0, ...lags.map((lag) => lag ?? 0)))}
        name="Latency"
        now={lastLag === null ? '–' : lagText(lastLag)}
        values={lags}
      />
    </div>
  );
}

/** 240 → `240 ms`, 12_300 → `12.3 s`. */
function lagText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${countText(Math.round(ms / 100) / 10)} s`;
}

type SparkProps = {
  readonly name: string;
  /** One bar each, oldest first; null where there is nothing to tell. */
  readonly values: readonly (number | null)[];
  /** The newest value, in words. */
  readonly now: string;
  /** The highest, in words. */
  readonly most: string;
};

/** A row of small bars, the highest as high as the row; its words say the same. */
function Spark({ name, values, now, most }: SparkProps) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const bars = values.map((value, x) => (value ? `M${x} 1v${-(value / top).toFixed(3)}h.7v1z` : ''));
  return (
    <div className={styles.sparkline}>
      <p className={styles.sparklineName}>
        {name} <span className={styles.now}>{now}</span>
      </p>
      <svg
        aria-label={`${name} over the last minute: ${now} now, at most ${most}`}
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

/** Shortest time between two announcements, in ms. A busy feed must not talk without end. */
const everyMs = 20_000;

/** Tells those who listen that events have come: how many, and only now and then. */
export function Announcer({ pulse }: { readonly pulse: Pulse }) {
  const [words, setWords] = useState('');
  useEffect(() => {
    let told = pulse.total();
    const timer = setInterval(() => {
      const count = pulse.total() - told;
      if (count === 0) return;
      told += count;
      setWords(`${countText(count)} ${count === 1 ? 'event has' : 'events have'} come`);
    }, everyMs);
    return () => clearInterval(timer);
  }, [pulse]);
  return (
    <p aria-live="polite" className={styles.announcer}>
      {words}
    </p>
  );
}
