'use client';

import { useEffect, useMemo, useState } from 'react';
import { useFeed } from '../../lib/client/use-feed.ts';
import { basePath, pathEnd } from '../../lib/config/routes.ts';
import type { FeedPage } from '../../lib/core/event.ts';
import { type ProcessStatus, statusChannel, statusType } from '../../lib/core/process-status.ts';
import { describeStatus, StatusBar } from '../_feed/status-bar.tsx';
import { measureClockSkew, TimeDisplayContext } from '../_feed/time.tsx';
import styles from './status.module.css';
import { StatusMasthead } from './status-masthead.tsx';
import { StatusView } from './status-view.tsx';

type StatusProps = {
  /** The first `FeedPage` as JSON: the newest snapshot of the process that rendered the page. */
  readonly initial: string;
  /** Unix time in ms at which the server rendered the page. */
  readonly renderedAt: number;
  /** Whether there is a session to end. */
  readonly isSignedIn: boolean;
};

/** The address below which the status feed has the paths of a feed. The cookie of the sign-in is sent only there. */
const url = `${basePath}/status`;

/** The status of all processes that answer, live. It reads the feed of a process about itself, by the feed's own client. */
export function Status({ initial, renderedAt, isSignedIn }: StatusProps) {
  const [first] = useState(() => processOf((JSON.parse(initial) as FeedPage).events.at(-1)?.data));
  const [skewMs] = useState(() =>
    typeof window === 'undefined' ? 0 : measureClockSkew(renderedAt, Date.now()),
  );
  const feed = useFeed({
    url,
    channels: [statusChannel],
    types: [statusType],
    initial,
    limit: 2,
    share: false,
  });
  const { status, problem } = feed;
  const streamed = processOf(feed.newest?.data);
  const processes = useProcesses(streamed, status === 'streaming' || status === 'polling');
  const shown = processes.length > 0 || first === null ? processes : [first];
  const timeDisplay = useMemo(() => ({ style: 'ago', skewMs }) as const, [skewMs]);
  const text = describeStatus(status, problem?.detail ?? null, pollEvery, feed.pollingReason);
  const description =
    text.tone === 'live' ? 'Measured every 2\u00a0s while this page is open.' : text.description;
  return (
    <TimeDisplayContext value={timeDisplay}>
      <div data-tone={text.tone}>
        <StatusMasthead>
          <StatusBar
            onRetry={feed.retry}
            retry={status === 'waiting' || status === 'stopped' ? status : null}
            retryAt={feed.retryAt}
            text={{ ...text, description }}
          />
        </StatusMasthead>
      </div>
      <main className={styles.main}>
        <StatusView processes={shown} />
        {isSignedIn && (
          <form action={`${url}/session${pathEnd}`} className={styles.signOut} method="post">
            <button className={styles.button} name="end" type="submit" value="1">
              Sign out
            </button>
          </form>
        )}
      </main>
    </TimeDisplayContext>
  );
}

const pollEvery = { waitSeconds: 0, everyMs: 2_000 };

/** How often the page asks the address of the feed, where any process may answer, in ms. */
const askEveryMs = 5_000;

/** A process that has not been heard of for so long is no longer shown, in ms. */
const forgetMs = 60_000;

/**
 * The newest snapshot of each process, by name. A stream comes from one process, so the page also asks the address of the
 * feed: whatever spreads the requests over the processes leads it to each of them in turn. That works without the log.
 * @param streamed the newest snapshot of the feed. @param isLive whether the page asks for others.
 */
function useProcesses(streamed: ProcessStatus | null, isLive: boolean): readonly ProcessStatus[] {
  const [known, setKnown] = useState<readonly ProcessStatus[]>([]);
  useEffect(() => {
    if (streamed !== null && isLive) setKnown((before) => merge(before, streamed));
  }, [streamed, isLive]);
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'hidden') return;
      askAnyProcess().then((other) => {
        if (other !== null) setKnown((before) => merge(before, other));
      });
    }, askEveryMs);
    return () => clearInterval(timer);
  }, [isLive]);
  return known;
}

/** Adds a snapshot, and drops processes that have been silent for long. */
function merge(known: readonly ProcessStatus[], added: ProcessStatus): readonly ProcessStatus[] {
  const older = known.find(({ name }) => name === added.name);
  if (older !== undefined && older.time >= added.time) return known;
  const others = known.filter(({ name, time }) => name !== added.name && time > added.time - forgetMs);
  return [...others, added].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The status of the process that answers; null if none does. */
async function askAnyProcess(): Promise<ProcessStatus | null> {
  const address = `${url}/api/events${pathEnd}?channel=${statusChannel}&rewind=1`;
  try {
    const answer = await fetch(address, { cache: 'no-store' });
    if (!answer.ok) return null;
    const { events } = (await answer.json()) as FeedPage;
    return processOf(events.at(-1)?.data);
  } catch {
    // The feed itself shows that the server cannot be reached.
    return null;
  }
}

/** The snapshot in an event. A process of another version may have other members: then it is shown as far as it is known. */
function processOf(data: unknown): ProcessStatus | null {
  return typeof data === 'object' && data !== null && 'name' in data ? (data as ProcessStatus) : null;
}
