import { backoffMs, isCatchingUp, isOver } from '../connection/lifecycle.ts';
import { reducer } from '../connection/reducer.ts';
import { acceptSegment, isAt, writeCursor } from '../connection/sequencer.ts';
import type { ShareView } from '../connection/share.ts';
import type { Connection, Signal } from '../connection/state.ts';
import type { FeedItem } from '../transport/messages.ts';
import {
  type Following,
  knownFrom,
  needsCatchUp,
  newFollowing,
  readingByLeader,
  reportOf,
  withAhead,
  withLeader,
  withOwnReading,
} from './following.ts';
import { type Election, type ElectionSignal, elect, newElection } from './leader-election.ts';
import { buildTabUpdate, type TabMessage, type TabSignal, type TabUpdate } from './tab-message.ts';

/** One tab among those that share a connection. What it reads by itself is the connection's. */
export type Tab = {
  /** Names the tab among the others. */
  readonly name: string;
  readonly election: Election;
  readonly following: Following;
  /** What the last advance wants sent to the other tabs. */
  readonly outbox: readonly TabMessage[];
};

/** A tab and its connection after an advance, and what was new to the reader, in order. */
export type AdvancedTab = {
  readonly tab: Tab;
  readonly connection: Connection;
  readonly accepted: readonly FeedItem[];
};

/** A tab that takes no part yet. Its connection begins on standby. */
export function newTab(name: string): Tab {
  return { name, election: newElection(), following: newFollowing(), outbox: [] };
}

/**
 * What a tab and its connection become when things happen to them, one after the other at one time. Each signal goes to
 * the connection first, then to the election; at the end the tab decides whether it must ask the log. Like the
 * connection's reducer, it gets the time and the random numbers as arguments.
 */
export function advanceTab(
  tab: Tab,
  connection: Connection,
  signals: readonly (Signal | TabSignal)[],
  now: number,
  random: () => number,
): AdvancedTab {
  const { name, election, following } = tab;
  const run: Run = { name, election, following, connection, accepted: [], wanted: new Set(), now, random };
  for (const signal of signals) handle(run, signal);
  catchUp(run, connection.catchUps);
  const outbox = outboxOf(run, tab, connection);
  return {
    tab: { name, election: run.election, following: run.following, outbox },
    connection: run.connection,
    accepted: run.accepted,
  };
}

/** The work of one advance. */
type Run = {
  readonly name: string;
  election: Election;
  following: Following;
  connection: Connection;
  readonly accepted: FeedItem[];
  readonly wanted: Set<'ask' | 'update'>;
  readonly now: number;
  readonly random: () => number;
};

function handle(run: Run, signal: Signal | TabSignal): void {
  switch (signal.kind) {
    case 'granted':
    case 'lost':
      takePart(run, signal);
      break;
    case 'joined':
    case 'unavailable':
    case 'asked':
      takePart(run, { kind: signal.kind });
      break;
    case 'update':
      applyTabUpdate(run, signal.update);
      if (signal.update.isLeader)
        takePart(run, { kind: 'leaderReported', isVisible: signal.update.isVisible });
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

/** The connection gets a signal. A tab takes part in the election while its connection reads, or stands by. */
function read(run: Run, signal: Signal): void {
  const before = run.connection.mode;
  dispatch(run, signal);
  const { releaseLeadAt } = run.following;
  if (releaseLeadAt !== null && (releaseLeadAt <= run.now || !canReadOn(before, run.connection.mode)))
    releaseLead(run);
  const isOff = run.election.role === 'off';
  if (isOff === isTakingPart(run.connection)) takePart(run, { kind: isOff ? 'started' : 'left' });
}

/** A tab that reads on ends that when it loses what it reads by: it must not connect beside the leader. */
function canReadOn(before: Connection['mode'], after: Connection['mode']): boolean {
  return after === 'streaming' || (after === 'polling' && before === 'polling');
}

function isTakingPart(connection: Connection): boolean {
  return connection.mode === 'paused' ? connection.pausedBy === 'hidden' : !isOver(connection);
}

function dispatch(run: Run, signal: Signal): void {
  run.connection = reducer(run.connection, signal, run.now, run.random());
  run.accepted.push(...run.connection.accepted);
  const { mode } = run.connection;
  const isReading = mode === 'streaming' || mode === 'polling' || mode === 'waiting';
  if (isReading && !isFollowing(run) && run.following.leader !== null)
    run.following = { ...run.following, leader: null };
}

/** Whether another tab reads for this one, or is about to. */
function isFollowing({ connection, following }: Run): boolean {
  return connection.isStandby || following.releaseLeadAt !== null;
}

/** The tab's part in the election changes. What it means for the connection follows at once. */
function takePart(run: Run, signal: ElectionSignal): void {
  const before = run.election.role;
  run.election = elect(run.election, signal, run.now, run.random());
  const { role, lock, outbox } = run.election;
  if (outbox !== null) run.wanted.add(outbox);
  if (role === before || role === 'joining') return;
  const mustFollow = role === 'follower' || role === 'off';
  if (mustFollow === isFollowing(run)) return;
  if (mustFollow) follow(run);
  else lead(run, lock?.isHandover === true);
  if (role === 'leader' && lock?.isRequested === true) dispatch(run, { kind: 'retry' });
}

/**
 * Another tab leads. What reads here goes on until that tab reads, so that nothing pauses. On HTTP/1.1 that is two of the
 * browser's six connections to an origin. If none is left for the leader, it gets this tab's when the time is up.
 */
function follow(run: Run): void {
  const { mode, settings } = run.connection;
  const canWait = mode === 'streaming' || mode === 'polling';
  run.following = { ...run.following, leader: null, releaseLeadAt: run.now + settings.helloMs };
  if (!canWait) releaseLead(run);
}

function releaseLead(run: Run): void {
  run.following = { ...run.following, releaseLeadAt: null };
  dispatch(run, { kind: 'standBy' });
}

/** This tab reads by itself from now on, from its own cursor. `isHandover`: the leader before it reads on meanwhile. */
function lead(run: Run, isHandover: boolean): void {
  const { leader, releaseLeadAt } = run.following;
  if (releaseLeadAt !== null) {
    run.following = { ...run.following, leader: null, releaseLeadAt: null };
    return;
  }
  run.following = withOwnReading(run.following, isHandover ? leader : null);
  dispatch(run, { kind: 'activate', known: knownFrom(leader) });
}

/** Another tab has read something. It is applied as far as it continues from where this reader is. */
function applyTabUpdate(run: Run, update: TabUpdate): void {
  if (update.isLeader && isFollowing(run)) {
    run.following = withLeader(run.following, update, run.connection, run.now);
    if (run.following.releaseLeadAt !== null && update.isReading) releaseLead(run);
  }
  const isComplete = move(run, update);
  if (!isComplete && run.connection.mode === 'standby') run.following = withAhead(run.following, update);
}

function move(run: Run, update: TabUpdate): boolean {
  const { reader, accepted, isComplete } = acceptSegment(run.connection.reader, update);
  if (reader !== run.connection.reader) dispatch(run, { kind: 'moved', reader, accepted });
  if (update.status === 'ended' && isAt(reader, update.cursor)) read(run, { kind: 'end' });
  return isComplete;
}

/** On standby: asks the log for what the other tabs' updates do not bring. */
function catchUp(run: Run, completedBefore: number): void {
  if (run.connection.mode !== 'standby') {
    if (run.following.catchUpAt !== null) run.following = { ...run.following, catchUpAt: null };
    return;
  }
  applyAhead(run);
  const { connection, following, now } = run;
  if (!needsCatchUp(following, connection)) {
    if (following.ahead.length > 0 || following.shortCatchUps > 0)
      run.following = { ...following, ahead: [], shortCatchUps: 0, catchUpAt: null };
    return;
  }
  if (connection.catchUps > completedBefore) {
    // The log answered from behind the leader: a replica or a cache lags. Ask again, less and less often.
    const shortCatchUps = following.shortCatchUps + 1;
    const catchUpAt = now + backoffMs(shortCatchUps, null, run.random(), connection.settings);
    run.following = { ...following, shortCatchUps, catchUpAt };
    return;
  }
  if (isCatchingUp(connection) || (following.catchUpAt ?? now) > now) return;
  run.following = { ...following, catchUpAt: null };
  dispatch(run, { kind: 'catchUp' });
}

/** Updates that were ahead may continue from where the reader is now. */
function applyAhead(run: Run): void {
  const { ahead } = run.following;
  const rest = ahead.filter((update) => !move(run, update));
  if (rest.length < ahead.length) run.following = { ...run.following, ahead: rest };
}

function outboxOf(run: Run, before: Tab, connectionBefore: Connection): readonly TabMessage[] {
  const { name, election, following, connection, accepted, wanted, now } = run;
  const messages: TabMessage[] = wanted.has('ask') ? [{ kind: 'ask' }] : [];
  const isLeader = election.role === 'leader';
  // The others need not ask the server too.
  const hasFoundEnd = connection.mode === 'ended' && !connectionBefore.isStandby;
  if (!isLeader && following.releaseLeadAt === null && !hasFoundEnd) return messages;
  const isNews = accepted.length > 0 || isChanged(before.following, connectionBefore, run);
  if (!isNews && !wanted.has('update')) return messages;
  const report = reportOf(following, connection, now);
  const sender = { tab: name, isLeader };
  messages.push(buildTabUpdate(sender, report, connectionBefore.reader, connection.reader, accepted));
  return messages;
}

/** Whether there is news without an event: another status, another cursor. */
function isChanged(
  followingBefore: Following,
  before: Connection,
  { following, connection, now }: Run,
): boolean {
  if (before === connection && followingBefore === following) return false;
  const hasMoved =
    before.reader !== connection.reader && writeCursor(before.reader) !== writeCursor(connection.reader);
  const reports = [reportOf(followingBefore, before, now), reportOf(following, connection, now)];
  const [old, latest] = reports.map((report) => JSON.stringify(report));
  return hasMoved || old !== latest;
}

/** The time of the tab's next timer, beside those of its connection; null when none runs. */
export function nextTabTimerAt({ election, following }: Tab): number | null {
  const { catchUpAt, releaseLeadAt } = following;
  const times = [election.timer?.at ?? null, catchUpAt, releaseLeadAt].filter((at) => at !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** What the page shows of the tab's part. */
export function viewOf({ election, following }: Tab, connection: Connection): ShareView {
  const { role } = election;
  return {
    role: role === 'leader' || role === 'follower' ? role : 'alone',
    reading: readingByLeader(following, connection),
    handovers: connection.handovers + following.handovers,
    reconnects: connection.reconnects + following.reconnects,
  };
}
