import { type Readable, readable } from 'svelte/store';
import { connectFeed, type FeedOptions, type FeedSnapshot } from './client.js';

/** A live feed as a store. It reads while a component shows it, and continues where it was when it is shown again. */
export function feedStore<const T extends string = string>(
  options: FeedOptions<T>,
): Readable<FeedSnapshot<T>> {
  const feed = connectFeed({ ...options, enabled: false });
  return readable(feed.getSnapshot(), (set) => {
    const unsubscribe = feed.subscribe(() => set(feed.getSnapshot()));
    feed.setEnabled(true);
    return () => {
      unsubscribe();
      feed.setEnabled(false);
    };
  });
}
