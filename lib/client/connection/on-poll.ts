import { isUnexpected, type Page, type Refusal } from '../transport/messages.ts';
import {
  backoffMs,
  connect,
  end,
  endRest,
  handleRefusal,
  holdUntil,
  startDue,
  startPoll,
} from './lifecycle.ts';
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
      return onPage(state, poll, signal.page, signal.ageMs ?? 0, now, random);
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
 * other cursor this feed ignores it: events would come twice, or some would seem to be missing. The advice in it is for readers
 * that pause for as long.
 */
export function onPollShared(
  state: Connection,
  { after, restMs, startedAt, result }: FinishedPoll,
  now: number,
  random: number,
): Connection {
  // Without a cursor each feed begins at a time of its own.
  if (state.mode !== 'polling' || state.poll !== null || after === null) return state;
  const polling = startPoll(state, startedAt);
  const { poll } = polling;
  return poll?.after === after && poll.restMs === restMs ? onPoll(polling, poll, result, now, random) : state;
}

function onPage(
  before: Connection,
  poll: Poll,
  page: Page,
  ageMs: number,
  now: number,
  random: number,
): Connection {
  const applied = accept(before.reader, poll.source, page.items, page.cursor);
  const state = withApplied({ ...before, poll: null }, applied);
  if (!applied.isComplete) return failPoll(state, null, now, random);
  const answered: Connection = { ...state, pollFailures: 0, problem: null, isTokenNew: false };
  if (page.hasEnded) return end(answered);
  switch (state.mode) {
    case 'standby':
      return continueCatchUp(answered, page, now);
    case 'polling':
      return poll.restMs > 0
        ? continueRest(answered, poll, page, ageMs, now)
        : continuePolling(answered, poll, page, now);
    default:
      return continueChecks(answered, poll, page, now);
  }
}

/** Least time between two checks where the server advises long polls, in ms. */
const checkEveryMs = 2_000;

/** The next check is due after the interval of polls; if bytes of a live stream came meanwhile, it has its time already. */
function continueChecks(state: Connection, poll: Poll, { more, advice }: Page, now: number): Connection {
  const nextAt = Math.max(now, poll.startedAt + (advice.everyMs || checkEveryMs));
  return startDue({ ...state, advice, pollAt: more ? now : (state.pollAt ?? nextAt) }, now);
}

/** On standby: the last page completes the catch-up. */
function continueCatchUp(state: Connection, page: Page, now: number): Connection {
  return page.more ? startPoll(state, now) : { ...state, catchUps: state.catchUps + 1 };
}

/** Rests on as long as the server wants. The pause counts from the time of the server's answer, which a cache may have kept. */
function continueRest(
  state: Connection,
  poll: Poll,
  { advice }: Page,
  ageMs: number,
  now: number,
): Connection {
  if (!advice.rest) return endRest(state, now);
  const { minPollMs } = state.settings;
  const restMs = Math.max(advice.everyMs, minPollMs);
  const answeredAt = Math.min(poll.startedAt, now - ageMs);
  return {
    ...state,
    restMs,
    pollAt: Math.max(now + minPollMs, answeredAt + restMs),
  };
}

function continuePolling(state: Connection, poll: Poll, page: Page, now: number): Connection {
  const { isUnreachable, probeAt, streams, settings, maxWaitSeconds } = state;
  // The server is back, so streaming may work again. Where polls fail again and again, that means little.
  const isBack = isUnreachable && probeAt !== null && now >= state.nextRecoveryAt;
  const polled: Connection = {
    ...state,
    advice: page.advice,
    // About 20 polls later the next one asks for a second more: what limited the wait may have gone.
    maxWaitSeconds: maxWaitSeconds * 1.011 + 0.02,
    // A probe on its way began before the server was back. If it fails, another one must follow at once.
    isUnreachable: isUnreachable && streams.length > 0,
    pollAt: nextPollAt(poll, page, now, settings.minPollMs),
    probeAt: isBack ? now : probeAt,
    nextRecoveryAt: isBack ? now + 4 * settings.probeMs : state.nextRecoveryAt,
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

/** The least time in ms for which a poll was held if something cuts long polls here. After less, the server may be down. */
const leastHeldMs = 1_000;

/** A time-out of the client, of a gateway or of the server, as gateways report it: 408, 502, 504. */
const timeoutStatuses = new Set([408, 502, 504]);

/** Whether something that allows no long silence has cut a poll that the server held. The server itself is well. */
function isCut(poll: Poll, refusal: Refusal | null, now: number): boolean {
  if (poll.waitSeconds === 0 || now - poll.startedAt < leastHeldMs) return false;
  if (refusal === null) return now < poll.timeoutAt;
  return timeoutStatuses.has(refusal.status) && refusal.retryAfterMs === null;
}

/** The next poll starts at once. It asks for a bit less than this one got. */
function shortenWait(state: Connection, { waitSeconds, startedAt }: Poll, now: number): Connection {
  const heldSeconds = (now - startedAt) / 1_000;
  const maxWaitSeconds = Math.max(0, Math.min(0.8 * heldSeconds, waitSeconds - 1));
  return startDue({ ...state, poll: null, pollAt: now, maxWaitSeconds }, now);
}

/** A poll was refused, failed, or took too long. @param refusal null where there was no response. */
export function onPollFailed(
  before: Connection,
  poll: Poll,
  refusal: Refusal | null,
  now: number,
  random: number,
): Connection {
  if (isCut(poll, refusal, now)) return shortenWait(before, poll, now);
  // One failed poll is no outage; two in a row are.
  const isOutage = before.isUnreachable || before.pollFailures > 0;
  const state: Connection = { ...before, poll: null };
  if (before.mode !== 'polling' && before.mode !== 'standby') return failCheck(state, refusal, now, random);
  if (refusal === null) {
    // Something may drop connections that are silent for long, and tell nobody.
    const isSilent = poll.waitSeconds > 0 && now >= poll.timeoutAt;
    const maxWaitSeconds = isSilent ? poll.waitSeconds / 2 : before.maxWaitSeconds;
    return failPoll({ ...state, isUnreachable: isOutage, maxWaitSeconds }, null, now, random);
  }
  const handled = handleRefusal(state, 'poll', poll.tokenVersion, refusal, now);
  if (handled !== null) return handled;
  // A captive portal or a proxy that answered the poll may answer streams too.
  const isUnreachable = isUnexpected(refusal) ? isOutage : state.isUnreachable;
  return failPoll({ ...state, isUnreachable, problem: refusal.problem }, refusal, now, random);
}

/** A check that fails says nothing of the stream. The next one waits, and a `Retry-After` holds up the next stream too. */
function failCheck(state: Connection, refusal: Refusal | null, now: number, random: number): Connection {
  const failed = failPoll(state, refusal, now, random);
  const pollAt = Math.max(failed.pollAt ?? now, now + (state.advice.everyMs || checkEveryMs));
  const { retryAt, noStreamBefore } = failed;
  return { ...failed, pollAt, retryAt: retryAt === null ? null : Math.max(retryAt, noStreamBefore) };
}

/**
 * Whether a proxy may have refused one request too many, as nginx does with `limit_req`. Polls would use up what the limit
 * allows, for ever; a stream needs one request. So the next request is a probe, a second later, and the poll comes after it.
 */
function isOverLimit(refusal: Refusal | null): boolean {
  return refusal?.retryAfterMs === null && (refusal.status === 503 || refusal.status === 429);
}

/** Counts the failure and schedules the next poll. A connection at rest has no second way to its events: it streams again. */
function failPoll(state: Connection, refusal: Refusal | null, now: number, random: number): Connection {
  const pollFailures = state.pollFailures + 1;
  const retryAfterMs = refusal?.retryAfterMs ?? null;
  const pollAt = now + backoffMs(pollFailures, retryAfterMs, random, state.settings);
  if (isOverLimit(refusal) && state.probeAt !== null && state.streams.length === 0) {
    const { minPollMs } = state.settings;
    return { ...state, pollFailures, probeAt: pollAt + minPollMs, pollAt: pollAt + 2 * minPollMs, probes: 0 };
  }
  const next: Connection = { ...state, pollFailures, pollAt };
  // The random wait is for the probe too.
  const held = retryAfterMs === null ? next : holdUntil(next, pollAt);
  return state.restMs > 0 ? connect({ ...held, pollFailures: 0 }, now) : held;
}
