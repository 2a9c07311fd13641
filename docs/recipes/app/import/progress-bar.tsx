'use client';

import { useEffect, useState } from 'react';
import { useFeed } from '../../lib/client/use-feed.ts';

type Props = { readonly channel: string; readonly initial: string; readonly renderedAt: number };

/** The progress of the job that publishes to this channel. */
export function ProgressBar({ channel, initial, renderedAt }: Props) {
  const { events, newest, problem } = useFeed({
    channels: [channel],
    types: ['job.progress', 'job.done', 'job.failed'],
    initial,
  });
  const isSilent = useSilence(newest, renderedAt);
  const again = <a href="/import">Start again</a>;
  // The session is over: nothing of the job must stay on the page.
  if (problem?.status === 401 || problem?.status === 403) {
    return <p role="alert">You may no longer see this job. {again}</p>;
  }
  if (newest?.type === 'job.done') {
    return (
      <>
        <output>{newest.data.rows} rows imported.</output> {again}
      </>
    );
  }
  const progress = events.findLast((event) => event.type === 'job.progress')?.data;
  return (
    <>
      <progress aria-label="Import" max={progress?.rows} value={progress?.done} />{' '}
      {progress && `${progress.step}: ${progress.done} of ${progress.rows} rows`}
      {problem !== null && <p role="alert">{problem.detail}</p>}
      {newest?.type === 'job.failed' ? (
        <p role="alert">
          {newest.data.error} {again}
        </p>
      ) : (
        isSilent && <output>No news for 30 s: the job may have stopped.</output>
      )}
    </>
  );
}

/** Whether 30 s have passed since the newest event. @param renderedAt by the server's clock, as the events' times are. */
function useSilence(
  newest: { readonly id: string; readonly time: number } | null,
  renderedAt: number,
): boolean {
  const [silentSince, setSilentSince] = useState<string>();
  // A reload does not begin the 30 s anew: it counts the time before the page was rendered.
  const wait = 30_000 - Math.max(0, renderedAt - (newest?.time ?? renderedAt));
  useEffect(() => {
    const timer = setTimeout(() => setSilentSince(newest?.id), wait);
    return () => clearTimeout(timer);
  }, [newest?.id, wait]);
  return silentSince !== undefined && silentSince === newest?.id;
}
