import { type EventId, idAfter, parseEventId } from '../core/event-id.ts';
import { FeedError } from '../core/feed-error.ts';
import { type AppendAnswer, type AppendRequest, keyLifeMs, type NewEvent } from './event-log.ts';
import { newEpoch } from './new-epoch.ts';
import { chargeOf, rateLimited } from './rate-limit.ts';
import type { RedisClient } from './redis-client.ts';
import { announcementsOf, rateKey, recordKey, streamKey, writeEntry } from './redis-entry.ts';
import { unavailable } from './redis-failure.ts';
import { appendScript } from './redis-scripts.ts';

/** How much is kept, and for how long. */
export type RedisRetention = {
  /** Events kept per channel, at least. */
  readonly retention: number;
  /** A channel to which nothing is published for so long, in ms, is forgotten: its readers are told `restarted`. */
  readonly maxIdleMs: number;
};

/** Stores a request in one command. @throws FeedError `key-reused`, `rate-limited`, `log-unavailable`, `too-large` */
export async function appendToRedis(
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
