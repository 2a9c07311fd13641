import { defaultChannel } from '../../lib/core/ids.ts';
import { Masthead } from './masthead.tsx';
import styles from './problem-notice.module.css';
import { ReloadWhenReadable } from './status-bar.tsx';

/** Seconds between two tries of the page, at least. A wall display may have nobody near it. */
const minTrySeconds = 15;

type ProblemNoticeProps = {
  readonly channel: string;
  /** The cause, in the server's own words. */
  readonly detail: string;
  /** After how many seconds the page may work; null: it will not. */
  readonly retryAfterSeconds: number | null;
};

/** The page for a channel that cannot be read: the cause, and what to do. */
export function ProblemNotice({ channel, detail, retryAfterSeconds }: ProblemNoticeProps) {
  const trySeconds = Math.max(minTrySeconds, retryAfterSeconds ?? 0);
  return (
    <>
      <Masthead channel={channel} />
      <main className={styles.main}>
        <div className={styles.problem} data-tone="stopped">
          <h2 className={styles.title}>This feed cannot be read</h2>
          <p className={styles.detail} role="alert">
            {detail}
          </p>
          {retryAfterSeconds === null ? (
            <p className={styles.action}>
              <a href={`?channel=${defaultChannel}`}>Go to the channel {defaultChannel}</a>
            </p>
          ) : (
            <p className={styles.action}>
              The page tries again every {trySeconds} s.{' '}
              <a href={`?channel=${encodeURIComponent(channel)}`}>Try now</a>
              <ReloadWhenReadable channel={channel} everySeconds={trySeconds} />
            </p>
          )}
        </div>
      </main>
    </>
  );
}
