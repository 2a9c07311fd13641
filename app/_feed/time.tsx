import { createContext, useContext, useSyncExternalStore } from 'react';
import styles from './time.module.css';

/** How the page shows times. */
type TimeDisplay = {
  /** `ago`: the age of the event. `clock`: the time of day. */
  readonly style: 'ago' | 'clock';
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  /** Unix time in ms at which the server rendered the page. Default: every time is shown as one of that day. */
  readonly renderedAt?: number;
};

/** A context, so that a change reaches the times without rendering every row again. */
export const TimeDisplayContext = createContext<TimeDisplay>({ style: 'clock', skewMs: 0 });

/**
 * When the log stored an event: the time of day, and before it the day if it is another one. The server renders UTC. After
 * hydration the browser shows the reader's own zone and locale, or the age. Each form has one width, so that nothing moves.
 */
export function EventTime({ time }: { readonly time: number }) {
  const { style, skewMs, renderedAt = time } = useContext(TimeDisplayContext);
  const clock = useSyncExternalStore(
    subscribeToNothing,
    () => (isSameDay(time, Date.now() - skewMs) ? formatLocalTime(time) : formatLocalDayTime(time)),
    () =>
      formatUtcDay(time) === formatUtcDay(renderedAt)
        ? formatUtcTime(time)
        : formatIso(time).slice(5, 16).replace('T', ' '),
  );
  const day = useSyncExternalStore(
    subscribeToNothing,
    () => formatLocalDay(time),
    () => formatUtcDay(time),
  );
  const iso = formatIso(time);
  return (
    <time className={styles.time} dateTime={iso} title={iso}>
      <span>{style === 'ago' ? <Age time={time} /> : clock}</span>{' '}
      <span className={styles.detail}>{style === 'ago' ? clock : day}</span>
    </time>
  );
}

/** The time zone does not change while a page is open. */
function subscribeToNothing() {
  return () => {};
}

type AgeProps = {
  /** Unix time in ms. */
  readonly time: number;
  /** Whether `time` comes from the reader's clock. Default: from the server's. */
  readonly isLocalClock?: boolean;
};

/** How long ago `time` was. */
export function Age({ time, isLocalClock = false }: AgeProps) {
  const { skewMs } = useContext(TimeDisplayContext);
  const read = () => formatAge(Date.now() - (isLocalClock ? 0 : skewMs) - time);
  return useEverySecond(read, () => '');
}

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

/**
 * A value that depends on the time. It is read once a second; a component renders again only when its value changes.
 * @param readOnServer the value for the server's render and for hydration.
 */
export function useEverySecond<T extends string | number | boolean>(read: () => T, readOnServer: () => T): T {
  return useSyncExternalStore(subscribe, read, readOnServer);
}

/** All components share one timer. It stops with the last of them. */
function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  timer ??= setInterval(() => {
    for (const notify of listeners) notify();
  }, 1_000);
  return () => {
    listeners.delete(onChange);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Longest time from the server's render to hydration, in ms. Only a larger difference proves that the clocks differ. */
const maxHydrationMs = 30_000;

/**
 * How far the reader's clock is ahead of the server's, in ms; 0 if loading the page may explain the difference.
 * @param renderedAt Unix time in ms by the server's clock. @param now by the reader's clock, at hydration.
 */
export function measureClockSkew(renderedAt: number, now: number): number {
  const aheadMs = now - renderedAt;
  return Math.abs(aheadMs) <= maxHydrationMs ? 0 : aheadMs;
}

/** `now`, `5 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. A time in the future is `now`. */
export function formatAge(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1_000);
  if (!(seconds >= 1)) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Farthest time from 1970 that a `Date` can hold, in ms (ECMAScript, "Time Values and Time Range"). */
const maxDateMs = 8.64e15;

const localTimeFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const localDayTimeFormat = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const localDayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** The time of day in UTC: `20:33:54`. */
export function formatUtcTime(timeMs: number): string {
  return formatIso(timeMs).slice(11, 19);
}

/** The day in UTC: `2025-11-22`. */
export function formatUtcDay(timeMs: number): string {
  return formatIso(timeMs).slice(0, 10);
}

/** The time of day in the reader's zone and locale. */
export function formatLocalTime(timeMs: number): string {
  return localTimeFormat.format(clampTime(timeMs));
}

/** The day without its year, and the time of day without its seconds, in the reader's zone and locale. */
function formatLocalDayTime(timeMs: number): string {
  return localDayTimeFormat.format(clampTime(timeMs));
}

/** Whether two times are of the same day in the reader's zone. */
function isSameDay(timeMs: number, otherMs: number): boolean {
  return new Date(timeMs).toDateString() === new Date(otherMs).toDateString();
}

/** The day in the reader's zone and locale. */
export function formatLocalDay(timeMs: number): string {
  return localDayFormat.format(clampTime(timeMs));
}

/** Day and time in UTC, to the millisecond: `2025-11-22T20:33:54.120Z`. */
export function formatIso(timeMs: number): string {
  return new Date(clampTime(timeMs)).toISOString();
}

/** Replaces a time that breaks `Date` or needs more than four digits for the year, which the columns have no room for. */
function clampTime(timeMs: number): number {
  return Math.abs(timeMs) < maxDateMs / 36 ? timeMs : 0;
}
