import { useEffect, useRef, useState } from 'react';
import { countText } from './figures.ts';
import styles from './older-events.module.css';

/** How far ahead of the list's end, in px, older events begin to be loaded. */
const aheadPx = 800;

export type OlderEventsProps = {
  /** Whether the log may hold more ahead of the oldest event shown. */
  readonly hasOlder: boolean;
  readonly isLoading: boolean;
  /** Loads a page. @returns false when it could not. */
  readonly load: () => Promise<boolean>;
  /** Whether the end in sight loads more. Else only the button does. */
  readonly isAutomatic: boolean;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
};

/** The end of the list: older events come as it gets near; a failure is said, and tried again by hand. */
export function OlderEvents({ hasOlder, isLoading, load, isAutomatic, retention }: OlderEventsProps) {
  const foot = useRef<HTMLDivElement>(null);
  const [hasFailed, setFailed] = useState(false);
  const [ask] = useState(() => async (from: OlderEventsProps['load']) => setFailed(!(await from())));
  useEffect(() => {
    if (foot.current === null || !isAutomatic || !hasOlder || isLoading || hasFailed) return;
    const observer = new IntersectionObserver(
      ([seen]) => {
        if (seen?.isIntersecting === true) ask(load);
      },
      { rootMargin: `${aheadPx}px` },
    );
    observer.observe(foot.current);
    return () => observer.disconnect();
  }, [ask, load, isAutomatic, hasOlder, isLoading, hasFailed]);
  return (
    <div className={styles.foot} ref={foot}>
      {hasOlder ? (
        <p>
          {hasFailed && 'Older events could not be loaded. '}
          <button className={styles.button} disabled={isLoading} onClick={() => ask(load)} type="button">
            {isLoading ? 'Loading older events…' : hasFailed ? 'Try again' : 'Load older events'}
          </button>
        </p>
      ) : (
        <p>This is the oldest event that is kept.</p>
      )}
      {retention !== null && <p>The log keeps the last {countText(retention)} events of each channel.</p>}
    </div>
  );
}
