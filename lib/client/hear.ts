import type { Cursor, Position } from '../core/cursor.ts';
import { compareEventIds } from '../core/ids.ts';
import { absorb } from './absorb.ts';
import type { Connection } from './connection.ts';
import { channelOf } from './feed-entry.ts';
import type { FeedItem } from './feed-item.ts';
import type { Progress } from './place.ts';
import type { Told } from './tab-message.ts';

/**
 * Takes what another tab told, as far as it follows from where this reader is. Where it does not, the log has to be
 * asked: a tab may be late, be of another life of the log, or have been heard in part.
 * @returns `isWhole`: nothing of it was left.
 */
export function hear(state: Connection, told: Told): { state: Connection; isWhole: boolean } {
  const { progress } = state;
  const news = new Map<string, Position>();
  let isWhole = true;
  for (const [channel, position] of told.cursor) {
    if (!isAhead(progress, channel, position)) continue;
    if (isNext(state, channel, told)) news.set(channel, position);
    else isWhole = false;
  }
  if (news.size === 0) return { state, isWhole };
  const items = told.items.filter((item) => news.has(channelOf(item)));
  // As if told by a source that is where the reader is: what the reader has passed is dropped, what follows is taken.
  const absorbed = absorb(state, progress.places, items, news, 'tab');
  return { state: absorbed.state, isWhole: isWhole && absorbed.isWhole };
}

/** Whether a tab at `cursor` may have read what this reader has not. */
export function lacks(progress: Progress, cursor: Cursor): boolean {
  return [...cursor].some(([channel, position]) => isAhead(progress, channel, position));
}

function isAhead(progress: Progress, channel: string, position: Position): boolean {
  const place = progress.places.get(channel);
  if (place === undefined) return true;
  if (progress.left.includes(`${channel}~${position.epoch}`)) return false;
  const order = orderOf(place.position, position);
  return order === 'apart' || order > 0;
}

/** Whether what was told of `channel` begins no later than where this reader is, in the same life of its log. */
function isNext({ progress, settings }: Connection, channel: string, { from, cursor, items }: Told): boolean {
  const place = progress.places.get(channel);
  const begin = from.get(channel);
  const end = cursor.get(channel);
  if (place === undefined || begin === undefined || end === undefined) return false;
  const order = orderOf(place.position, begin);
  if (order === 'apart' || order > 0 || orderOf(place.position, end) === 'apart') return false;
  // Behind a filter seqs need not follow each other: that this is the line the reader is on, its own place says.
  const isOnLine = order === 0 || items.some((item) => isAt(item, channel, place.position));
  if (settings.isFiltered && !isOnLine) return false;
  // An event that was lost with the log's end must not come back by a tab that does not know of it yet.
  const fork = progress.forks.get(channel);
  if (fork === undefined) return true;
  const isOfNewLife = (id: Position['id']) =>
    compareEventIds(id, place.position.id) <= 0 || compareEventIds(id, fork) > 0;
  return [end, ...items.filter((item) => channelOf(item) === channel).map((item) => item.position)].every(
    ({ id }) => isOfNewLife(id),
  );
}

function isAt(item: FeedItem, channel: string, { id }: Position): boolean {
  return channelOf(item) === channel && compareEventIds(item.position.id, id) === 0;
}

/** Negative when `position` lies behind `place`, positive when ahead; `apart` when they are not of one life of a log. */
function orderOf(place: Position, position: Position): number | 'apart' {
  if (place.epoch !== null && position.epoch !== null && place.epoch !== position.epoch) return 'apart';
  const order = compareEventIds(position.id, place.id);
  // In one life of a log, what is later has the higher seq.
  return Math.sign(order) === Math.sign(position.id.seq - place.id.seq) ? order : 'apart';
}
