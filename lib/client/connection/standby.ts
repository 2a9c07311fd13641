import type { Page } from '../transport/page.ts';
import { connect, isInactive, pause, standBy, startPoll, stopIO } from './lifecycle.ts';
import { failPoll } from './on-poll.ts';
import { accept } from './sequencer.ts';
import { type Connection, type KnownState, type Poll, withApplied } from './state.ts';

/*
 * A connection on standby reads nothing by itself. Whoever put it there has another source of events (`moved`), and asks
 * for pages of the log where that source is not enough (`catchUp`).
 */

/** Closes what is open. A connection that is switched off, frozen or stopped stays so, and only takes note. */
export function onStandBy(before: Connection): Connection {
  const state: Connection = { ...before, isStandby: true, pauseAt: null };
  return isInactive(state) && state.pausedBy !== 'hidden' ? state : standBy(state);
}

/** Reads by itself from now on, from the reader's cursor. `known`: what another connection has found out. */
export function onActivate(before: Connection, known: KnownState | null, now: number): Connection {
  const state: Connection = { ...before, isStandby: false };
  if (state.mode !== 'standby') return state;
  const { isHidden, settings } = state;
  // The page has been hidden for long: to take over is no reason to connect.
  if (isHidden && known?.isPaused === true) return pause(state, 'hidden');
  const active: Connection = {
    ...state,
    isStreamingBlocked: known?.isStreamingBlocked ?? state.isStreamingBlocked,
    pauseAt: isHidden && settings.hiddenMs > 0 ? now + settings.hiddenMs : null,
  };
  const retryAt = known?.notBefore ?? null;
  if (retryAt === null || retryAt <= now) return connect(active, now);
  return { ...stopIO(active), mode: 'waiting', retryAt, isRetryAfterPending: true };
}

/** Starts to poll the log to its end, once; unless that is under way. */
export function onCatchUp(state: Connection, now: number): Connection {
  return state.mode !== 'standby' || isCatchingUp(state) ? state : startPoll(state, now);
}

/** Whether a poll is in flight, or waits for its next try. */
export function isCatchingUp({ mode, poll, pollAt }: Connection): boolean {
  return mode === 'standby' && (poll !== null || pollAt !== null);
}

/** A page of the log arrived. The last one completes the catch-up. */
export function onCatchUpPage(
  before: Connection,
  poll: Poll,
  page: Page,
  now: number,
  random: number,
): Connection {
  const applied = accept(before.reader, poll.source, page.items, page.cursor);
  const state = withApplied({ ...before, poll: null }, applied);
  if (!applied.isComplete) return failPoll(state, null, now, random);
  const answered: Connection = { ...state, pollFailures: 0, isTokenNew: false, problem: null };
  return page.more ? startPoll(answered, now) : { ...answered, catchUps: state.catchUps + 1 };
}
