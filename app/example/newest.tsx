'use client';

import { useFeed } from '../../lib/client/use-feed.ts';

/** The status of the feed, and its events, newest first. Where events are missing, a line says so. */
export function Newest(props: { readonly channels: readonly string[]; readonly initial: string }) {
  const { entries, status } = useFeed(props);
  return (
    <main style={{ padding: '1rem' }}>
      <output>{status}</output>
      <ol>
        {entries.toReversed().map((entry) => (
          <li key={entry.key}>
            {entry.kind === 'gap'
              ? `${entry.gap.missed ?? 'Some'} events are missing here`
              : JSON.stringify(entry.event.data)}
          </li>
        ))}
      </ol>
    </main>
  );
}
