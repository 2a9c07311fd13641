'use client';

import { useEffect, useState } from 'react';
import type { FeedStatus, PollingReason } from '../../lib/client/feed-options.ts';
import { basePath, pathEnd } from '../../lib/config/routes.ts';
import type { PollAdvice } from '../../lib/core/event.ts';
import styles from './status-bar.module.css';

/** A status as the reader sees it. */
type StatusText = {
  readonly label: string;
  /**
   * What is happening, in a short sentence. It contains no number that changes by itself: a screen reader announces each
   * change.
   */
  readonly description: string;
  /** What the server said, which may be long: the bar shows its beginning. */
  readonly detail?: string | null;
  /** The accent colour of the page: all is well; events may come late; nothing to do; the reader must act. */
  readonly tone: 'live' | 'moving' | 'resting' | 'stopped';
};

/**
 * Describes the status of the connection.
 * @param reason what the server said when it refused; null if it said nothing.
 * @param poll how the server wants to be polled.
 * @param pollingReason why the client polls instead of streaming; null if it does not say.
 */
export function describeStatus(
  status: FeedStatus,
  reason: string | null,
  poll: PollAdvice,
  pollingReason: PollingReason | null,
): StatusText {
  switch (status) {
    case 'connecting':
      return { label: 'Connecting', description: 'Opening a stream.', tone: 'moving' };
    case 'streaming':
      return { label: 'Live', description: 'Events appear as they arrive.', tone: 'live' };
    case 'handing over':
      return {
        label: 'Handing over',
        description: 'Switching to the next stream. No event is lost.',
        tone: 'live',
      };
    case 'waiting':
      return { label: 'Waiting', description: 'Reconnecting', detail: reason, tone: 'moving' };
    case 'polling':
      return {
        label: 'Polling',
        description:
          pollingReason === null
            ? `${describePolling(poll)} Streaming will be retried.`
            : `${pollingReasons[pollingReason]}. Events still arrive, by polls.`,
        tone: 'moving',
      };
    case 'resting':
      return {
        label: 'Resting',
        description: 'Nothing new. To save cost, the page checks now and then.',
        tone: 'resting',
      };
    case 'paused':
      return { label: 'Paused', description: 'In the background. Resumes when you return.', tone: 'resting' };
    case 'offline':
      return { label: 'Offline', description: 'Resumes when the network is back.', tone: 'moving' };
    case 'stopped':
      return { label: 'Stopped', description: reason ?? 'The feed was closed.', tone: 'stopped' };
    case 'ended':
      return { label: 'Ended', description: 'No more events will come.', tone: 'resting' };
    default:
      return status satisfies never;
  }
}

/** Why the client polls, as the reader sees it. */
export const pollingReasons: Readonly<Record<PollingReason, string>> = {
  held: 'Something on the way holds streams back',
  late: 'Streams bring events late here',
  refused: 'Streams do not get through here',
  disconnected: 'Streams end too soon here',
};

/** The status while the reader has paused the list and the connection behind it is well. */
export const pausedListStatus: StatusText = {
  label: 'Paused',
  description: 'New events keep arriving. They appear when you resume.',
  tone: 'resting',
};

function describePolling({ waitSeconds, everyMs }: PollAdvice): string {
  return waitSeconds > 0 ? 'Requests wait for new events.' : `Every ${everyMs / 1_000} s.`;
}

type StatusBarProps = {
  readonly text: StatusText;
  /** Whether the client waits before the next try, or was refused; both can be retried now. Else null. */
  readonly retry: 'waiting' | 'stopped' | null;
  /** Unix time in ms of the next try; null if none is planned. */
  readonly retryAt: number | null;
  readonly onRetry: () => void;
};

/** The status of the feed. A screen reader announces a change of its text, never the countdown. */
export function StatusBar({ text, retry, retryAt, onRetry }: StatusBarProps) {
  return (
    <div className={styles.bar}>
      <p className={styles.text} title={text.detail ?? undefined}>
        <output>
          <strong className={styles.label}>{text.label}</strong> <span>{text.description}</span>
        </output>
        {retry === 'waiting' && <Countdown until={retryAt} />}
        {text.detail && <span aria-live="polite">. {text.detail}</span>}
      </p>
      {retry !== null && (
        <button className={styles.retry} onClick={onRetry} type="button">
          {retry === 'stopped' ? 'Try again' : 'Try now'}
        </button>
      )}
    </div>
  );
}

/** Counts the seconds down to `until` (Unix time in ms). */
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

type ReloadProps = { readonly channel: string; readonly everySeconds: number };

/** Reloads the page as soon as its channel can be read. Until then nothing of the page changes under its reader. */
export function ReloadWhenReadable({ channel, everySeconds }: ReloadProps) {
  useEffect(() => {
    const address = `${basePath}/api/events${pathEnd}?channel=${encodeURIComponent(channel)}&rewind=1`;
    const ask = () =>
      fetch(address).then(
        ({ ok }) => ok && location.reload(),
        () => {},
      );
    const timer = setInterval(ask, everySeconds * 1_000);
    return () => clearInterval(timer);
  });
  return null;
}
