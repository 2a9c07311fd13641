import { type EventId, excerpt, parseEventId } from '../core/event-id.ts';
import { FeedError } from '../core/feed-error.ts';
import type { FeedEvent } from '../core/feed-event.ts';
import type { Gap } from '../core/gap.ts';

/** Gives an object back. @throws FeedError `bad-request` for anything else. */
export function readRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FeedError('bad-request', `${what}: not an object`);
}

/** Checks what came as an event of one of `channels`. @throws FeedError `bad-request` */
export function readEvent(value: unknown, channels: readonly string[]): { event: FeedEvent; id: EventId } {
  const event = readRecord(value, 'event') as FeedEvent;
  if (!channels.includes(event.channel)) {
    throw new FeedError(
      'bad-request',
      `event: channel "${excerpt(String(event.channel))}" was not asked for`,
    );
  }
  return { event, id: parseEventId(String(event.id), 'event') };
}

/** Checks what came as a gap. @throws FeedError `bad-request` */
export function readGap(value: unknown): Gap {
  const gap = readRecord(value, 'gap') as Gap;
  parseEventId(String(gap.after), 'gap: after');
  if (gap.resumesAt !== null) parseEventId(String(gap.resumesAt), 'gap: resumesAt');
  if (gap.reason === 'trimmed' || gap.reason === 'restarted') return gap;
  throw new FeedError('bad-request', `gap: reason "${excerpt(String(gap.reason))}" is not known`);
}
