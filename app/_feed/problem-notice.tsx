import { defaultChannel } from '../../lib/core/ids.ts';
import { Masthead } from './masthead.tsx';
import styles from './problem-notice.module.css';

/** Seconds after which the page tries again by itself: nobody may be near a display on a wall. */
const againSeconds = 15;

type ProblemNoticeProps = {
  readonly channel: string;
  /** Why, in the server's own words. */
  readonly detail: string;
  /** Whether the same page may come later. */
  readonly isPassing: boolean;
};

/** The page when a channel cannot be read: why, and what to do. */
export function ProblemNotice({ channel, detail, isPassing }: ProblemNoticeProps) {
  return (
    <>
      {isPassing && <meta content={String(againSeconds)} httpEquiv="refresh" />}
      <Masthead channel={channel} />
      <main className={styles.main}>
        <div className={styles.problem} data-tone="stopped">
          <h2 className={styles.title}>The feed cannot be read</h2>
          <p className={styles.detail} role="alert">
            {detail}
          </p>
          {isPassing ? (
            <p className={styles.again}>
              This page tries again every {againSeconds} s.{' '}
              <a href={`/?channel=${encodeURIComponent(channel)}`}>Try now</a>
            </p>
          ) : (
            <p className={styles.again}>
              <a href="/">Go to the channel {defaultChannel}</a>
            </p>
          )}
        </div>
      </main>
    </>
  );
}
