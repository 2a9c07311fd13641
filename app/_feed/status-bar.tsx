'use client';

import { useEffect, useState } from 'react';
import type { FeedStatus } from '../../lib/client/connection/status.ts';
import type { PollAdvice } from '../../lib/core/event.ts';
import styles from './status-bar.module.css';

type StatusPillProps = {
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

/** Seconds left until `until` (Unix time in ms), counted down; says `soon` where that is not known. */
export function Countdown({ until }: { readonly until: number | null }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const seconds = until === null ? 0 : Math.ceil((until - now) / 1_000);
  return (
    <span className={styles.countdown} role="timer">
      {seconds > 0 ? `in ${seconds} s` : 'now'}
    </span>
  );
}

/** A status as a reader is told of it. */
type StatusWords = {
  readonly word: string;
  /** What is happening, in a short sentence. It holds no running number: it is announced when it changes. */
  readonly sentence: string;
  /** Carried by the page's one accent: all is well; on the way; resting; at its end. */
  readonly tone: 'live' | 'moving' | 'resting' | 'stopped';
};

/**
 * @param reason what the server said when it refused; null where nothing was said.
 * @param poll how the server wants to be polled.
 */
export function statusWords(status: FeedStatus, reason: string | null, poll: PollAdvice): StatusWords {
  switch (status) {
    case 'connecting':
      return { word: 'Connecting', sentence: 'The stream is being opened.', tone: 'moving' };
    case 'streaming':
      return { word: 'Live', sentence: 'Events appear as they come.', tone: 'live' };
    case 'handing over':
      return { word: 'Handing over', sentence: 'The next stream is opening; nothing is lost.', tone: 'live' };
    case 'waiting':
      return {
        word: 'Waiting',
        sentence: reason ? `${reason}; connecting again` : 'Connecting again',
        tone: 'moving',
      };
    case 'polling':
      return { word: 'Polling', sentence: `${pollText(poll)}; streaming is tried again.`, tone: 'moving' };
    case 'paused':
      return { word: 'Paused', sentence: 'Hidden; goes on from here when shown.', tone: 'resting' };
    case 'offline':
      return { word: 'Offline', sentence: 'Goes on from here when the network is back.', tone: 'resting' };
    case 'stopped':
      return { word: 'Stopped', sentence: reason ?? 'It was closed.', tone: 'stopped' };
    default:
      return status satisfies never;
  }
}

/** What is said while the reader has stopped the list, and all is well behind it. */
export const standstillWords: StatusWords = {
  word: 'Paused',
  sentence: 'The list stands still; events go on arriving behind it.',
  tone: 'resting',
};

function pollText({ waitSeconds, everyMs }: PollAdvice): string {
  return waitSeconds > 0 ? 'Each request waits for news' : `Every ${everyMs / 1_000} s`;
}
