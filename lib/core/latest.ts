import type { FeedEvent } from './event.ts';
import { beforeFirst, compareEventIds, type EventId, readEventId } from './ids.ts';

/*
 * The state of a channel is the latest event of each of its subjects. Apply all events of the
 * channel, in order, and you have the state. The log, the client and the tests follow this one rule.
 */

/**
 * Applies an event to the state of its channel, in one epoch. An event without a subject changes nothing. One that is not
 * newer than the subject's latest changes nothing either, so a page of the state and the events after it may overlap. An
 * event with `remove` takes its subject out: so apply all pages of the state first, and then what follows.
 *
 * An event stays in the state when it has expired, so that no older one takes its place: leave it out with `isExpired`.
 * @param state subject → its latest event; it is changed. Begin with an empty one after the log has started again.
 * @returns whether the state has changed.
 */
export function applyToState(state: Map<string, FeedEvent>, event: FeedEvent): boolean {
  const { subject } = event;
  if (subject === undefined) return false;
  const latest = state.get(subject);
  if (latest !== undefined && compareEventIds(idOf(event), idOf(latest)) <= 0) return false;
  if (event.remove === true) return state.delete(subject);
  state.set(subject, event);
  return true;
}

/** Whether an event no longer counts for the state. @param nowMs the time by the log's clock, Unix time in ms. */
export function isExpired({ expiresAt }: FeedEvent, nowMs: number): boolean {
  return expiresAt !== undefined && expiresAt <= nowMs;
}

function idOf(event: FeedEvent): EventId {
  return readEventId(event.id) ?? beforeFirst;
}
