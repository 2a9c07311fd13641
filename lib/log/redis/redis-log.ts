import { type Clock, serverClock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { isEpoch, newEpoch } from '../../core/cursor.ts';
import type { FeedError } from '../../core/feed-error.ts';
import { type EventId, formatEventId, idAfter, readEventId } from '../../core/ids.ts';
import type { RedisAddress } from '../../core/redis-address.ts';
import {
  type AppendRequest,
  type AppendResult,
  answerWithinMs,
  type ChannelRules,
  channelEnded,
  defaultRules,
  type EventLog,
  keyLifeMs,
  keyReused,
  type LatestPage,
  type LogEvent,
  type LogPage,
  lastOfEachSubject,
  type NewEvent,
  type RateLimit,
  type ReadFrom,
  readBudgetBytes,
  tooManySubjects,
} from '../event-log.ts';
import { chargeOf, rateLimited } from '../rate-limit.ts';
import { createCircuitBreaker } from './circuit-breaker.ts';
import { refusesAll, unreadable } from './failures.ts';
import { createRestTransport } from './rest.ts';
import {
  announceCommand,
  announcementChannel,
  appendScript,
  channelKeys,
  forgetScript,
  keyPrefix,
  latestScript,
  rateKey,
  readAnnouncement,
  readEntry,
  readScript,
  recordKey,
  streamKey,
  writeEntry,
} from './storage.ts';
import { createTcpTransport } from './tcp.ts';
import type { RedisTransport, SubscriptionSignal } from './transport.ts';

export type RedisLogOptions = RedisEndpoint & {
  /** What the log keeps of each channel; Redis removes events in whole blocks of about 100. Default: `retention` for all. */
  readonly rules?: (channel: string) => ChannelRules;
  /** How many events every channel keeps, at least. Default: 10,000. */
  readonly retention?: number;
  /**
   * Redis deletes a channel after this time without a publish, in ms, so that channels that were used once do not fill the
   * database. Its readers get a gap `restarted`. Default: 30 days.
   */
  readonly maxIdleMs?: number;
  /** How long to wait for an answer, and for the acknowledgement of a subscription, in ms. Default: `answerWithinMs`. */
  readonly timeoutMs?: number;
  /** Measures the times that Redis names. Default: the real time. */
  readonly clock?: Pick<Clock, 'elapsed'>;
};

/** The REST API, by its URL and its standard token (a read-only token cannot append); or a Redis over TCP. */
type RedisEndpoint = { readonly url: string; readonly token: string } | { readonly address: RedisAddress };

const defaultMaxIdleMs = 30 * 86_400_000;

/**
 * Opens the log in Redis, over the REST API of Upstash or over TCP. Each `append`, `read` and `ends` is one command,
 * and is never retried here: an append without an answer may be stored, so only a publisher with a key can retry it.
 * If Redis refuses everything and names a time, as at the limit of its plan, the log asks it once after that time, for all.
 * Eviction must be off in the database (`noeviction`), because it would delete whole channels.
 * @throws FeedError `misconfigured` when the URL or the token is invalid.
 */
export function createRedisLog(options: RedisLogOptions): EventLog {
  const { retention = 10_000, rules = () => defaultRules(retention), maxIdleMs = defaultMaxIdleMs } = options;
  const { timeoutMs = answerWithinMs, clock = serverClock } = options;
  const breaker = createCircuitBreaker(clock, refusesAll);
  const transport =
    'address' in options
      ? createTcpTransport({ address: options.address, timeoutMs, breaker })
      : createRestTransport({ url: options.url, token: options.token, timeoutMs, breaker });
  const prefix = keyPrefix(transport.isCluster);
  return {
    kind: 'address' in options ? 'redis-tcp' : 'redis',
    append: (request) => appendToRedis(transport, request, { rules, maxIdleMs }),
    read: (channel, from, limit) => readFromRedis(transport, channel, from, limit),
    latest: (channel, afterSeq, limit) => latestFromRedis(transport, channel, afterSeq, limit),
    forget: (channel) => forgetInRedis(transport, channel),
    async ends(channels) {
      if (channels.length > 0) return endsFromRedis(transport, channels);
      await transport.ping();
      return new Map();
    },
    follow(channel, onSignal, signal) {
      const onSubscriptionSignal = (found: SubscriptionSignal) => {
        if (found.kind !== 'message') return onSignal(found);
        const announcement = readAnnouncement(found.text);
        onSignal(announcement === null ? { kind: 'unsure' } : { kind: 'events', ...announcement });
      };
      transport.subscribe(announcementChannel(channel, prefix), onSubscriptionSignal, signal);
    },
    mayEvict: transport.mayEvict,
    close: transport.close,
  };
}

/**
 * Stores a request in one command.
 * @throws FeedError `key-reused`, `channel-ended`, `rate-limited`, `too-many-subjects`, `log-unavailable`, `too-large`
 */
async function appendToRedis(
  transport: RedisTransport,
  { events, key, limits = [] }: AppendRequest,
  { rules, maxIdleMs }: AppendOptions,
): Promise<AppendResult> {
  const groups = Map.groupBy(events, (event) => event.channel);
  const channels = [...groups.keys()];
  const hasAttributes = events.some(({ attributes }) => attributes !== undefined);
  const script = appendScript(limits.length > 0, hasAttributes);
  const prefix = keyPrefix(transport.isCluster);
  const keys = channels.flatMap((channel) => channelKeys(channel, prefix));
  keys.push(...limits.map(({ name }) => rateKey(name, prefix)));
  if (key !== null) keys.push(recordKey(key.name, prefix));
  const record = [keyLifeMs, key?.fingerprint ?? '', announceCommand(transport.isCluster)];
  const args = [channels.length, limits.length, ...record].map(String);
  for (const limit of limits) {
    const { costMs, allowanceMs } = chargeOf(limit, events.length);
    args.push(String(costMs), String(allowanceMs));
  }
  for (const [channel, own] of groups) {
    const name = announcementChannel(channel, prefix);
    args.push(name, newEpoch(Math.random), ...channelArgs(own, rules(channel), maxIdleMs));
    if (hasAttributes) args.push(...subjectArgs(own, rules(channel)));
  }
  const answer = await transport.evaluate(script, keys, args);
  const [outcome, value = '', index = ''] = isTexts(answer) ? answer : [];
  switch (outcome) {
    case 'stored':
    case 'duplicate':
      return { ids: idsOf(events, channels, value), duplicate: outcome === 'duplicate' };
    case 'reused':
      throw keyReused();
    case 'ended':
    case 'full':
    case 'limited':
      throw toRefusal(outcome, value, {
        channel: channels[Number(index) - 1],
        limit: limits[Number(index) - 1],
        rules,
      });
  }
  throw unreadable();
}

type AppendOptions = { readonly rules: (channel: string) => ChannelRules; readonly maxIdleMs: number };

/** What the script must know of a channel: what it keeps, and the events of the request. */
function channelArgs(events: readonly NewEvent[], rules: ChannelRules, maxIdleMs: number): string[] {
  const { retentionEvents, retentionSeconds, expireAfterEndSeconds } = rules;
  const isEnd = events.at(-1)?.attributes?.end === true;
  const lifeMs = isEnd && expireAfterEndSeconds !== null ? expireAfterEndSeconds * 1_000 : maxIdleMs;
  const numbers = [retentionEvents, (retentionSeconds ?? 0) * 1_000, lifeMs, events.length];
  return [...numbers.map(String), ...events.map(writeEntry)];
}

/** What the script must know of the subjects of a channel: see `appendScript`. */
function subjectArgs(events: readonly NewEvent[], { maxSubjects }: ChannelRules): string[] {
  const subjects = lastOfEachSubject(events);
  const args = [maxSubjects, subjects.size].map(String);
  for (const [subject, event] of subjects) {
    const { remove, ttlMs = 0 } = event.attributes ?? {};
    args.push(subject, String(events.indexOf(event) + 1), remove ? '-1' : String(ttlMs));
  }
  return args;
}

/** The error for a refusal of the script: see `appendScript`. */
function toRefusal(
  outcome: 'ended' | 'full' | 'limited',
  value: string,
  of: {
    readonly channel: string | undefined;
    readonly limit: RateLimit | undefined;
    readonly rules: AppendOptions['rules'];
  },
): FeedError {
  const { channel, limit, rules } = of;
  if (outcome === 'limited' && limit !== undefined && Number(value) > 0)
    return rateLimited(limit, Number(value));
  if (outcome === 'ended' && channel !== undefined) return channelEnded(channel, toEventId(value));
  if (outcome === 'full' && channel !== undefined && Number(value) > 0)
    return tooManySubjects(channel, Number(value), rules(channel).maxSubjects);
  return unreadable();
}

/** The id of each event, from the first id of each channel: events of one channel in one request have neighbouring seqs. */
function idsOf(events: readonly NewEvent[], channels: readonly string[], text: string): EventId[] {
  const firsts = text.split(' ').map(toEventId);
  if (firsts.length !== channels.length) throw unreadable();
  const next = new Map(channels.map((channel, index) => [channel, firsts[index]]));
  return events.map(({ channel }) => {
    const id = next.get(channel);
    if (id === undefined) throw unreadable();
    next.set(channel, idAfter(id, 1));
    return id;
  });
}

/** @throws FeedError `log-unavailable`: an id in an answer of Redis is no fault of the caller. */
function toEventId(text: string): EventId {
  const id = readEventId(text);
  if (id === null || id.seq === 0) throw unreadable();
  return id;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Reads a page of a channel in one command. @throws FeedError `log-unavailable` */
async function readFromRedis(
  transport: RedisTransport,
  channel: string,
  from: ReadFrom,
  limit: number,
): Promise<LogPage> {
  const args = [String(readBudgetBytes), ...readArgs(from, limit)];
  const [page] = await readPages(transport, [channel], args, isNewestFirst(from));
  if (page === undefined) throw unreadable();
  return page;
}

/** Reads a page of a channel's state in one command. @throws FeedError `log-unavailable` */
async function latestFromRedis(
  transport: RedisTransport,
  channel: string,
  afterSeq: number,
  limit: number,
): Promise<LatestPage> {
  const keys = channelKeys(channel, keyPrefix(transport.isCluster));
  const answer = await transport.evaluate(latestScript, keys, [readBudgetBytes, afterSeq, limit].map(String));
  if (!isTexts(answer)) throw unreadable();
  const [epoch, first, last, ended, more, ...entries] = answer;
  if (epoch === undefined) return { state: null, events: [], more: false };
  if (more !== '' && more !== 'more') throw unreadable();
  return { state: toState(epoch, first, last, ended), events: toEvents(entries), more: more === 'more' };
}

/** Deletes a channel in one command. @throws FeedError `log-unavailable` */
async function forgetInRedis(transport: RedisTransport, channel: string): Promise<void> {
  const prefix = keyPrefix(transport.isCluster);
  const args = [announceCommand(transport.isCluster), announcementChannel(channel, prefix)];
  const answer = await transport.evaluate(forgetScript, channelKeys(channel, prefix), args);
  if (!isTexts(answer) || answer[0] !== 'forgotten') throw unreadable();
}

/** Reads the state of channels in one command. @throws FeedError `log-unavailable` */
async function endsFromRedis(
  transport: RedisTransport,
  channels: readonly string[],
): Promise<ReadonlyMap<string, LogState>> {
  const args = ['0', ...channels.flatMap(() => readArgs({ kind: 'newest' }, 0))];
  const pages = await readPages(transport, channels, args, false);
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

/** One page for each channel. */
async function readPages(
  transport: RedisTransport,
  channels: readonly string[],
  args: readonly string[],
  newestFirst: boolean,
): Promise<LogPage[]> {
  const prefix = keyPrefix(transport.isCluster);
  const keys = channels.map((channel) => streamKey(channel, prefix));
  const answer = await transport.evaluate(readScript, keys, args);
  if (!Array.isArray(answer) || answer.length !== channels.length) throw unreadable();
  return answer.map((page: unknown) => toPage(page, newestFirst));
}

/**
 * Reads a channel's part of an answer. An empty part means that the channel has no log: readers then get a gap. So a
 * malformed part must not look empty.
 */
function toPage(page: unknown, newestFirst: boolean): LogPage {
  if (!isTexts(page)) throw unreadable();
  const [epoch, first, last, ended, ...entries] = page;
  if (epoch === undefined) return { state: null, events: [] };
  const events = toEvents(entries);
  if (newestFirst) events.reverse();
  return { state: toState(epoch, first, last, ended), events };
}

function toState(
  epoch: string,
  first: string | undefined,
  last: string | undefined,
  ended: string | undefined,
): LogState {
  if (!isEpoch(epoch) || first === undefined || last === undefined) throw unreadable();
  if (ended !== '' && ended !== 'ended') throw unreadable();
  const state = { epoch, first: toEventId(first), last: toEventId(last) };
  return ended === 'ended' ? { ...state, ended: true } : state;
}

/** Events from ids and entries in turn. */
function toEvents(entries: readonly string[]): LogEvent[] {
  const events: LogEvent[] = [];
  for (let at = 0; at < entries.length; at += 2) {
    events.push(toEvent(toEventId(entries[at] ?? ''), entries[at + 1] ?? ''));
  }
  return events;
}

function toEvent(id: EventId, entry: string): LogEvent {
  try {
    return readEntry(id, entry);
  } catch {
    // The stream has an entry that this feed did not write; the parser's error would contain its text.
    throw unreadable();
  }
}
