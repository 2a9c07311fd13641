import type { LogState } from '../../core/continuity.ts';
import { newEpoch } from '../../core/cursor.ts';
import { type EventId, formatEventId, idAfter, parseEventId } from '../../core/ids.ts';
import {
  type AppendRequest,
  type AppendResult,
  type EventLog,
  keyLifeMs,
  keyReused,
  type LogPage,
  type NewEvent,
  type ReadFrom,
  readBudgetBytes,
} from '../event-log.ts';
import { chargeOf, rateLimited } from '../rate-limit.ts';
import {
  createRedisClient,
  type RedisClient,
  type RedisEndpoint,
  unavailable,
  unreadableAnswer,
} from './client.ts';
import {
  announcementChannel,
  appendScript,
  rateKey,
  readEntry,
  readScript,
  recordKey,
  streamKey,
  writeEntry,
} from './storage.ts';
import { followRedis } from './subscription.ts';

export type RedisLogOptions = {
  /** The REST URL of the database: `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  /** Its standard token: `UPSTASH_REDIS_REST_TOKEN`. A read-only token cannot append. */
  readonly token: string;
  /** How many events each channel keeps, at least; Redis removes whole blocks of about 100. */
  readonly retention: number;
  /**
   * Redis deletes a channel after this time without a publish, in ms, so that channels that were used once do not fill the
   * database. Its readers get a gap `restarted`. Default: 30 days.
   */
  readonly maxIdleMs?: number;
  /** How long to wait for an answer, and for the acknowledgement of a subscription, in ms. Default: 5,000. */
  readonly timeoutMs?: number;
};

const defaultMaxIdleMs = 30 * 86_400_000;

/**
 * Opens the log in Redis, over the Upstash REST API. Each `append`, `read` and `ends` is one command and one HTTP request,
 * and is never retried here: an append without an answer may be stored, so only a publisher with a key can retry it.
 * Eviction must be off in the database (`noeviction`), because it would delete whole channels.
 * @throws FeedError `misconfigured` when the URL or the token is invalid.
 */
export function createRedisLog(options: RedisLogOptions): EventLog {
  const { url, token, retention, maxIdleMs = defaultMaxIdleMs, timeoutMs = 5_000 } = options;
  const endpoint: RedisEndpoint = { url, token, timeoutMs };
  const client = createRedisClient(endpoint);
  const closed = new AbortController();
  return {
    kind: 'redis',
    append: (request) => appendToRedis(client, request, { retention, maxIdleMs }),
    read: (channel, from, limit) => readFromRedis(client, channel, from, limit),
    async ends(channels) {
      if (channels.length > 0) return endsFromRedis(client, channels);
      await client.ping();
      return new Map();
    },
    follow: (channel, onSignal, signal) =>
      followRedis(endpoint, channel, onSignal, AbortSignal.any([signal, closed.signal])),
    close: () => closed.abort(),
  };
}

/** Stores a request in one command. @throws FeedError `key-reused`, `rate-limited`, `log-unavailable`, `too-large` */
async function appendToRedis(
  client: RedisClient,
  { events, key, limits = [] }: AppendRequest,
  { retention, maxIdleMs }: { readonly retention: number; readonly maxIdleMs: number },
): Promise<AppendResult> {
  const channels = Map.groupBy(events, (event) => event.channel);
  const keys = [...[...channels.keys()].map(streamKey), ...limits.map(({ name }) => rateKey(name))];
  if (key !== null) keys.push(recordKey(key.name));
  const charges = limits.map((limit) => chargeOf(limit, events.length));
  const record = [keyLifeMs, key?.fingerprint ?? ''];
  const args = [channels.size, limits.length, retention, maxIdleMs, ...record].map(String);
  for (const { costMs, allowanceMs } of charges) args.push(String(costMs), String(allowanceMs));
  for (const [channel, own] of channels) {
    args.push(
      announcementChannel(channel),
      newEpoch(Math.random),
      String(own.length),
      ...own.map(writeEntry),
    );
  }
  const [outcome, value, index] = (await client.evaluate(appendScript, keys, args)) as readonly string[];
  const limit = outcome === 'limited' ? limits[Number(index) - 1] : undefined;
  if (limit !== undefined) throw rateLimited(limit, Number(value));
  if (outcome === 'reused') throw keyReused();
  return { ids: idsOf(events, [...channels.keys()], value), duplicate: outcome === 'duplicate' };
}

/** The id of each event, from the first id of each channel: events of one channel in one request have neighbouring seqs. */
function idsOf(
  events: readonly NewEvent[],
  channels: readonly string[],
  text: string | undefined,
): EventId[] {
  const firsts = text?.split(' ') ?? [];
  if (firsts.length !== channels.length) throw unavailable(unreadableAnswer, 'unreadable');
  const next = new Map(channels.map((channel, index) => [channel, parseEventId(firsts[index] ?? '', 'id')]));
  return events.map(({ channel }) => {
    const id = next.get(channel) as EventId;
    next.set(channel, idAfter(id, 1));
    return id;
  });
}

/** Reads a page of a channel in one command. @throws FeedError `log-unavailable` */
async function readFromRedis(
  client: RedisClient,
  channel: string,
  from: ReadFrom,
  limit: number,
): Promise<LogPage> {
  const args = [String(readBudgetBytes), ...readArgs(from, limit)];
  const [page] = await readPages(client, [channel], args, isNewestFirst(from));
  return page ?? { state: null, events: [] };
}

/** Reads the state of channels in one command. @throws FeedError `log-unavailable` */
async function endsFromRedis(
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
      // No event is before 0-0, and Redis refuses a range that ends there.
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
    // The stream has entries that this feed did not write; the parser's error would contain their text.
    throw unavailable(unreadableAnswer, 'unreadable');
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
