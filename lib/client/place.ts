import { type Cursor, formatPosition, type Position } from '../core/cursor.ts';
import { compareEventIds, type EventId } from '../core/ids.ts';

/** Where a reader or a source is in one channel. A `restarted` gap begins the next generation. */
export type Place = { readonly position: Position; readonly generation: number };

/** Where one stream or poll is: a place per channel. */
export type Source = ReadonlyMap<string, Place>;

/** Where the reader is, over all of its sources. */
export type Progress = {
  readonly places: Source;
  /** `channel~epoch` of the lives of a log that the reader has left; a source that is still there is late. */
  readonly left: readonly string[];
  /** Where the reader was when a channel's log was found to have lost its end. Up to here an id may name two events. */
  readonly forks: ReadonlyMap<string, EventId>;
};

/** Whether a source that is at `source` has told all that one at `goal` has. */
export function covers(source: Source, goal: Source): boolean {
  for (const [channel, { position, generation }] of goal) {
    const mine = source.get(channel);
    if (mine === undefined || mine.generation < generation) return false;
    if (mine.generation === generation && compareEventIds(mine.position.id, position.id) < 0) return false;
  }
  return true;
}

/** The cursor to go on from, as text; null where nothing is known yet. With several channels each position names its own. */
export function writeCursor(places: Source, channels: readonly string[]): string | null {
  const parts: string[] = [];
  for (const [channel, { position }] of places) {
    parts.push(channels.length > 1 ? `${channel}@${formatPosition(position)}` : formatPosition(position));
  }
  return parts.length === 0 ? null : parts.join(',');
}

/** Where a reader is that begins at `cursor`. */
export function progressAt(cursor: Cursor): Progress {
  const places = new Map(
    [...cursor].map(([channel, position]) => [channel, { position, generation: 0 }] as const),
  );
  return { places, left: [], forks: new Map() };
}
