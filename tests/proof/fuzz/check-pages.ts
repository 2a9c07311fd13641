import type { StoredEvent } from './check-log.ts';
import { readToken } from './secrets.ts';

/** Channels that are read through the app: the fullest. */
const mostChannels = 50;

/** Reads the fullest channels through the app, page after page, and holds what comes against what lies in the file. */
export async function checkPages(port: number, stored: readonly StoredEvent[]): Promise<readonly string[]> {
  const channels = Map.groupBy(stored, ({ channel }) => channel);
  const fullest = [...channels].toSorted(([, a], [, b]) => b.length - a.length).slice(0, mostChannels);
  const faults: string[] = [];
  for (const [channel, events] of fullest) {
    const fault = await checkChannel(port, channel, events);
    if (fault !== null) faults.push(`${channel}, read page after page: ${fault}`);
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
        return `event ${read + 1} is not the one that is stored`;
      read += 1;
    }
    ({ cursor, more } = page);
  }
  return read === events.length ? null : `${read} events came of ${events.length}`;
}

function jsonOf(event: StoredEvent | undefined): string | null {
  if (event === undefined) return null;
  const { channel, time, seq, type, data } = event;
  return JSON.stringify({ id: `${time}-${seq}`, channel, type, time, data: JSON.parse(data) });
}
