'use client';

import { useFeed } from '../../lib/client/use-feed.ts';

/** The lines of a job's log, and whether more will come. */
export function JobLog({ channel, initial }: { readonly channel: string; readonly initial: string }) {
  const { events, status, problem } = useFeed({ channels: [channel], types: ['log.line'], initial });
  const state = status === 'ended' ? 'The job is over.' : 'The job is running.';
  return (
    <>
      <pre aria-label="Log" role="log">
        {events.map((event) => `${event.data.text}\n`)}
      </pre>
      <output>{problem?.detail ?? state}</output>
    </>
  );
}
