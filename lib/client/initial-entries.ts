import type { FeedEvent } from '../core/event.ts';
import { eventEntry, type FeedEntry, gapEntry } from './feed-entry.ts';
import type { FeedStart } from './feed-options.ts';

/** What a feed begins with. Gaps of a first page stand ahead of the event where the log goes on. */
export function initialEntries(initial: FeedStart | undefined): FeedEntry[] {
  if (initial === undefined) return [];
  const gaps = initial.gaps ?? [];
  const isAt = (event: FeedEvent) =>
    gaps.filter((gap) => gap.channel === event.channel && gap.resumesAt === event.id);
  const placed = initial.events.flatMap((event) => [...isAt(event).map(gapEntry), eventEntry(event)]);
  const rest = gaps.filter((gap) => !placed.some((entry) => entry.kind === 'gap' && entry.gap === gap));
  return [...placed, ...rest.map(gapEntry)];
}
