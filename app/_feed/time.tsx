import { createContext, useContext, useSyncExternalStore } from 'react';
import styles from './time.module.css';

/** How times are told. */
type TimeSense = {
  /** `ago`: how long ago. `clock`: when. */
  readonly style: 'ago' | 'clock';
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
};

/** A context, so that a row that has been rendered need not be told again. */
export const TimeSenseContext = createContext<TimeSense>({ style: 'clock', skewMs: 0 });

/**
 * When the log took an event: in UTC where the server renders it, in the reader's own zone and locale as soon as the
 * page is alive, or how long ago. All are two lines of one width, so that nothing moves.
 */
export function EventTime({ time }: { readonly time: number }) {
  const { style } = useContext(TimeSenseContext);
  const clock = useSyncExternalStore(
    never,
    () => localTime(time),
    () => utcTime(time),
  );
  const day = useSyncExternalStore(
    never,
    () => localDay(time),
    () => utcDay(time),
  );
  const iso = `${utcDay(time)}T${utcTime(time, 'ms')}Z`;
  return (
    <time className={styles.time} dateTime={iso} title={iso}>
      <span className={styles.clock}>{style === 'ago' ? <Age time={time} /> : clock}</span>{' '}
      <span className={styles.day}>{style === 'ago' ? clock : day}</span>
    </time>
  );
}

/** A time zone does not change while a page is open. */
function never() {
  return () => {};
}

type AgeProps = {
  /** Unix time in ms. */
  readonly time: number;
  /** Whether it was told by the reader's own clock. Default: by the server's. */
  readonly isLocal?: boolean;
};

/** How long ago `time` was, by the clock that told it. */
export function Age({ time, isLocal = false }: AgeProps) {
  const { skewMs } = useContext(TimeSenseContext);
  const look = () => ageText(Date.now() - (isLocal ? 0 : skewMs) - time);
  return useSecond(look, () => '');
}

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

/**
 * Something that depends on the time, looked at once a second: only who sees it change is rendered anew.
 * @param look what is seen now. @param first what a server sees.
 */
export function useSecond<T extends string | number | boolean>(look: () => T, first: () => T): T {
  return useSyncExternalStore(subscribe, look, first);
}

/** One timer for all, while anybody looks. */
function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  timer ??= setInterval(() => {
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(onChange);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** A page takes up to this long to come to life, in ms; only beyond it do clocks differ. */
const plausibleMs = 30_000;

/**
 * How far the reader's clock is ahead of the server's, in ms; 0 where the difference may be the way the page took.
 * @param renderedAt Unix time in ms by the server's clock. @param now by the reader's, as soon as the page is alive.
 */
export function skewOf(renderedAt: number, now: number): number {
  const aheadMs = now - renderedAt;
  return Math.abs(aheadMs) <= plausibleMs ? 0 : aheadMs;
}

/** How long ago something was: `now`, `5 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. What is to come is `now`. */
export function ageText(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1_000);
  if (!(seconds >= 1)) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Beyond this many ms from 1970 there is no date (ECMAScript, "Time Values and Time Range"). */
const farthestMs = 8.64e15;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** The time of day in UTC, to the second or the ms: `20:33:54`. */
export function utcTime(timeMs: number, precision: 's' | 'ms' = 's'): string {
  return isoOf(timeMs).slice(11, precision === 's' ? 19 : 23);
}

/** The day in UTC: `2025-11-22`. */
export function utcDay(timeMs: number): string {
  return isoOf(timeMs).slice(0, 10);
}

/** The time of day in the reader's zone and locale. */
export function localTime(timeMs: number): string {
  return clock.format(clamp(timeMs));
}

/** The day in the reader's zone and locale. */
export function localDay(timeMs: number): string {
  return day.format(clamp(timeMs));
}

function isoOf(timeMs: number): string {
  return new Date(clamp(timeMs)).toISOString();
}

/** A time that no date can hold must not break the list; years beyond 9999 would not fit the columns either. */
function clamp(timeMs: number): number {
  return Math.abs(timeMs) < farthestMs / 36 ? timeMs : 0;
}
