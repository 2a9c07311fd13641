'use client';

import { useEffect, useState } from 'react';
import { useFeed } from '../../lib/client/use-feed.ts';

type Props = { readonly channel: string; readonly initial: string };

/** The progress of the job that publishes to this channel. */
export function ProgressBar({ channel, initial }: Props) {
  const { newest } = useFeed({
    channels: [channel],
    types: ['job.progress', 'job.done', 'job.failed'],
    initial,
  });
  const isSilent = useSilence(newest?.id);
  if (newest?.type === 'job.done') return <output>{newest.data.rows} rows imported</output>;
  if (newest?.type === 'job.failed') return <p role="alert">{newest.data.error}</p>;
  return (
    <>
      <progress aria-label="Import" max={newest?.data.rows} value={newest?.data.done} />
      {isSilent && <output>No news for 30 s: the job may have stopped.</output>}
    </>
  );
}

/** Whether 30 s have passed since this page got its newest event. */
function useSilence(newestId: string | undefined): boolean {
  const [silentSince, setSilentSince] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSilentSince(newestId ?? ''), 30_000);
    return () => clearTimeout(timer);
  }, [newestId]);
  return silentSince === (newestId ?? '');
}
