import { isCatchingUp } from '../connection/lifecycle.ts';
import { isBehind } from '../connection/sequencer.ts';
import type { Connection, KnownState } from '../connection/state.ts';
import { offlineOr, type ReadingState, readingOf } from '../connection/status.ts';
import type { TabReport, TabUpdate } from './tab-message.ts';

/** A leader's last update, without the events. */
export type LeaderReport = Omit<TabUpdate, 'items'> & {
  /** When the leader tries again, by this tab's clock; null while it plans no try. */
  readonly retryAt: number | null;
  /** Before this time, by the same clock, the server wants no request. */
  readonly notBefore: number;
};

/** What a tab knows of the leader, and what it lacks of the leader's events. All times are ms of the feed's clock. */
export type Following = {
  /** A tab that takes over keeps it until it reads by itself: the old leader reads on meanwhile. */
  readonly leader: LeaderReport | null;
  /** Updates that do not continue from the reader's position yet, oldest first. */
  readonly ahead: readonly TabUpdate[];
  /** The log must be asked until the connection has completed this many catch-ups: the leader reported a loss. */
  readonly catchUpsNeeded: number;
  /** Catch-ups in a row that ended behind the leader, as from a replica that lags. */
  readonly shortCatchUps: number;
  /** When the next catch-up starts after a short one; null where none waits. */
  readonly catchUpAt: number | null;
  /** Another tab leads now, and this tab reads on until that one reads, or until this time. Null in any other case. */
  readonly releaseLeadAt: number | null;
  /** Planned handovers and lost streams of all leaders so far. */
  readonly handovers: number;
  readonly reconnects: number;
};

/** Max updates that are kept until the events before them arrive. If more arrive, some are dropped: the log has their events. */
const maxAhead = 200;

/** A tab that knows no leader. */
export function newFollowing(): Following {
  return {
    leader: null,
    ahead: [],
    catchUpsNeeded: 0,
    shortCatchUps: 0,
    catchUpAt: null,
    releaseLeadAt: null,
    handovers: 0,
    reconnects: 0,
  };
}

/** Takes note of what the leader reports about itself. */
export function withLeader(
  state: Following,
  update: TabUpdate,
  connection: Connection,
  now: number,
): Following {
  const { items: _, ...report } = update;
  const known = state.leader?.tab === report.tab ? state.leader : null;
  const knownAt = known?.retryAt ?? null;
  const retryAt = report.retryInMs === null ? null : now + report.retryInMs;
  // A catch-up that is under way may have read the log before the loss: one more is needed.
  const needed = connection.catchUps + (isCatchingUp(connection) ? 2 : 1);
  return {
    ...state,
    leader: {
      ...report,
      retryAt: isNear(retryAt, knownAt) ? knownAt : retryAt,
      notBefore: now + report.notBeforeInMs,
    },
    catchUpsNeeded: update.hasGap ? needed : state.catchUpsNeeded,
    handovers: state.handovers + growth(known?.handovers, report.handovers),
    reconnects: state.reconnects + growth(known?.reconnects, report.reconnects),
  };
}

/** The same time, reported twice: only the way of the message differs. */
function isNear(a: number | null, b: number | null): boolean {
  return a !== null && b !== null && Math.abs(a - b) < 250;
}

function growth(before: number | undefined, after: number): number {
  return before === undefined ? 0 : Math.max(0, after - before);
}

/** Keeps an update until the events before it are here. */
export function withAhead(state: Following, update: TabUpdate): Following {
  return { ...state, ahead: [...state.ahead, update].slice(-maxAhead) };
}

/** The tab reads by itself: what it lacks, it reads from its own cursor. */
export function withOwnReading(state: Following, leader: LeaderReport | null): Following {
  return { ...state, leader, ahead: [], catchUpsNeeded: 0, shortCatchUps: 0, catchUpAt: null };
}

/** Whether only the log can say what this tab lacks: the leader has read more, or has reported a loss. */
export function needsCatchUp(
  { leader, catchUpsNeeded }: Following,
  { reader, catchUps }: Connection,
): boolean {
  return catchUps < catchUpsNeeded || (leader !== null && isBehind(reader, leader.cursor));
}

/** What a tab that takes over from a leader need not find out again. */
export function knownFrom(leader: LeaderReport | null): KnownState | null {
  if (leader === null) return null;
  const { pollingReason, restMs, notBefore, status } = leader;
  return { pollingReason, restMs, notBefore, isPaused: status === 'paused' };
}

/** What the page shows in place of the connection's own state: what the leader does. Null: the connection's own. */
export function readingByLeader({ leader }: Following, connection: Connection): ReadingState | null {
  if (leader === null) return null;
  const { status, transport, retryAt, problem, pollingReason } = leader;
  if (connection.mode === 'standby')
    return { status: offlineOr(connection, status), transport, retryAt, problem, pollingReason };
  if (connection.mode !== 'connecting' || transport === null) return null;
  return { ...readingOf(connection), status: 'handing over', transport };
}

/** What a tab reports about itself now. */
export function reportOf(state: Following, connection: Connection, now: number): TabReport {
  const { mode, pollFailures, isHidden, pollingReason, restMs, noPollBefore, noStreamBefore } = connection;
  const { status, transport, retryAt, problem } = readingByLeader(state, connection) ?? readingOf(connection);
  return {
    isVisible: !isHidden,
    isReading: mode === 'streaming' || (mode === 'polling' && pollFailures === 0),
    ...{ status, transport, problem, pollingReason, restMs },
    notBeforeInMs: Math.max(0, (pollingReason === null ? noStreamBefore : noPollBefore) - now),
    retryInMs: retryAt === null ? null : Math.max(0, retryAt - now),
    handovers: connection.handovers + state.handovers,
    reconnects: connection.reconnects + state.reconnects,
  };
}
