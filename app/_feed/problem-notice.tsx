import { Masthead } from './masthead.tsx';
import styles from './problem-notice.module.css';

/** Seconds after which the page tries again by itself: nobody may be near a display on a wall. */
const againSeconds = 15;

/** The page when the log cannot be read: why, in the server's own words. */
export function ProblemNotice({ channel, detail }: { readonly channel: string; readonly detail: string }) {
  return (
    <>
      <meta content={String(againSeconds)} httpEquiv="refresh" />
      <Masthead channel={channel} />
      <main className={styles.main}>
        <div className={styles.problem} data-tone="stopped">
          <h2 className={styles.title}>The feed cannot be read</h2>
          <p className={styles.detail} role="alert">
            {detail}
          </p>
          <p className={styles.again}>
            This page tries again every {againSeconds} s. <a href="/">Try now</a>
          </p>
        </div>
      </main>
    </>
  );
}
