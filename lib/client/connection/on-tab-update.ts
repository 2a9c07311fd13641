import type { Cursor, Position } from '../../core/cursor.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { Told } from '../tabs/tab-message.ts';
import { channelOf, type FeedItem } from '../transport/feed-items.ts';
import type { Page } from '../transport/page.ts';
import { failPoll } from './on-poll.ts';
import { absorb } from './sequencer.ts';
import type { Connection, LeaderReport, Poll, Progress } from './state.ts';
import { backoffMs, begin, following, idle, isAtRest, pause, startPoll } from './transitions.ts';

/** Most that is kept of what was heard ahead of its time, in messages; what is dropped is filled from the log. */
const maxHeard = 200;

/** This tab reads itself from now on, from where it is. */
export function onLead(before: Connection, isHandover: boolean, now: number): Connection {
  const state: Connection = { ...before, isFollower: false, yieldAt: null };
  if (isAtRest(state)) return state;
  const { leader, isHidden, settings } = state;
  const hideAt = isHidden && settings.hiddenMs > 0 ? now + settings.hiddenMs : null;
  // It was yielding, and reads on.
  if (state.mode !== 'following') return { ...state, hideAt };
  // All tabs were hidden for long already: the one that takes over is no reason to connect.
  if (isHidden && leader?.status === 'paused') return pause({ ...state, heard: [] }, 'hidden');
  const isFallen = leader?.isFallen ?? state.isFallen;
  const free: Connection = { ...state, isFallen, hideAt, heard: [], mustFill: false, fills: 0 };
  // The server named the time of the next try, to whichever tab asks.
  const retryAt = leader?.isHeld === true ? leader.retryAt : null;
  if (retryAt !== null && retryAt > now) return { ...idle(free), mode: 'waiting', retryAt, isHeld: true };
  const begun = begin(free, now);
  return isHandover ? { ...begun, leader } : begun;
}

/**
 * Another tab reads for this one. What reads here goes on until that one does, so that nothing pauses. On HTTP/1.1
 * that is two of the browser's six connections to an origin; where there is none left for the other tab, it gets this
 * one's when the time is up.
 */
export function onFollow(before: Connection, now: number): Connection {
  const state: Connection = { ...before, isFollower: true, hideAt: null, leader: null };
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
  const taking = hear(state, told);
  state = taking.state;
  if (state.mode !== 'following') return state;
  if (taking.isWhole) return fill(hearAgain(state), now);
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
    const taking = hear(state, told);
    state = taking.state;
    return !taking.isWhole;
  });
  return heard.length === before.heard.length ? state : { ...state, heard };
}

/** Asks the log for what the leader has read and this tab has not heard. */
function fill(state: Connection, now: number): Connection {
  if (!isBehind(state)) return state.heard.length === 0 ? state : { ...state, heard: [] };
  return state.poll === null && state.pollAt === null ? startPoll(state, now) : state;
}

function isBehind({ progress, leader, mustFill }: Connection): boolean {
  return mustFill || (leader !== null && lacks(progress, leader.cursor));
}

/** The log has answered what was missing. */
export function onFilled(
  before: Connection,
  poll: Poll,
  page: Page,
  now: number,
  random: number,
): Connection {
  const { state, isWhole } = absorb({ ...before, poll: null }, poll.source, page.items, page.cursor);
  if (!isWhole) return failPoll(state, null, now, random);
  const told = hearAgain({ ...state, mustFill: page.more && state.mustFill });
  const filled: Connection = { ...told, pollFailures: 0, isTokenNew: false, problem: null, fills: 0 };
  if (!isBehind(filled)) return { ...filled, heard: [] };
  if (page.more) return startPoll(filled, now);
  // The log answered from behind the leader: a replica or a cache that lags. It is asked again, ever more seldom.
  const fills = before.fills + 1;
  return { ...filled, fills, pollAt: now + backoffMs(fills, null, random, state.settings) };
}

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
function lacks(progress: Progress, cursor: Cursor): boolean {
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
