import { useState } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';

/** A list that can be told to stand still. */
export type Standstill = {
  readonly isPaused: boolean;
  /** Stands still, or goes on. */
  toggle(): void;
  /** What is shown: all, or while paused what there was, and what is loaded behind it. */
  readonly entries: readonly FeedEntry[];
};

/**
 * Pauses the view, never the connection: events go on arriving behind it, so that going on shows them at once and
 * nothing can have been trimmed from the log meanwhile.
 * @param entries newest first.
 */
export function useStandstill(entries: readonly FeedEntry[]): Standstill {
  const [still, setStill] = useState<readonly FeedEntry[] | null>(null);
  return {
    isPaused: still !== null,
    toggle: () => setStill(still === null ? entries : null),
    entries: still === null ? entries : since(still, entries),
  };
}

/** `entries` from the newest of `still` on; `still` itself where that is no longer held. */
function since(still: readonly FeedEntry[], entries: readonly FeedEntry[]): readonly FeedEntry[] {
  const newest = still[0]?.key;
  const index = entries.findIndex((entry) => entry.key === newest);
  if (index === -1) return still;
  return entries.length - index === still.length ? still : entries.slice(index);
}
