import { useState } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';

/**
 * How many entries have come on top since the reader was last there; null where that is not known any more.
 * @param isHeld whether the reader is elsewhere.
 */
export function useNewCount(entries: readonly FeedEntry[], isHeld: boolean): number | null {
  const firstKey = entries[0]?.key ?? '';
  const [seenKey, setSeenKey] = useState(firstKey);
  if (!isHeld && seenKey !== firstKey) setSeenKey(firstKey);
  if (!isHeld || seenKey === firstKey) return 0;
  const index = entries.findIndex((entry) => entry.key === seenKey);
  return index === -1 ? null : index;
}
