import type { LogState } from '../../core/continuity.ts';
import { newEpoch } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { type EventId, formatEventId, idAfter, parseEventId } from '../../core/ids.ts';
import {
  type AppendAnswer,
  type AppendRequest,
  type EventLog,
  keyLifeMs,
  type LogPage,
  type NewEvent,
  type ReadFrom,
  readBudgetBytes,
} from '../event-log.ts';
import { chargeOf, rateLimited } from '../rate-limit.ts';
import {
  createRedisClient,
  logFailure,
  type RedisClient,
  type RedisEndpoint,
  unavailable,
} from './client.ts';
import {
  announcementsOf,
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
  /** REST URL of the database: `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  /** Its standard token: `UPSTASH_REDIS_REST_TOKEN`. A read-only one cannot append. */
  readonly token: string;
  /** Events kept per channel, at least; Redis trims by whole blocks of about 100. */
  readonly retention: number;
  /**
   * A channel to which nothing is published for so long, in ms, is forgotten, so that names used once do not fill the
   * database for ever; 30 days.
   */
  readonly maxIdleMs?: number;
  /** Longest wait for an answer, and for the acknowledgement of a subscription, in ms; 5,000. */
  readonly timeoutMs?: number;
};

const defaultMaxIdleMs = 30 * 86_400_000;

/**
 * The log in Redis, over the Upstash REST API. An append is one command and one HTTP request, whatever it holds;
 * so are a read and `ends`. Nothing is tried twice here: an append that was not answered may have been stored, and
 * the publisher's key is what makes trying again safe.
 * Eviction must be off in the database (`noeviction`): it would take a whole channel.
 * @throws FeedError `misconfigured` when the URL or the token cannot be one.
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

/** How much is kept, and for how long. */
export type RedisRetention = {
  /** Events kept per channel, at least. */
  readonly retention: number;
  /** A channel to which nothing is published for so long, in ms, is forgotten: its readers are told `restarted`. */
  readonly maxIdleMs: number;
};

/** Stores a request in one command. @throws FeedError `key-reused`, `rate-limited`, `log-unavailable`, `too-large` */
async function appendToRedis(
  client: RedisClient,
  { events, key, limits = [] }: AppendRequest,
  { retention, maxIdleMs }: RedisRetention,
): Promise<AppendAnswer> {
  const channels = Map.groupBy(events, (event) => event.channel);
  const keys = [...[...channels.keys()].map(streamKey), ...limits.map(({ name }) => rateKey(name))];
  if (key !== null) keys.push(recordKey(key.name));
  const charges = limits.map((limit) => chargeOf(limit, events.length));
  const record = [keyLifeMs, key?.fingerprint ?? ''];
  const args = [channels.size, limits.length, retention, maxIdleMs, ...record].map(String);
  for (const { costMs, allowanceMs } of charges) args.push(String(costMs), String(allowanceMs));
  for (const [channel, own] of channels) {
    args.push(announcementsOf(channel), newEpoch(Math.random), String(own.length), ...own.map(writeEntry));
  }
  const [outcome, told, index] = (await client.evaluate(appendScript, keys, args)) as readonly string[];
  const limit = outcome === 'limited' ? limits[Number(index) - 1] : undefined;
  if (limit !== undefined) throw rateLimited(limit, Number(told));
  if (outcome === 'reused') {
    throw new FeedError('key-reused', 'Idempotency-Key: this key was used within 24 h for other events');
  }
  return { ids: spreadIds(events, [...channels.keys()], told), duplicate: outcome === 'duplicate' };
}

/** The id of each event, from the first id of each channel: a request's events of a channel are neighbours. */
function spreadIds(
  events: readonly NewEvent[],
  channels: readonly string[],
  text: string | undefined,
): EventId[] {
  const firsts = text?.split(' ') ?? [];
  if (firsts.length !== channels.length)
    throw unavailable('gave an answer that cannot be read', 'unreadable');
  const next = new Map(channels.map((channel, index) => [channel, parseEventId(firsts[index] ?? '', 'id')]));
  return events.map(({ channel }) => {
    const id = next.get(channel) as EventId;
    next.set(channel, idAfter(id, 1));
    return id;
  });
}

/** Reads a page of a channel in one command. It may end early where its events are large. @throws FeedError */
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

/** Reads the state of channels in one command. @throws FeedError */
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
