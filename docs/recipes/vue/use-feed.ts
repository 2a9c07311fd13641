import { onScopeDispose, shallowRef } from 'vue';
import { connectFeed, type FeedOptions } from './client.js';

/** Reads a live feed in a component. It ends with the component. */
export function useFeed<const T extends string = string>(options: FeedOptions<T>) {
  const feed = connectFeed(options);
  const snapshot = shallowRef(feed.getSnapshot());
  feed.subscribe(() => {
    snapshot.value = feed.getSnapshot();
  });
  onScopeDispose(() => feed.close());
  return { snapshot, older: feed.older, retry: feed.retry };
}
