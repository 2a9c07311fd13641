'use client';

import type { FeedStatus } from '../../lib/client/feed-status.ts';
import { Countdown } from './countdown.tsx';
import styles from './status-pill.module.css';
import { statusWords } from './status-words.ts';

export type StatusPillProps = {
  readonly status: FeedStatus;
  /** What the server said when it refused; null where nothing was said. */
  readonly reason: string | null;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  readonly onRetry: () => void;
};

/** What the feed is doing, in a word and a sentence. Only a change of these is announced, never the countdown. */
export function StatusPill({ status, reason, retryAt, onRetry }: StatusPillProps) {
  const { word, sentence } = statusWords(status, reason);
  const canRetry = status === 'stopped' || status === 'waiting';
  return (
    <div className={styles.pill}>
      <span aria-hidden="true" className={styles.lamp} />
      <p className={styles.words}>
        <output className={styles.output}>
          <strong className={styles.word}>{word}</strong> <span className={styles.sentence}>{sentence}</span>
        </output>
        {status === 'waiting' && <Countdown until={retryAt} />}
      </p>
      {canRetry && (
        <button className={styles.retry} onClick={onRetry} type="button">
          {status === 'stopped' ? 'Try again' : 'Try now'}
        </button>
      )}
    </div>
  );
}
