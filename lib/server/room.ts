import { FeedError } from '../core/feed-error.ts';
import type { Runtime } from './runtime.ts';

/** Streams and subscriptions of a process together: the platform gives it 1,024 file descriptors. */
const maxOpen = 900;

/** Elsewhere the setting may ask for more streams than that; so many subscriptions come on top of them. */
const maxBesides = 100;

/**
 * Makes sure that this process can follow `channels` besides what it holds. Where there is no room, tails without readers
 * make it; it is refused where all are in use.
 * @param opened how many streams are to be opened for it: 1, or 0 for a poll.
 * @throws FeedError `too-many-streams`
 */
export function makeRoom(
  { settings, streams, tails }: Pick<Runtime, 'settings' | 'streams' | 'tails'>,
  channels: readonly string[],
  opened: 0 | 1,
): void {
  const added = channels.filter((channel) => !tails.has(channel)).length;
  if (streams.size + opened > settings.streamMaxConnections) {
    throw new FeedError(
      'too-many-streams',
      `this process holds ${streams.size} streams, its maximum (STREAM_MAX_CONNECTIONS); try again shortly`,
    );
  }
  const most = settings.isVercel ? maxOpen : Math.max(maxOpen, settings.streamMaxConnections + maxBesides);
  const beyond = streams.size + tails.count() + opened + added - most;
  if (beyond <= 0 || tails.endIdle(beyond, channels)) return;
  throw new FeedError(
    'too-many-streams',
    `this process holds ${streams.size} streams and follows ${tails.count()} channels, its maximum; try again shortly`,
  );
}
