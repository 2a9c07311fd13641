import { beforeFirst, compareEventIds, formatEventId } from '../../../lib/core/ids.ts';
import {
  type EventAttributes,
  type EventLog,
  type LogEvent,
  maxAppend,
  maxRead,
  type NewEvent,
} from '../../../lib/log/event-log.ts';

/** An event to store; `data` is any JSON value. */
export function newEvent(channel: string, data: unknown = null, type = 'message'): NewEvent {
  return { channel, type, data: JSON.stringify(data) };
}

/** An event about a subject. */
export function about(
  subject: string,
  data: unknown = null,
  { channel = 'feed', ...attributes }: EventAttributes & { readonly channel?: string } = {},
): NewEvent {
  return { ...newEvent(channel, data), attributes: { subject, ...attributes } };
}

/** The last event of a channel. */
export function lastEvent(channel = 'feed', data: unknown = null): NewEvent {
  return { ...newEvent(channel, data), attributes: { end: true } };
}

/** Stores the events in one request, without a key. */
export function store(log: EventLog, ...events: readonly NewEvent[]) {
  return log.append({ events, key: null });
}

/** The latest events of all subjects of a channel, read page by page. */
export async function readLatest(log: EventLog, channel = 'feed', limit = maxRead): Promise<LogEvent[]> {
  const all: LogEvent[] = [];
  for (let after = 0, more = true; more; after = all.at(-1)?.id.seq ?? 0) {
    const page = await log.latest(channel, after, limit);
    if (page.more && (page.events.at(-1)?.id.seq ?? 0) <= after) throw new Error('a page leads no further');
    all.push(...page.events);
    more = page.more;
  }
  return all;
}

/** The state of a channel as `{ subject: data }`. */
export async function subjectsOf(log: EventLog, channel = 'feed'): Promise<Record<string, unknown>> {
  const events = await readLatest(log, channel);
  return Object.fromEntries(events.map(({ attributes, data }) => [attributes?.subject, JSON.parse(data)]));
}

/** `count` events of a channel; their data are the numbers from `from` on. */
export function newEvents(channel: string, count: number, from = 1): NewEvent[] {
  return Array.from({ length: count }, (_, index) => newEvent(channel, from + index));
}

/** Stores `count` events without a key, in as few appends as possible; returns their ids as text. */
export async function appendTo(log: EventLog, channel: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let stored = 0; stored < count; stored += maxAppend) {
    const events = newEvents(channel, Math.min(maxAppend, count - stored), stored + 1);
    const answer = await log.append({ events, key: null });
    ids.push(...answer.ids.map(formatEventId));
  }
  return ids;
}

/** Stores one event; returns its id. */
export async function appendOne(log: EventLog, channel: string) {
  const { ids } = await log.append({ events: [newEvent(channel)], key: null });
  const [id] = ids;
  if (id === undefined) throw new Error('append returned no id');
  return id;
}

/** Reads all events of a channel, page by page. */
export async function readAll(log: EventLog, channel: string): Promise<LogEvent[]> {
  const all: LogEvent[] = [];
  for (let id = beforeFirst; ; ) {
    const { events } = await log.read(channel, { kind: 'after', id }, maxRead);
    const last = events.at(-1);
    if (last === undefined) return all;
    if (compareEventIds(last.id, id) <= 0)
      throw new Error(`read after ${formatEventId(id)} returns no later event`);
    all.push(...events);
    id = last.id;
  }
}

/** The state of a channel that has events. */
export async function stateOf(log: EventLog, channel: string) {
  const state = (await log.ends([channel])).get(channel);
  if (!state) throw new Error(`channel "${channel}" has no events`);
  return state;
}

/** The seqs of events or ids, in their order. */
export function seqs(list: readonly (LogEvent | LogEvent['id'])[]): number[] {
  return list.map((entry) => ('id' in entry ? entry.id.seq : entry.seq));
}

/** `first`, `first + 1`, … `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
