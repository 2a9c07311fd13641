import { DatabaseSync } from 'node:sqlite';
import { contentKey, eventKey, type Model } from './model.ts';
import { readToken } from './secrets.ts';

/** An event as the file of the log has it. */
export type StoredEvent = {
  readonly channel: string;
  readonly time: number;
  readonly seq: number;
  readonly epoch: string;
  readonly type: string;
  readonly data: string;
  readonly attributes: string | null;
};

/** All events of the file, in the order of their channels. */
export function readStored(file: string): readonly StoredEvent[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare(
      'SELECT channel, time, seq, epoch, type, data, attributes FROM event ORDER BY channel, time, seq',
    );
    return rows.all() as unknown as StoredEvent[];
  } finally {
    db.close();
  }
}

/** What is wrong with the log. It must have each acknowledged event once, in order, with dense seqs, and nothing else. */
export function checkLog(stored: readonly StoredEvent[], model: Model): readonly string[] {
  const faults = checkOrder(stored);
  const missing = new Set(model.acknowledged.keys());
  const perhaps = new Map(model.perhaps);
  const present = new Set<string>();
  let unknown = model.unknown();
  for (const event of stored) {
    const key = eventKey(event.channel, `${event.time}-${event.seq}`);
    const content = contentKey(event);
    present.add(key);
    if (missing.delete(key)) {
      const sent = model.acknowledged.get(key) ?? null;
      if (sent !== null && contentKey(sent) !== content)
        faults.push(`${key} holds another event: ${event.data.slice(0, 200)}`);
      continue;
    }
    const left = perhaps.get(content) ?? 0;
    if (left > 0) perhaps.set(content, left - 1);
    else if (unknown > 0) unknown -= 1;
    else faults.push(`${key} was stored but never acknowledged: ${event.data.slice(0, 200)}`);
  }
  for (const key of missing) faults.push(`${key} was acknowledged but is missing`);
  for (const key of model.repeated) {
    if (!present.has(key)) faults.push(`${key} was answered as a duplicate but is missing`);
  }
  return faults;
}

function checkOrder(stored: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  for (const [index, event] of stored.entries()) {
    const before = stored[index - 1];
    const follows = before?.channel === event.channel ? before : null;
    if (event.seq !== (follows?.seq ?? 0) + 1)
      faults.push(`${event.channel}: seq ${event.seq} follows ${follows?.seq ?? 'none'}`);
    if (follows !== null && follows.epoch !== event.epoch) faults.push(`${event.channel}: a second epoch`);
  }
  return faults;
}

/** How many channels are read through the app: the ones with the most events. */
const mostChannels = 50;

/** Reads the channels with the most events through the app, page by page, and compares the events with the file. */
export async function checkPages(port: number, stored: readonly StoredEvent[]): Promise<readonly string[]> {
  const channels = Map.groupBy(stored, ({ channel }) => channel);
  const fullest = [...channels].toSorted(([, a], [, b]) => b.length - a.length).slice(0, mostChannels);
  const faults: string[] = [];
  for (const [channel, events] of fullest) {
    const fault = await checkChannel(port, channel, events);
    if (fault !== null) faults.push(`${channel}, read page by page: ${fault}`);
  }
  return faults;
}

type Page = {
  readonly events: readonly unknown[];
  readonly gaps: readonly unknown[];
  readonly cursor: string;
  readonly more: boolean;
};

async function checkChannel(
  port: number,
  channel: string,
  events: readonly StoredEvent[],
): Promise<string | null> {
  const headers = { authorization: `Bearer ${readToken(['*'])}` };
  let read = 0;
  for (let cursor = '0-0', more = true; more; ) {
    const query = `channel=${channel}&limit=200&after=${cursor}`;
    const response = await fetch(`http://127.0.0.1:${port}/api/events?${query}`, { headers });
    if (response.status !== 200) return `${response.status} after ${cursor}`;
    const page = (await response.json()) as Page;
    if (page.gaps.length > 0) return `a gap after ${cursor}`;
    for (const event of page.events) {
      if (JSON.stringify(event) !== jsonOf(events[read]))
        return `event ${read + 1} differs from the stored one`;
      read += 1;
    }
    ({ cursor, more } = page);
  }
  return read === events.length ? null : `the pages had ${read} of ${events.length} events`;
}

function jsonOf(event: StoredEvent | undefined): string | null {
  if (event === undefined) return null;
  const { channel, time, seq, type, data } = event;
  const { ttlMs, end, ...others } = JSON.parse(event.attributes ?? '{}');
  return JSON.stringify({
    ...{ id: `${time}-${seq}`, channel, type, ...others },
    ...(ttlMs !== undefined && { expiresAt: time + ttlMs }),
    ...(end !== undefined && { end }),
    ...{ time, data: JSON.parse(data) },
  });
}
