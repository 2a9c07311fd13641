import { defaultChannel } from '../../lib/core/ids.ts';
import { Masthead } from './masthead.tsx';
import styles from './problem-notice.module.css';

/** Seconds until the page reloads itself. A wall display may have nobody near it. */
const reloadSeconds = 15;

type ProblemNoticeProps = {
  readonly channel: string;
  /** The cause, in the server's own words. */
  readonly detail: string;
  /** Whether the page may work later. */
  readonly isTemporary: boolean;
};

/** The page for a channel that cannot be read: the cause, and what to do. */
export function ProblemNotice({ channel, detail, isTemporary }: ProblemNoticeProps) {
  return (
    <>
      {isTemporary && <meta content={String(reloadSeconds)} httpEquiv="refresh" />}
      <Masthead channel={channel} />
      <main className={styles.main}>
        <div className={styles.problem} data-tone="stopped">
          <h2 className={styles.title}>This feed cannot be read</h2>
          <p className={styles.detail} role="alert">
            {detail}
          </p>
          {isTemporary ? (
            <p className={styles.action}>
              This page reloads every {reloadSeconds} s.{' '}
              <a href={`/?channel=${encodeURIComponent(channel)}`}>Reload now</a>
            </p>
          ) : (
            <p className={styles.action}>
              <a href="/">Go to the channel {defaultChannel}</a>
            </p>
          )}
        </div>
      </main>
    </>
  );
}
