'use client';

import { useFeed } from '../../lib/client/use-feed.ts';

/** The lines of a job's log, and whether more will come. */
export function JobLog({ channel, initial }: { readonly channel: string; readonly initial: string }) {
  const { events, status } = useFeed({ channels: [channel], types: ['log.line'], initial });
  return (
    <>
      <pre aria-label="Log" role="log">
        {events.map((event) => `${event.data.text}\n`)}
      </pre>
      <output>{status === 'ended' ? 'The job is over.' : 'The job is running.'}</output>
    </>
  );
}
