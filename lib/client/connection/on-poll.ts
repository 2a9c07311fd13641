import { isUnexpected, type Page, type Refusal } from '../transport/messages.ts';
import { backoffMs, handleRefusal, startDue, startPoll } from './lifecycle.ts';
import { accept } from './sequencer.ts';
import { type Connection, type FinishedPoll, type Poll, type PollSignal, withApplied } from './state.ts';

/** Something happened to the poll. */
export function onPoll(
  state: Connection,
  poll: Poll,
  signal: PollSignal,
  now: number,
  random: number,
): Connection {
  switch (signal.kind) {
    case 'polled':
      return onPage(state, poll, signal.page, now, random);
    case 'pollRefused':
      return onPollFailed(state, poll, signal.refusal, now, random);
    case 'pollFailed':
      return onPollFailed(state, poll, null, now, random);
    default:
      return signal satisfies never;
  }
}

/**
 * Another feed has polled. The result counts like that of an own poll where both feeds are at the same cursor. At any
 * other cursor this feed ignores it: events would come twice, or some would seem to be missing.
 */
export function onPollShared(
  state: Connection,
  { after, startedAt, result }: FinishedPoll,
  now: number,
  random: number,
): Connection {
  if (state.mode !== 'polling' || state.poll !== null) return state;
  const polling = startPoll(state, startedAt);
  const { poll } = polling;
  return poll?.after === after ? onPoll(polling, poll, result, now, random) : state;
}

function onPage(before: Connection, poll: Poll, page: Page, now: number, random: number): Connection {
  const applied = accept(before.reader, poll.source, page.items, page.cursor);
  const state = withApplied({ ...before, poll: null }, applied);
  if (!applied.isComplete) return failPoll(state, null, now, random);
  const answered: Connection = { ...state, pollFailures: 0, problem: null, isTokenNew: false };
  return state.mode === 'standby'
    ? continueCatchUp(answered, page, now)
    : continuePolling(answered, poll, page, now);
}

/** On standby: the last page completes the catch-up. */
function continueCatchUp(state: Connection, page: Page, now: number): Connection {
  return page.more ? startPoll(state, now) : { ...state, catchUps: state.catchUps + 1 };
}

function continuePolling(state: Connection, poll: Poll, page: Page, now: number): Connection {
  const { isUnreachable, probeAt, streams, settings } = state;
  const polled: Connection = {
    ...state,
    advice: page.advice,
    // A probe on its way began before the server was back. If it fails, another one must follow at once.
    isUnreachable: isUnreachable && streams.length > 0,
    pollAt: nextPollAt(poll, page, now, settings.minPollMs),
    // The server is back, so streaming may work again.
    probeAt: isUnreachable && probeAt !== null ? now : probeAt,
  };
  return startDue(polled, now);
}

/** When to poll next: at once if there are more events, else as advised, but never without a pause. */
function nextPollAt(poll: Poll, page: Page, now: number, minPollMs: number): number {
  if (page.more) return now;
  const { everyMs } = page.advice;
  const floorMs = page.items.length === 0 ? minPollMs : minPollMs / 4;
  return Math.max(now, poll.startedAt + Math.max(everyMs, floorMs));
}

/** A poll was refused, failed, or took too long. @param refusal null where there was no response. */
export function onPollFailed(
  before: Connection,
  poll: Poll,
  refusal: Refusal | null,
  now: number,
  random: number,
): Connection {
  // One failed poll is no outage; two in a row are.
  const isOutage = before.isUnreachable || before.pollFailures > 0;
  const state: Connection = { ...before, poll: null };
  if (refusal === null) return failPoll({ ...state, isUnreachable: isOutage }, null, now, random);
  const handled = handleRefusal(state, 'poll', poll.tokenVersion, refusal, now);
  if (handled !== null) return handled;
  // A captive portal or a proxy that answered the poll may answer streams too.
  const isUnreachable = isUnexpected(refusal) ? isOutage : state.isUnreachable;
  return failPoll({ ...state, isUnreachable, problem: refusal.problem }, refusal, now, random);
}

/** Counts the failure and schedules the next poll. */
function failPoll(state: Connection, refusal: Refusal | null, now: number, random: number): Connection {
  const pollFailures = state.pollFailures + 1;
  const retryAfterMs = refusal?.retryAfterMs ?? null;
  const pollAt = now + backoffMs(pollFailures, retryAfterMs, random, state.settings);
  const isRetryAfterPending = retryAfterMs !== null;
  // A `Retry-After` holds for the probe too.
  const probeAt =
    isRetryAfterPending && state.probeAt !== null ? Math.max(state.probeAt, pollAt) : state.probeAt;
  return { ...state, pollFailures, pollAt, probeAt, isRetryAfterPending };
}
