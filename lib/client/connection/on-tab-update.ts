import type { Told } from '../tabs/tab-message.ts';
import type { Page } from '../transport/page.ts';
import { backoffMs, connect, following, isInactive, pause, startPoll, stopIO } from './lifecycle.ts';
import { failPoll } from './on-poll.ts';
import { accept, acceptSegment, isBehind } from './sequencer.ts';
import { type Connection, type LeaderReport, type Poll, withApplied } from './state.ts';

/** Most that is kept of what was heard ahead of its time, in messages; what is dropped is filled from the log. */
const maxHeard = 200;

/** This tab reads itself from now on, from where it is. */
export function onLead(before: Connection, isHandover: boolean, now: number): Connection {
  const state: Connection = { ...before, isFollower: false, yieldAt: null };
  if (isInactive(state)) return state;
  const { leader, isHidden, settings } = state;
  const pauseAt = isHidden && settings.hiddenMs > 0 ? now + settings.hiddenMs : null;
  // It was yielding, and reads on.
  if (state.mode !== 'following') return { ...state, pauseAt };
  // All tabs were hidden for long already: the one that takes over is no reason to connect.
  if (isHidden && leader?.status === 'paused') return pause({ ...state, heard: [] }, 'hidden');
  const isStreamingBlocked = leader?.isFallen ?? state.isStreamingBlocked;
  const free: Connection = { ...state, isStreamingBlocked, pauseAt, heard: [], mustFill: false, fills: 0 };
  // The server named the time of the next try, to whichever tab asks.
  const retryAt = leader?.isHeld === true ? leader.retryAt : null;
  if (retryAt !== null && retryAt > now)
    return { ...stopIO(free), mode: 'waiting', retryAt, isRetryAfterPending: true };
  const begun = connect(free, now);
  return isHandover ? { ...begun, leader } : begun;
}

/**
 * Another tab reads for this one. What reads here goes on until that one does, so that nothing pauses. On HTTP/1.1
 * that is two of the browser's six connections to an origin; where there is none left for the other tab, it gets this
 * one's when the time is up.
 */
export function onFollow(before: Connection, now: number): Connection {
  const state: Connection = { ...before, isFollower: true, pauseAt: null, leader: null };
  switch (state.mode) {
    case 'streaming':
    case 'polling':
      return { ...state, yieldAt: now + state.settings.helloMs };
    case 'connecting':
    case 'waiting':
      return following(state);
    case 'paused':
      return state.pausedBy === 'hidden' ? following(state) : state;
    case 'following':
    case 'stopped':
      return state;
    default:
      return state.mode satisfies never;
  }
}

/** Another tab told something. */
export function onHeard(before: Connection, told: Told, now: number): Connection {
  let state = told.isLeader && before.isFollower ? withLeader(before, told, now) : before;
  if (state.yieldAt !== null && told.isLeader && told.isReading) state = following(state);
  const applied = acceptSegment(state.reader, told);
  state = withApplied(state, applied);
  if (state.mode !== 'following') return state;
  if (applied.isComplete) return fill(hearAgain(state), now);
  return fill({ ...state, heard: [...state.heard, told].slice(-maxHeard) }, now);
}

function withLeader(state: Connection, told: Told, now: number): Connection {
  // What it has read is taken at once, and not kept here.
  const { items: _, ...said } = told;
  const known = state.leader?.tab === said.tab ? state.leader : null;
  const knownAt = known?.retryAt ?? null;
  const retryAt = said.retryInMs === null ? null : now + said.retryInMs;
  const leader: LeaderReport = { ...said, retryAt: isNear(retryAt, knownAt) ? knownAt : retryAt };
  return {
    ...state,
    leader,
    mustFill: state.mustFill || told.hasGap,
    handovers: state.handovers + grown(known?.handovers, said.handovers),
    reconnects: state.reconnects + grown(known?.reconnects, said.reconnects),
  };
}

/** The same time, told twice: only the way it took differs. */
function isNear(a: number | null, b: number | null): boolean {
  return a !== null && b !== null && Math.abs(a - b) < 250;
}

function grown(before: number | undefined, after: number): number {
  return before === undefined ? 0 : Math.max(0, after - before);
}

/** What was heard ahead of its time may follow now. */
function hearAgain(before: Connection): Connection {
  let state = before;
  const heard = before.heard.filter((told) => {
    const applied = acceptSegment(state.reader, told);
    state = withApplied(state, applied);
    return !applied.isComplete;
  });
  return heard.length === before.heard.length ? state : { ...state, heard };
}

/** Asks the log for what the leader has read and this tab has not heard. */
function fill(state: Connection, now: number): Connection {
  if (!mustAskLog(state)) return state.heard.length === 0 ? state : { ...state, heard: [] };
  return state.poll === null && state.pollAt === null ? startPoll(state, now) : state;
}

function mustAskLog({ reader, leader, mustFill }: Connection): boolean {
  return mustFill || (leader !== null && isBehind(reader, leader.cursor));
}

/** The log has answered what was missing. */
export function onFilled(
  before: Connection,
  poll: Poll,
  page: Page,
  now: number,
  random: number,
): Connection {
  const applied = accept(before.reader, poll.source, page.items, page.cursor);
  const state = withApplied({ ...before, poll: null }, applied);
  if (!applied.isComplete) return failPoll(state, null, now, random);
  const told = hearAgain({ ...state, mustFill: page.more && state.mustFill });
  const filled: Connection = { ...told, pollFailures: 0, isTokenNew: false, problem: null, fills: 0 };
  if (!mustAskLog(filled)) return { ...filled, heard: [] };
  if (page.more) return startPoll(filled, now);
  // The log answered from behind the leader: a replica or a cache that lags. It is asked again, ever more seldom.
  const fills = before.fills + 1;
  return { ...filled, fills, pollAt: now + backoffMs(fills, null, random, state.settings) };
}
