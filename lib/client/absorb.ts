import { type Cursor, formatPosition } from '../core/cursor.ts';
import type { Connection } from './connection.ts';
import type { FeedItem } from './feed-item.ts';
import type { Source } from './place.ts';
import { greet, type Hole, sayHole, settle, type Taking, take } from './progress.ts';

/** What a source told, taken into the state. */
export type Absorbed = {
  readonly state: Connection;
  /** Where the source is now. */
  readonly source: Source;
  /** False when something is missing: the source must be left, and the log read again from the reader's cursor. */
  readonly isWhole: boolean;
};

/** How often a hole is read again before it is said aloud as a gap. */
const patience = 2;

/** Takes a stream's first word. */
export function absorbHello(state: Connection, source: Source, cursor: Cursor): Absorbed {
  const taking: Taking = { progress: state.progress, source, taken: [], isFiltered: false };
  const hole = greet(taking, cursor);
  if (hole !== null) return { state, source, isWhole: false };
  return { state: { ...state, progress: taking.progress }, source: taking.source, isWhole: true };
}

/**
 * Takes events and gaps in order, then the position the source claims to be at.
 * @param witness `log`: what the server said; a hole that it repeats is said aloud. `tab`: what another tab said; of
 * a hole in that only the log can tell.
 */
export function absorb(
  before: Connection,
  source: Source,
  items: readonly FeedItem[],
  cursor: Cursor,
  witness: 'log' | 'tab' = 'log',
): Absorbed {
  const { isFiltered } = before.settings;
  const taking: Taking = { progress: before.progress, source, taken: [...before.taken], isFiltered };
  let state = before;

  /** Does `act`; a hole that reading again did not fill is said aloud, and `act` done once more. */
  function attempt(act: () => Hole | null): boolean {
    const hole = act();
    if (hole === null) return true;
    if (witness === 'tab') return false;
    state = countHole(state, taking, hole);
    if (hole.loss === null || (state.hole?.count ?? 0) <= patience) return false;
    sayHole(taking, hole.channel, hole.loss);
    return act() === null;
  }

  // A gap has told its position itself; a late source may have more restarts to tell before it is up to date.
  const last = items.at(-1);
  const claim = last?.kind === 'gap' ? without(cursor, last.gap.channel) : cursor;
  const isWhole =
    items.every((item) => attempt(() => take(taking, item))) && attempt(() => settle(taking, claim));
  const { progress, taken } = taking;
  return { state: { ...state, progress, taken }, source: taking.source, isWhole };
}

function without(cursor: Cursor, channel: string): Cursor {
  return new Map([...cursor].filter(([name]) => name !== channel));
}

function countHole(state: Connection, { progress }: Taking, { channel, loss }: Hole): Connection {
  // A source that is merely late is left, but nothing is missing.
  if (loss === null) return state;
  const place = progress.places.get(channel);
  const at = `${channel}@${place === undefined ? '' : formatPosition(place.position)}`;
  const count = state.hole?.at === at ? state.hole.count + 1 : 1;
  return { ...state, hole: { at, count }, holes: state.holes + 1 };
}
