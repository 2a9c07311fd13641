import type { FeedItem } from '../../../lib/client/transport/messages.ts';
import type { Gap } from '../../../lib/core/continuity.ts';
import { type Cursor, parseCursor } from '../../../lib/core/cursor.ts';
import { formatEventId, parseEventId } from '../../../lib/core/ids.ts';

/** A cursor of the channel `feed`. */
export const cursorAt = (text: string): Cursor => parseCursor(text, ['feed'], 'cursor');

/** Event number `seq` of an epoch; its time follows from its number. */
export function eventItem(seq: number, epoch = 'aaaaaa', channel = 'feed'): FeedItem {
  const id = parseEventId(`${seq * 10}-${seq}`, 'id');
  const event = { id: formatEventId(id), channel, type: 'message', time: id.time, data: seq };
  return { kind: 'event', event, position: { id, epoch } };
}

/** A gap of the channel `feed`; `at` is the position after it. */
export function gapItem(gap: Partial<Gap>, at: string): FeedItem {
  const position = cursorAt(at).get('feed');
  if (position === undefined) throw new Error('no position');
  const whole: Gap = {
    channel: 'feed',
    reason: 'trimmed',
    missed: 1,
    exact: true,
    after: '0-0',
    resumesAt: null,
    ...gap,
  };
  return { kind: 'gap', gap: whole, position };
}

/** A restart of the log: the reader goes on at `at`. */
export const restartAt = (at: string): FeedItem => gapItem({ reason: 'restarted', missed: null }, at);
