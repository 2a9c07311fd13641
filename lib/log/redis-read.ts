import type { LogState } from '../core/continuity.ts';
import { formatEventId, parseEventId } from '../core/event-id.ts';
import { type LogPage, type ReadFrom, readBudgetBytes } from './event-log.ts';
import type { RedisClient } from './redis-client.ts';
import { readEntry, streamKey } from './redis-entry.ts';
import { logFailure } from './redis-failure.ts';
import { readScript } from './redis-scripts.ts';

/** Reads a page of a channel in one command. It may end early where its events are large. @throws FeedError */
export async function readFromRedis(
  client: RedisClient,
  channel: string,
  from: ReadFrom,
  limit: number,
): Promise<LogPage> {
  const args = [String(readBudgetBytes), ...readArgs(from, limit)];
  const [page] = await readPages(client, [channel], args, isNewestFirst(from));
  return page ?? { state: null, events: [] };
}

/** Reads the state of channels in one command. @throws FeedError */
export async function endsFromRedis(
  client: RedisClient,
  channels: readonly string[],
): Promise<ReadonlyMap<string, LogState>> {
  const args = ['0', ...channels.flatMap(() => readArgs({ kind: 'newest' }, 0))];
  const pages = await readPages(client, channels, args, false);
  return new Map(channels.map((channel, index) => [channel, pages[index]?.state ?? null]));
}

function readArgs(from: ReadFrom, limit: number): string[] {
  switch (from.kind) {
    case 'after':
      return [from.kind, formatEventId(from.id), String(limit)];
    case 'before':
      // Nothing lies ahead of 0-0, and Redis refuses a range that ends there.
      if (from.id.time === 0 && from.id.seq === 0) return ['newest', '-', '0'];
      return [from.kind, formatEventId(from.id), String(limit)];
    case 'newest':
      return [from.kind, '-', String(limit)];
    case 'last':
      return [from.kind, String(from.count), String(limit)];
    case 'since':
      return [from.kind, String(from.ageMs), String(limit)];
  }
}

function isNewestFirst(from: ReadFrom): boolean {
  return from.kind === 'before' || from.kind === 'newest';
}

async function readPages(
  client: RedisClient,
  channels: readonly string[],
  args: readonly string[],
  newestFirst: boolean,
): Promise<LogPage[]> {
  const answer = await client.evaluate(readScript, channels.map(streamKey), args);
  try {
    return (answer as readonly (readonly string[])[]).map((page) => toPage(page, newestFirst));
  } catch {
    // What was found is not of this feed; its text stays here.
    throw logFailure(new Error('unreadable'));
  }
}

function toPage([epoch, first, last, ...entries]: readonly string[], newestFirst: boolean): LogPage {
  if (epoch === undefined || first === undefined || last === undefined) return { state: null, events: [] };
  const events = [];
  for (let at = 0; at < entries.length; at += 2) {
    events.push(readEntry(parseEventId(entries[at] ?? '', 'id'), entries[at + 1] ?? ''));
  }
  if (newestFirst) events.reverse();
  return { state: { epoch, first: parseEventId(first, 'first'), last: parseEventId(last, 'last') }, events };
}
