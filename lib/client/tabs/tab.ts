import { reducer } from '../connection/reducer.ts';
import { writeCursor } from '../connection/sequencer.ts';
import { type Connection, nextTimerAt, type Signal } from '../connection/state.ts';
import type { FeedEntry } from '../transport/feed-items.ts';
import { newSharing, type Sharing, type SharingSignal, share } from './leader-election.ts';
import { reportOf, type TabMessage, tell } from './tab-message.ts';

/** One tab: what it reads, and its part in reading for the others. */
export type Tab = {
  /** Names the tab among the others. */
  readonly name: string;
  readonly connection: Connection;
  readonly sharing: Sharing;
  /** What the last signals brought, in order. */
  readonly taken: readonly FeedEntry[];
  /** What is to be said to the other tabs now. */
  readonly says: readonly TabMessage[];
};

/** Everything that can happen to a tab. */
export type TabSignal =
  | Signal
  | { readonly kind: 'granted' | 'lost'; readonly lock: number }
  | { readonly kind: 'joined' | 'unshared' | 'asked' };

/**
 * What a tab becomes when things happen to it, one after the other at one time. Like `reducer`, it asks neither clock
 * nor chance.
 */
export function advance(before: Tab, signals: readonly TabSignal[], now: number, random: () => number): Tab {
  const run: Run = { ...before, taken: [], words: new Set(), now, random };
  for (const signal of signals) happen(run, signal);
  const { name, connection, sharing, taken, words } = run;
  const says: TabMessage[] = words.has('ask') ? [{ kind: 'ask' }] : [];
  const isLeader = sharing.role === 'leader';
  if (isLeader || connection.yieldAt !== null) {
    const isNews = taken.length > 0 || isChanged(before.connection, connection, now);
    if (isNews || words.has('told')) {
      const who = { tab: name, isLeader };
      says.push(tell(connection, before.connection.reader, taken, who, now));
    }
  }
  return { name, connection, sharing, taken, says };
}

/** The work of one `advance`. */
type Run = {
  readonly name: string;
  connection: Connection;
  sharing: Sharing;
  readonly taken: FeedEntry[];
  readonly words: Set<'ask' | 'told'>;
  readonly now: number;
  readonly random: () => number;
};

/** Some signals are of the tab's part alone, some of its reading alone, some of both: reading comes first. */
function happen(run: Run, signal: TabSignal): void {
  switch (signal.kind) {
    case 'granted':
    case 'lost':
      takePart(run, signal);
      break;
    case 'joined':
    case 'unshared':
    case 'asked':
      takePart(run, { kind: signal.kind });
      break;
    case 'heard':
      read(run, signal);
      if (signal.told.isLeader) takePart(run, { kind: 'leaderTold', isVisible: signal.told.isVisible });
      break;
    case 'visible':
    case 'hidden':
    case 'woke':
    case 'retry':
    case 'timer':
      read(run, signal);
      takePart(run, { kind: signal.kind });
      break;
    default:
      read(run, signal);
  }
}

/** The connection takes a signal; one that begins or ceases to read begins or ceases to take part. */
function read(run: Run, signal: Signal): void {
  tellConnection(run, signal);
  const isOff = run.sharing.role === 'off';
  if (isOff === isReading(run.connection)) takePart(run, { kind: isOff ? 'started' : 'left' });
}

function isReading({ mode, pausedBy }: Connection): boolean {
  return mode === 'paused' ? pausedBy === 'hidden' : mode !== 'stopped';
}

/** The tab's part changes; what it means for reading follows at once. */
function takePart(run: Run, signal: SharingSignal): void {
  const before = run.sharing.role;
  run.sharing = share(run.sharing, signal, run.now, run.random());
  const { role, lock, says } = run.sharing;
  if (says !== null) run.words.add(says);
  if (role === before || role === 'joining') return;
  const isFollower = role === 'follower' || role === 'off';
  if (isFollower === run.connection.isFollower) return;
  const isHandover = lock?.isHandover === true;
  tellConnection(run, isFollower ? { kind: 'follow' } : { kind: 'lead', isHandover });
  if (role === 'leader' && lock?.isWish === true) tellConnection(run, { kind: 'retry' });
}

function tellConnection(run: Run, signal: Signal): void {
  run.connection = reducer(run.connection, signal, run.now, run.random());
  run.taken.push(...run.connection.accepted);
}

/** Whether there is something to tell that is no event: another status, another cursor. */
function isChanged(before: Connection, after: Connection, now: number): boolean {
  if (before === after) return false;
  const isMoved = before.reader !== after.reader && writeCursor(before.reader) !== writeCursor(after.reader);
  return isMoved || JSON.stringify(reportOf(before, now)) !== JSON.stringify(reportOf(after, now));
}

/** A tab that reads nothing yet. */
export function newTab(name: string, connection: Connection, isSharing: boolean): Tab {
  return { name, connection, sharing: newSharing(isSharing), taken: [], says: [] };
}

/** The time of a tab's next timer; null when none runs. */
export function nextTabTimerAt({ connection, sharing }: Tab): number | null {
  const next = nextTimerAt(connection);
  const at = sharing.timer?.at ?? null;
  return next === null || at === null ? (next ?? at) : Math.min(next, at);
}
