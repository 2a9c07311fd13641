import { useEffect, useRef, useState } from 'react';
import { countText } from './format.ts';
import styles from './notices.module.css';

/** How far ahead of the list's end, in px, older events begin to be loaded. */
const aheadPx = 800;

type OlderEventsProps = {
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
          <button className={styles.loadOlder} disabled={isLoading} onClick={() => ask(load)} type="button">
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

type NewEventsProps = {
  /** How many have come since the reader left the top; null where that is not known any more. */
  readonly count: number | null;
  readonly onJump: () => void;
};

/** "12 new": what has come while the reader reads elsewhere, and the way there. */
export function NewEvents({ count, onJump }: NewEventsProps) {
  if (count === 0) return null;
  return (
    <div className={styles.jumpPlace}>
      <button aria-keyshortcuts="n" className={styles.jump} onClick={onJump} type="button">
        {count === null ? 'Many' : countText(count)} new <kbd className={styles.jumpKey}>N</kbd>
      </button>
    </div>
  );
}

/** What stands in the list's place when a filter hides everything. */
export function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <p className={styles.noMatch}>
      None of the events loaded so far is like that.{' '}
      <button className={styles.clear} onClick={onClear} type="button">
        Show all
      </button>
    </p>
  );
}

/** What stands in the list's place until the first event comes. */
export function EmptyFeed() {
  return (
    <section className={styles.emptyFeed}>
      <h2 className={styles.emptyTitle}>No events yet</h2>
      <p>Publish the first one; it appears here at once:</p>
      <pre className={styles.command}>npm run push -- "hello"</pre>
    </section>
  );
}
