import { type Cursor, formatPosition } from '../core/cursor.ts';
import type { Connection } from './connection.ts';
import type { FeedEntry } from './feed-entry.ts';
import type { FeedItem } from './feed-item.ts';
import type { Progress, Source } from './place.ts';
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
  const taking = greet(state.progress, source, cursor);
  if (taking.kind === 'hole') return { state, source, isWhole: false };
  return { state: { ...state, progress: taking.progress }, source: taking.source, isWhole: true };
}

/**
 * Takes events and gaps in order, then the position the source claims to be at.
 * @param witness `log`: what the server said; a hole that it repeats is said aloud. `tab`: what another tab said; of
 * a hole in that only the log can tell.
 */
export function absorb(
  state: Connection,
  source: Source,
  items: readonly FeedItem[],
  cursor: Cursor,
  witness: 'log' | 'tab' = 'log',
): Absorbed {
  const run: Run = { state, progress: state.progress, source, witness, taken: [] };
  const { isFiltered } = state.settings;
  let isWhole = true;
  for (const item of items) {
    isWhole = attempt(run, () => take(run.progress, run.source, item, isFiltered));
    if (!isWhole) break;
  }
  // A gap has told its position itself; a late source may have more restarts to tell before it is up to date.
  const last = items.at(-1);
  const claim = last?.kind === 'gap' ? without(cursor, last.gap.channel) : cursor;
  isWhole = isWhole && attempt(run, () => settle(run.progress, run.source, claim, isFiltered));
  const taken = run.taken.length === 0 ? run.state.taken : [...run.state.taken, ...run.taken];
  return { state: { ...run.state, progress: run.progress, taken }, source: run.source, isWhole };
}

function without(cursor: Cursor, channel: string): Cursor {
  return new Map([...cursor].filter(([name]) => name !== channel));
}

/** The work of one `absorb`, so that a page of 500 events does not copy the state 500 times. */
type Run = {
  state: Connection;
  progress: Progress;
  source: Source;
  readonly witness: 'log' | 'tab';
  readonly taken: FeedEntry[];
};

/** Does `act`; a hole that reading again did not fill is said aloud, and `act` done once more. */
function attempt(run: Run, act: () => Taking): boolean {
  const taking = act();
  if (taking.kind === 'taken') return accept(run, taking);
  if (run.witness === 'tab') return false;
  run.state = countHole(run, taking);
  if (taking.loss === null || (run.state.hole?.count ?? 0) <= patience) return false;
  const said = sayHole(run.progress, run.source, taking.channel, taking.loss);
  if (said.kind === 'taken') accept(run, said);
  const again = act();
  return again.kind === 'taken' && accept(run, again);
}

function accept(run: Run, taking: Exclude<Taking, Hole>): true {
  run.progress = taking.progress;
  run.source = taking.source;
  if (taking.entry !== null) run.taken.push(taking.entry);
  return true;
}

function countHole(run: Run, { channel, loss }: Hole): Connection {
  const { state } = run;
  // A source that is merely late is left, but nothing is missing.
  if (loss === null) return state;
  const place = run.progress.places.get(channel);
  const at = `${channel}@${place === undefined ? '' : formatPosition(place.position)}`;
  const count = state.hole?.at === at ? state.hole.count + 1 : 1;
  return { ...state, hole: { at, count }, holes: state.holes + 1 };
}
