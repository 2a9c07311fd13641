import { beforeFirst, compareEventIds, formatEventId } from '../../../lib/core/ids.ts';
import {
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
