'use client';

import { Countdown } from './countdown.tsx';
import styles from './status-pill.module.css';
import type { StatusWords } from './status-words.ts';

export type StatusPillProps = {
  readonly words: StatusWords;
  /** Whether a try is waited for, or what was refused can be tried again. */
  readonly retry: 'waiting' | 'stopped' | null;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  readonly onRetry: () => void;
};

/** What the feed is doing, in a word and a sentence. Only a change of these is announced, never the countdown. */
export function StatusPill({ words, retry, retryAt, onRetry }: StatusPillProps) {
  return (
    <div className={styles.pill}>
      <span aria-hidden="true" className={styles.lamp} />
      <p className={styles.words}>
        <output>
          <strong className={styles.word}>{words.word}</strong> <span>{words.sentence}</span>
        </output>
        {retry === 'waiting' && <Countdown until={retryAt} />}
      </p>
      {retry !== null && (
        <button className={styles.retry} onClick={onRetry} type="button">
          {retry === 'stopped' ? 'Try again' : 'Try now'}
        </button>
      )}
    </div>
  );
}
