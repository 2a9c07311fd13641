import { checkContinuity, type LogState, maxReplicaLagMs } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import type { FeedError } from '../../core/feed-error.ts';
import { beforeFirst, compareEventIds, type EventId } from '../../core/ids.ts';
import type { FollowSignal, LogEvent } from '../../log/event-log.ts';
import type { Loaded } from './read-through.ts';
import { type Entry, endOf, type Segment } from './ring-buffer.ts';
import { retryPauseMs, tailTimes } from './tail-times.ts';

/**
 * How a ring stays equal to the end of a channel's log, by announcements and by reading. `step` decides and touches
 * nothing; the tail holds the state and does what the effects say. All times are ms on the clock's `elapsed`.
 */
export type RingState = {
  /** Where the ring ends. */
  readonly end: Position;
  readonly trust: Trust;
  /** Whether announcements arrive. While they do not, the log is read every second. */
  readonly isConnected: boolean;
  /** The newest id announced; null: none. An answer of the log that does not reach it declares no loss. */
  readonly newestAnnounced: EventId | null;
  /** Announcements that wait for a read, in the order in which they arrived. */
  readonly pending: readonly Announcement[];
  /** When the log is read at the latest; Infinity: no read is scheduled. */
  readonly readAt: number;
  /** After the next complete read the log's end is verified once more: a replica may have answered that read. */
  readonly mustVerify: boolean;
  readonly work: Work;
};

/** How far the ring can be trusted as a copy of the log's end. */
type Trust =
  /** It was never read, or holds what the log has lost: the next read replaces it with the newest page. */
  | 'empty'
  /** It was read, but the subscription broke or the process was frozen since: events may be missing at its end. */
  | 'unverified'
  /** It equals the log's end, and announced events continue it. */
  | 'verified';

type Work =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'reading';
      readonly askedAt: number;
      readonly readAgain: ReadAgain;
      /** The ring was reset after this read began, so its answer is dropped. */
      readonly isOutdated: boolean;
      /** When the first of the answers was asked for that may be stale; null: the last answer was not. */
      readonly laggingSince: number | null;
      readonly outage: Outage | null;
    }
  /** The answer may come from a replica that lags: the log is read again at `readAt`. */
  | { readonly kind: 'lagging'; readonly since: number; readonly outage: Outage | null }
  /** The log could not be read; it is tried again at `readAt`. */
  | { readonly kind: 'failing'; readonly outage: Outage };

/** Why the log is read again after the answer of the read under way; null: it is not. */
type ReadAgain =
  | null
  /**
   * The subscription was acknowledged after the read began, so what was stored in between may be missing. But the answer is
   * all that readers need to start: with a slow log they would wait twice as long for the second one.
   */
  | 'acknowledged'
  /** Somebody asked for a read after this one began, so its answer verifies nothing. */
  | 'requested';

/** Lasts from the first read that failed to the next one that gave all. */
type Outage = {
  readonly since: number;
  readonly failures: number;
  /** Readers were woken, so that they can give up. */
  readonly isReported: boolean;
};

/** New events of one append, as a subscription reports them. */
export type Announcement = Extract<FollowSignal, { kind: 'events' }>;

export type RingSignal =
  /** The tail subscribes; no acknowledgement has arrived yet. */
  | { readonly kind: 'subscribing' }
  /** The log has acknowledged the subscription. */
  | { readonly kind: 'connected' }
  /** The subscription broke. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'announced'; readonly announcement: Announcement }
  /**
   * Somebody wants the log to be read. During an outage a retry is scheduled, and many readers must not make it many
   * reads: only an urgent request reads at once.
   */
  | { readonly kind: 'requested'; readonly isUrgent: boolean }
  /** The time of `dueAt` has come. */
  | { readonly kind: 'due' }
  /** What a read found: the newest page, or what follows the ring. */
  | {
      readonly kind: 'loaded';
      readonly found: Loaded | { readonly kind: 'newest'; readonly segment: Segment };
    }
  /** A read failed. `random`: 0 ≤ x < 1, for the jitter of the pause. */
  | { readonly kind: 'failed'; readonly failure: FeedError; readonly random: number }
  /** The log has reported its end, asked for after the last `connected` or `invalidated`. */
  | { readonly kind: 'checked'; readonly log: LogState }
  /** Nothing read so far may be trusted: the process was frozen. The tail subscribes anew. */
  | { readonly kind: 'invalidated' }
  /** The log has lost what the ring holds; readers continue at `resume`. */
  | { readonly kind: 'disproved'; readonly resume: Position };

export type RingEffect =
  /** Empty the ring; it continues after `base`. */
  | { readonly kind: 'reset'; readonly base: Position }
  | { readonly kind: 'append'; readonly entries: readonly Entry[] }
  /** Encode announced events and append them. */
  | { readonly kind: 'encode'; readonly epoch: string; readonly events: readonly LogEvent[] }
  /** Drop the pages that readers share: they may hold what the log has lost. */
  | { readonly kind: 'drop-pages' }
  /** Read the newest page, or what follows `from`. */
  | { readonly kind: 'read'; readonly from: 'newest' | Position; readonly newestAnnounced: EventId | null }
  /** Ask the log for its end: `now` and again a second later, or only `later`, in a second. */
  | { readonly kind: 'ask-end'; readonly when: 'now' | 'later' }
  /** Tell the callers that wait for the log's answer. Without a failure, readers can start with what the ring has. */
  | { readonly kind: 'settle'; readonly failure: FeedError | null }
  /** Wake the readers. It comes last, and once: a woken reader may send a signal of its own. */
  | { readonly kind: 'wake' };

/** A state, and what must be done to get there, in this order. */
export type Step = { readonly state: RingState; readonly effects: readonly RingEffect[] };

const idle: Work = { kind: 'idle' };
const nothing: readonly RingEffect[] = [];
const wake: RingEffect = { kind: 'wake' };
const settled: RingEffect = { kind: 'settle', failure: null };

/** Most announcements kept while a read is under way; beyond it only the newest is kept, and the rest is read. */
const maxPending = 1_000;

/** A ring that was never read, of a channel nobody subscribes to yet. */
export const emptyRing: RingState = {
  end: { id: beforeFirst, epoch: null },
  trust: 'empty',
  isConnected: false,
  newestAnnounced: null,
  pending: [],
  readAt: Infinity,
  mustVerify: false,
  work: idle,
};

/** When the next `due` must be sent; Infinity: never. */
export function dueAt(state: RingState): number {
  return Math.min(state.readAt, reportAt(outageOf(state)));
}

/** Whether the ring is the log's end, as far as anybody can know. */
export function isReady(state: RingState): boolean {
  return state.trust === 'verified' && outageOf(state) === null;
}

/**
 * Whether the ring has events after `position` that the log's last answer did not have. A replica may lag, or the log may
 * have lost them: a reader that starts there waits for the log's decision.
 */
export function isInDoubt(state: RingState, { id, epoch }: Position): boolean {
  const isBehindEnd = epoch === state.end.epoch && compareEventIds(id, state.end.id) < 0;
  return isBehindEnd && laggingSince(state.work) !== null;
}

/** What keeps the log from being read; null: nothing. */
export function outageOf({ work }: RingState): Outage | null {
  return work.kind === 'idle' ? null : work.outage;
}

/** Whether the ring ends where the log does. */
export function isAtEnd({ end }: RingState, log: LogState): boolean {
  if (log === null) return end.epoch === null;
  return log.epoch === end.epoch && compareEventIds(log.last, end.id) === 0;
}

/** What follows from a signal. The table of its transitions is `tests/server/tail/ring-sync.test.ts`. */
export function step(state: RingState, signal: RingSignal, now: number): Step {
  switch (signal.kind) {
    case 'subscribing':
      return withEffects(schedule(disconnected(state), now + tailTimes.acknowledgeMs));
    case 'connected':
      return connect({ ...state, isConnected: true, trust: unverified(state.trust) }, now);
    case 'lost': {
      // The subscription usually is back before the bridging read, which then is needless.
      const waitMs = isAtRest(state) ? tailTimes.bridgeMs : tailTimes.staleMs;
      return withEffects(schedule(disconnected(state), now + waitMs));
    }
    case 'announced':
      return announce(state, signal.announcement, now);
    case 'requested':
      return signal.isUrgent || outageOf(state) === null ? request(state, now) : withEffects(state);
    case 'due':
      return due(state, now);
    case 'loaded':
      return onLoaded(state, signal.found, now);
    case 'failed':
      return fail(state, signal.failure, signal.random, now);
    case 'checked':
      if (!isAtEnd(state, signal.log)) return request(state, now);
      // While the log is read, that read is as good.
      return isAtRest(state) ? markVerified(state) : withEffects(state);
    case 'invalidated':
      return withEffects(invalidate(state, now));
    case 'disproved':
      return disprove(state, signal.resume, now);
  }
}

function connect(state: RingState, now: number): Step {
  // What came before the acknowledgement is found by asking for the log's end, where that is enough.
  if (isAtRest(state)) return withEffects({ ...state, readAt: Infinity }, { kind: 'ask-end', when: 'now' });
  const { work } = state;
  const connected = { ...state, mustVerify: true };
  if (work.kind !== 'reading' || work.readAgain !== null) return request(connected, now);
  return withEffects({ ...connected, work: { ...work, readAgain: 'acknowledged' } });
}

function announce(state: RingState, announcement: Announcement, now: number): Step {
  const { kind } = state.work;
  const last = announcement.events.at(-1)?.id ?? null;
  const newestAnnounced = hasReached(state.newestAnnounced, last) ? state.newestAnnounced : last;
  const canContinue = state.trust === 'verified' && kind !== 'reading' && kind !== 'lagging';
  const added = canContinue ? continueWith(state.end, announcement) : null;
  if (added !== null) return woken(added.effects, withEffects({ ...state, end: added.end, newestAnnounced }));
  const all = [...state.pending, announcement];
  const pending = all.length > maxPending ? [announcement] : all;
  const waiting = { ...state, newestAnnounced, pending };
  // During an outage a retry is scheduled.
  return kind === 'idle' ? startRead(waiting, now) : withEffects(waiting);
}

function due(state: RingState, now: number): Step {
  // A timer may go off a little early.
  if (now < dueAt(state)) return withEffects(state);
  if (now >= reportAt(outageOf(state))) {
    const then = due(reported(state), now);
    return { state: then.state, effects: [...then.effects, wake] };
  }
  if (state.work.kind === 'lagging') return startRead(state, now);
  return request({ ...state, readAt: Infinity }, now);
}

/** Reads, or reads again after the read under way. A lagging log is read again in any case. */
function request(state: RingState, now: number): Step {
  const { work } = state;
  switch (work.kind) {
    case 'reading':
      return withEffects({ ...state, work: { ...work, readAgain: 'requested' } });
    case 'lagging':
      return withEffects(state);
    default:
      return startRead(state, now);
  }
}

/** Begins a read. It takes the place of every read that was scheduled. */
function startRead(state: RingState, now: number): Step {
  const { trust, end, newestAnnounced } = state;
  const work: Work = {
    kind: 'reading',
    askedAt: now,
    readAgain: null,
    isOutdated: false,
    laggingSince: laggingSince(state.work),
    outage: outageOf(state),
  };
  const from = trust === 'empty' ? 'newest' : end;
  return withEffects({ ...state, readAt: Infinity, work }, { kind: 'read', from, newestAnnounced });
}

function onLoaded(
  state: RingState,
  found: Extract<RingSignal, { kind: 'loaded' }>['found'],
  now: number,
): Step {
  if (state.work.kind !== 'reading') return withEffects(state);
  if (state.work.isOutdated) return startRead(state, now);
  switch (found.kind) {
    case 'newest': {
      const { base, entries } = found.segment;
      const effects: RingEffect[] = [{ kind: 'reset', base }, { kind: 'drop-pages' }];
      if (entries.length > 0) effects.push({ kind: 'append', entries });
      const filled: RingState = { ...state, trust: 'unverified', end: endOf(found.segment) };
      return afterRead(filled, effects, false, now);
    }
    case 'segment': {
      const { base, entries } = found.segment;
      if (entries.length === 0) return afterRead(state, [], found.more, now);
      const effects: RingEffect[] = state.end.epoch === null ? [{ kind: 'reset', base }] : [];
      effects.push({ kind: 'append', entries });
      return afterRead({ ...state, end: endOf(found.segment) }, effects, found.more, now);
    }
    case 'gap':
      return startRead({ ...state, trust: 'empty' }, now);
    case 'stale':
      return waitForReplica(state, now);
  }
}

/** The ring has taken what the read found, by these effects. @param hasMore whether the log has more after it. */
function afterRead(
  state: RingState,
  ringEffects: readonly RingEffect[],
  hasMore: boolean,
  now: number,
): Step {
  const { work } = state;
  if (hasMore) return woken(ringEffects, startRead(state, now));
  // The next read comes before the announcements: it may find a break that they would hide.
  if (work.kind === 'reading' && work.readAgain !== null) {
    if (work.readAgain === 'requested') return woken(ringEffects, startRead(state, now));
    const answered = { ...state, work: { ...work, outage: null } };
    return woken(ringEffects, prepend([settled], startRead(answered, now)));
  }
  const verified = markVerified(state);
  const caughtUp = takePending(verified.state);
  const added = [...ringEffects, ...caughtUp.effects];
  const isBehind = !hasReached(caughtUp.state.end.id, state.newestAnnounced);
  const isComplete = caughtUp.state.pending.length === 0 && !isBehind;
  const next = isComplete ? goIdle(caughtUp.state, now) : waitForReplica(caughtUp.state, now);
  return woken(added, prepend(verified.effects, next));
}

/** The ring is the log's end. */
function markVerified(state: RingState): Step {
  return withEffects({ ...state, trust: 'verified' }, settled);
}

/** Appends what was announced during the read, up to the first hole. */
function takePending(state: RingState): Step {
  let end = state.end;
  const effects: RingEffect[] = [];
  const pending: Announcement[] = [];
  for (const announcement of state.pending) {
    const added = pending.length === 0 ? continueWith(end, announcement) : null;
    if (added === null) pending.push(announcement);
    else {
      end = added.end;
      effects.push(...added.effects);
    }
  }
  return { state: { ...state, end, pending }, effects };
}

function goIdle(state: RingState, now: number): Step {
  const idling = { ...state, mustVerify: false, work: idle };
  const planned = state.isConnected ? idling : schedule(idling, now + tailTimes.bridgeMs);
  return state.mustVerify ? withEffects(planned, { kind: 'ask-end', when: 'later' }) : withEffects(planned);
}

/** Reads again for up to `maxReplicaLagMs`; then takes the log's answer as the truth, and drops what it does not have. */
function waitForReplica(state: RingState, now: number): Step {
  const { work } = state;
  const askedAt = work.kind === 'reading' ? work.askedAt : now;
  const since = laggingSince(work) ?? askedAt;
  const outage = outageOf(state);
  if (askedAt - since < maxReplicaLagMs) {
    return withEffects(
      schedule({ ...state, work: { kind: 'lagging', since, outage } }, now + tailTimes.staleMs),
    );
  }
  const believing = work.kind === 'reading' ? { ...work, laggingSince: null } : work;
  return startRead({ ...state, trust: 'empty', newestAnnounced: null, pending: [], work: believing }, now);
}

function fail(state: RingState, failure: FeedError, random: number, now: number): Step {
  const before = outageOf(state);
  const failures = (before?.failures ?? 0) + 1;
  const outage = { since: before?.since ?? now, failures, isReported: before?.isReported ?? false };
  const readAt = now + retryPauseMs(failures, random, failure);
  return withEffects({ ...state, readAt, work: { kind: 'failing', outage } }, { kind: 'settle', failure });
}

function disprove(state: RingState, resume: Position, now: number): Step {
  const { work } = state;
  const emptied: RingState = {
    ...state,
    end: resume,
    trust: 'empty',
    work: work.kind === 'reading' ? { ...work, isOutdated: true } : work,
  };
  return prepend([{ kind: 'drop-pages' }, { kind: 'reset', base: resume }], request(emptied, now));
}

function invalidate(state: RingState, now: number): RingState {
  const { work } = state;
  const invalid = schedule({ ...state, trust: unverified(state.trust) }, now + tailTimes.acknowledgeMs);
  return work.kind === 'reading' ? { ...invalid, work: { ...work, readAgain: 'requested' } } : invalid;
}

/** Whether the ring was read, the last read went well, and none is under way. */
function isAtRest({ trust, work }: RingState): boolean {
  return trust !== 'empty' && work.kind === 'idle';
}

function unverified(trust: Trust): Trust {
  return trust === 'verified' ? 'unverified' : trust;
}

/** The next subscription will be verified itself. */
function disconnected(state: RingState): RingState {
  return { ...state, isConnected: false, mustVerify: false };
}

/** Reads at `at` at the latest. */
function schedule(state: RingState, at: number): RingState {
  return { ...state, readAt: Math.min(state.readAt, at) };
}

function laggingSince(work: Work): number | null {
  if (work.kind === 'lagging') return work.since;
  return work.kind === 'reading' ? work.laggingSince : null;
}

function reportAt(outage: Outage | null): number {
  return outage === null || outage.isReported ? Infinity : outage.since + tailTimes.giveUpMs;
}

function reported(state: RingState): RingState {
  const { work } = state;
  if (work.kind === 'idle' || work.outage === null) return state;
  return { ...state, work: { ...work, outage: { ...work.outage, isReported: true } } };
}

function hasReached(id: EventId | null, target: EventId | null): boolean {
  return target === null || (id !== null && compareEventIds(id, target) >= 0);
}

/** What is new in an announcement, as effects on a ring that ends at `end`; null: events are missing in between. */
function continueWith(end: Position, announcement: Announcement) {
  const { epoch } = announcement;
  const events = newAfter(end, announcement);
  if (events === null) return null;
  const last = events.at(-1);
  if (last === undefined) return { end, effects: nothing };
  const encode: RingEffect = { kind: 'encode', epoch, events };
  const effects: readonly RingEffect[] =
    end.epoch === null ? [{ kind: 'reset', base: { id: beforeFirst, epoch } }, encode] : [encode];
  return { end: { id: last.id, epoch }, effects };
}

/** The events of an announcement that come after `end`; null: events are missing before or between them. */
function newAfter(end: Position, { epoch, events }: Announcement): readonly LogEvent[] | null {
  const isKnown = (event: LogEvent) => end.epoch === epoch && compareEventIds(event.id, end.id) <= 0;
  const added = events.filter((event) => !isKnown(event));
  const [next] = added;
  const last = added.at(-1);
  if (next === undefined || last === undefined) return [];
  const isDense = last.id.seq - next.id.seq === added.length - 1;
  const continuity = checkContinuity({
    position: end,
    state: { epoch, first: next.id, last: last.id },
    next: next.id,
  });
  return isDense && continuity.kind === 'continue' ? added : null;
}

function withEffects(state: RingState, ...effects: readonly RingEffect[]): Step {
  return { state, effects: effects.length === 0 ? nothing : effects };
}

/** The step, with `effects` before its own. */
function prepend(effects: readonly RingEffect[], then: Step): Step {
  return { state: then.state, effects: [...effects, ...then.effects] };
}

/** The step after these effects on the ring. If there are any, the readers are woken after all else. */
function woken(onRing: readonly RingEffect[], { state, effects }: Step): Step {
  return onRing.length === 0 ? { state, effects } : { state, effects: [...onRing, ...effects, wake] };
}
