import { channelOf, type FeedItem } from '../../../lib/client/transport/messages.ts';
import { parseEventId } from '../../../lib/core/ids.ts';

/** Checks what one reader accepts: each event is the next one after the last, or comes after a gap that names it. */
export function historyCheck() {
  const last = new Map<string, string>();
  const awaited = new Map<string, string | null>();
  let restarts = 0;
  return {
    /** The number of `restarted` gaps so far. */
    restarts: () => restarts,
    /** @throws Error that names the first entry that does not follow. */
    take(entry: FeedItem) {
      const channel = channelOf(entry);
      if (entry.kind === 'gap') {
        awaited.set(channel, entry.gap.resumesAt);
        if (entry.gap.reason !== 'restarted') return;
        last.delete(channel);
        restarts += 1;
        return;
      }
      const previous = last.get(channel);
      const { id } = entry.event;
      const isAfterGap = awaited.has(channel) && [null, id].includes(awaited.get(channel) ?? null);
      const isNext =
        previous === undefined || parseEventId(id, 'id').seq === parseEventId(previous, 'id').seq + 1;
      if ((!isNext && !isAfterGap) || id === previous)
        throw new Error(`${channel}: ${id} does not follow ${previous}`);
      awaited.delete(channel);
      last.set(channel, id);
    },
  };
}
