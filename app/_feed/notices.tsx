import { useEffect, useRef, useState } from 'react';
import { defaultChannel } from '../../lib/core/ids.ts';
import { formatCount } from './format.ts';
import styles from './notices.module.css';

/** Shown instead of the list until the first event arrives. */
export function EmptyFeed({ channel }: { readonly channel: string }) {
  const option = channel === defaultChannel ? '' : `--channel ${channel} `;
  return (
    <section className={styles.empty}>
      <h2 className={styles.emptyTitle}>No events yet</h2>
      <p className={styles.emptyText}>Publish the first one. It appears here at once:</p>
      <pre className={styles.command}>npm run push -- {option}"hello"</pre>
    </section>
  );
}

/** Shown instead of the list when the filter hides every entry. */
export function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <section className={styles.empty}>
      <h2 className={styles.emptyTitle}>No match</h2>
      <p className={styles.emptyText}>No loaded events match this filter.</p>
      <button className={styles.clear} onClick={onClear} type="button">
        Show all
      </button>
    </section>
  );
}

/** Shown instead of a part of the page that the server does not have any more: a new build has taken its place. */
export function NotLoaded() {
  return (
    <p className={styles.notLoaded} role="alert">
      This part of the page could not be loaded.{' '}
      <button className={styles.reload} onClick={() => window.location.reload()} type="button">
        Reload the page
      </button>
    </p>
  );
}

type NewEventsButtonProps = {
  /** Events added since the reader left the top; null if that is not known. */
  readonly count: number | null;
  readonly onClick: () => void;
};

/** "12 new": how many events arrived while the reader was elsewhere in the list. A click goes to them. */
export function NewEventsButton({ count, onClick }: NewEventsButtonProps) {
  if (count === 0) return null;
  return (
    <div className={styles.newEventsPlace}>
      <button aria-keyshortcuts="n" className={styles.newEvents} onClick={onClick} type="button">
        {count === null ? 'Many' : formatCount(count)} new <kbd className={styles.newEventsKey}>N</kbd>
      </button>
    </div>
  );
}

/** Distance from the end of the list, in px, at which the next older events are loaded. */
const preloadPx = 800;

type OlderEventsProps = {
  /** Whether the log may hold events older than the oldest in the list. */
  readonly hasOlder: boolean;
  readonly isLoading: boolean;
  /** Loads a page of older events. @returns false if that failed. */
  readonly load: () => Promise<boolean>;
  /** Whether to load when the end of the list is near. If not, only the button loads. */
  readonly loadsByItself: boolean;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
};

/** The end of the list. It loads older events when the reader comes near. After a failure the reader can try again. */
export function OlderEvents({ hasOlder, isLoading, load, loadsByItself, retention }: OlderEventsProps) {
  const end = useRef<HTMLDivElement>(null);
  const [hasFailed, setFailed] = useState(false);
  const [loadPage] = useState(
    () => async (loadOlder: OlderEventsProps['load']) => setFailed(!(await loadOlder())),
  );
  useEffect(() => {
    if (end.current === null || !loadsByItself || !hasOlder || isLoading || hasFailed) return;
    const observer = new IntersectionObserver(
      ([seen]) => {
        if (seen?.isIntersecting === true) loadPage(load);
      },
      { rootMargin: `${preloadPx}px` },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [loadPage, load, loadsByItself, hasOlder, isLoading, hasFailed]);
  return (
    <div className={styles.end} ref={end}>
      {hasOlder ? (
        <p>
          {hasFailed && 'Older events could not be loaded. '}
          <button
            className={styles.loadOlder}
            disabled={isLoading}
            onClick={() => loadPage(load)}
            type="button"
          >
            {isLoading ? 'Loading older events…' : hasFailed ? 'Try again' : 'Load older events'}
          </button>
        </p>
      ) : (
        <p>The log has no older events.</p>
      )}
      {retention !== null && <p>The log keeps the last {formatCount(retention)} events of each channel.</p>}
    </div>
  );
}
