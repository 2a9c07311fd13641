import { connectFeed } from '../../../../lib/client/connect-feed.ts';
import { parseCursor } from '../../../../lib/core/cursor.ts';
import { formatEventId } from '../../../../lib/core/ids.ts';
import type { Reader, ReaderOrder } from './reader.ts';

/** How readers with our client differ from each other. */
export type FeedReaderTraits = {
  readonly transport: 'auto' | 'stream' | 'poll';
  /** Whether it starts now instead of at the oldest event. */
  readonly isFromNow: boolean;
  /** How long its app takes for one event at the moment, in ms. */
  readonly slowMs: () => number;
};

/** Our own client, as an app in Node uses it. */
export function startFeedReader(order: ReaderOrder, traits: FeedReaderTraits): Reader {
  const { url, channels, types, record } = order;
  // A reader that starts now learns its position later, perhaps together with the first events.
  for (const channel of traits.isFromNow ? channels : []) record.begin(channel, 'now');
  const feed = connectFeed({
    ...{ url, channels, transport: traits.transport },
    ...(types !== null && { types }),
    ...(traits.isFromNow ? {} : { rewind: 'all' }),
    ...{ limit: 1, probeMs: 1_000, maxProbeMs: 4_000, maxBackoffMs: 4_000 },
    onEvent(event) {
      record.event(event);
      const ms = traits.slowMs();
      return ms === 0 ? undefined : new Promise<void>((resolve) => setTimeout(resolve, ms));
    },
    onGap(gap) {
      record.gap(gap);
    },
  });

  const unsubscribe = feed.subscribe(() => {
    const { cursor } = feed.getSnapshot();
    if (cursor === null) return;
    queueMicrotask(unsubscribe);
    if (!traits.isFromNow || channels.some((channel) => record.last(channel) !== '')) return;
    for (const [channel, { id }] of parseCursor(cursor, channels, 'cursor')) {
      record.begin(channel, formatEventId(id));
    }
  });

  return {
    record,
    state: () => {
      const { status, transport } = feed.getSnapshot();
      return `${status} ${transport ?? ''}`;
    },
    gaveUp() {
      const { status, problem } = feed.getSnapshot();
      return status === 'stopped' ? `stopped: ${problem?.status} ${problem?.detail}` : null;
    },
    close: feed.close,
  };
}
