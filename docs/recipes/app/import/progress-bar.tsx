'use client';

import { useFeed } from '../../lib/client/use-feed.ts';

/** The progress of the job that publishes to this channel. */
export function ProgressBar({ channel }: { readonly channel: string }) {
  const { events } = useFeed({
    channels: [channel],
    types: ['job.progress', 'job.done'],
    // The page may open, or be reloaded, while the job runs.
    rewind: 'all',
  });
  const last = events.at(-1);
  if (last?.type === 'job.done') return <output>{last.data.rows} rows imported</output>;
  return <progress aria-label="Import" max={last?.data.rows ?? 1} value={last?.data.done ?? 0} />;
}
