import { createHash } from 'node:crypto';
import { isEpoch } from '../../core/cursor.ts';
import { type EventId, idAfter, isName, parseEventId } from '../../core/ids.ts';
import type { LogEvent, NewEvent } from '../event-log.ts';

/*
 * The two scripts of the Redis log, and the form of what they store. Each script is one atomic step, and is billed as one
 * command. The log sends them whole, by EVAL: EVALSHA needs a second round trip when the server has lost the script, and a
 * replica that lags may serve EVAL_RO. A script declares every key, because Upstash loads declared keys from its disk
 * before the script runs; it loads other keys while the whole database waits (Upstash's documentation, "Key-Based Locking").
 *
 * A channel is a Redis stream. Each entry has two fields, in this order: `epoch`, and `event` as JSON text. The scripts only
 * copy and join that text: Lua's cjson would change numbers, slashes and empty arrays.
 */

/**
 * Stores all events of a request, or none.
 *
 * KEYS: the stream of each channel; the key of each rate limit; the record of the idempotency key, if there is one.
 *
 * ARGV: number of channels, number of limits, retention, how long a channel without a publish lives in ms, how long the
 * record lives in ms, fingerprint, the command that announces; for each limit its cost and allowance in ms (see `chargeLimit` in
 * `lib/log/rate-limit.ts`); for each channel the pub/sub channel of its announcements, the epoch to use if the channel has
 * none, the number of its events, the events.
 *
 * Returns `stored`, `duplicate` or `reused`, and the first id of each channel, separated by spaces. Or returns `limited`, the
 * ms until the request fits, and the number of the limit that it exceeds, from 1.
 *
 * - The script reads everything that can fail because of the content of a key before its first write, because Redis does
 *   not undo. Redis checks its memory at the first write only, so it refuses that write, and nothing is stored.
 * - A stream without entries has lost its epoch, but remembers its last id and would refuse the lower ids of a new epoch. So
 *   the script deletes it.
 * - `%.0f`, because Lua writes large numbers as 1.7e+12.
 */
export const appendScript = String.raw`
local channels, limits = tonumber(ARGV[1]), tonumber(ARGV[2])
local record = KEYS[channels + limits + 1]
if record then
  local known = redis.call('GET', record)
  if known then
    local ids, fingerprint = string.match(known, '^([^\n]*)\n(.*)$')
    if fingerprint ~= ARGV[6] then return { 'reused', '' } end
    return { 'duplicate', ids }
  end
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local argIndex, fullAt, longestWaitMs, limitIndex = 8, {}, 0, 0
for l = 1, limits do
  local costMs, allowanceMs = tonumber(ARGV[argIndex]), tonumber(ARGV[argIndex + 1])
  local storedFullAt = tonumber(redis.call('GET', KEYS[channels + l]) or now) or now
  fullAt[l] = math.min(math.max(storedFullAt, now), now + allowanceMs) + costMs
  local waitMs = fullAt[l] - allowanceMs - now
  if waitMs > longestWaitMs then longestWaitMs, limitIndex = waitMs, l end
  argIndex = argIndex + 2
end
if limitIndex > 0 then return { 'limited', string.format('%.3f', longestWaitMs), tostring(limitIndex) } end
local logs = {}
for c = 1, channels do
  local log = { pubsubChannel = ARGV[argIndex], epoch = ARGV[argIndex + 1], time = now, seq = 0 }
  log.firstArg, log.lastArg = argIndex + 3, argIndex + 2 + ARGV[argIndex + 2]
  local last = redis.call('XREVRANGE', KEYS[c], '+', '-', 'COUNT', 1)[1]
  if last then
    local time, seq = string.match(last[1], '^(%d+)-(%d+)$')
    log.time, log.seq, log.epoch = math.max(now, tonumber(time)), tonumber(seq), last[2][2]
  else
    log.isEmptyKey = redis.call('EXISTS', KEYS[c]) == 1
  end
  logs[c], argIndex = log, log.lastArg + 1
end
local ids = {}
for c, log in ipairs(logs) do
  if log.isEmptyKey then redis.call('DEL', KEYS[c]) end
  for e = log.firstArg, log.lastArg do
    local id = string.format('%.0f-%.0f', log.time, log.seq + 1 + e - log.firstArg)
    redis.call('XADD', KEYS[c], id, 'epoch', log.epoch, 'event', ARGV[e])
    ids[c] = ids[c] or id
  end
  redis.call('XTRIM', KEYS[c], 'MAXLEN', '~', ARGV[3])
  redis.call('PEXPIRE', KEYS[c], ARGV[4])
end
local answer = table.concat(ids, ' ')
if record then redis.call('SET', record, answer .. '\n' .. ARGV[6], 'PX', ARGV[5]) end
for l, full in ipairs(fullAt) do
  local ttlMs = string.format('%.0f', math.ceil(full - now))
  redis.call('SET', KEYS[channels + l], string.format('%.17g', full), 'PX', ttlMs)
end
for c, log in ipairs(logs) do
  local events = table.concat(ARGV, '\t', log.firstArg, log.lastArg)
  redis.call(ARGV[7], log.pubsubChannel, log.epoch .. '\t' .. ids[c] .. '\t' .. events)
end
return { 'stored', answer }
`;

/**
 * Reads the state of channels, and events of each.
 *
 * KEYS: the stream of each channel.
 *
 * ARGV: the most bytes of events to return; for each channel the mode (`after`, `before`, `newest`, `last` or `since`), its
 * id, count or age in ms (`-` if it has none), and the limit.
 *
 * Returns for each channel an empty list if it has no events; otherwise epoch, first id, last id, then id and event of each
 * event; newest first for `before` and `newest`.
 *
 * - Upstash limits the size of an answer (1 MB on its older plans). So a page ends early when its bytes are used up, but
 *   never before its first event. The script reads in portions, so that Redis does not hold a page of large events whole.
 * - `last` knows the seq of its first event, but a stream is indexed by time. `placeOf` finds the time by binary search: the
 *   event is at the latest time from which on the first entry does not exceed its seq.
 */
export const readScript = `
local budget = tonumber(ARGV[1])
local function take(page, command, key, startId, endId, limit)
  while limit > 0 do
    local portion = math.min(limit, 50)
    local entries = redis.call(command, key, startId, endId, 'COUNT', portion)
    for _, entry in ipairs(entries) do
      budget = budget - #entry[2][4]
      if budget < 0 and #page > 3 then return end
      page[#page + 1] = entry[1]
      page[#page + 1] = entry[2][4]
      startId = '(' .. entry[1]
    end
    if #entries < portion then return end
    limit = limit - portion
  end
end
local function parts(id)
  local time, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(time), tonumber(seq)
end
local function placeOf(key, first, last, count)
  local earliest, firstSeq = parts(first)
  local latest, lastSeq = parts(last)
  local wanted = math.max(firstSeq, lastSeq - count + 1)
  while earliest < latest do
    local middle = math.floor((earliest + latest + 1) / 2)
    local found = redis.call('XRANGE', key, string.format('%.0f-0', middle), '+', 'COUNT', 1)[1]
    local time, seq = parts(found[1])
    if seq > wanted then latest = middle - 1 else earliest = time end
  end
  return string.format('%.0f-%.0f', earliest, wanted)
end
local answer = {}
for c, key in ipairs(KEYS) do
  local mode, place, limit = ARGV[3 * c - 1], ARGV[3 * c], tonumber(ARGV[3 * c + 1])
  local page = {}
  local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
  if first then
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    page = { last[2][2], first[1], last[1] }
    if mode == 'after' then
      take(page, 'XRANGE', key, '(' .. place, '+', limit)
    elseif mode == 'before' then
      take(page, 'XREVRANGE', key, '(' .. place, '-', limit)
    elseif mode == 'newest' then
      take(page, 'XREVRANGE', key, '+', '-', limit)
    elseif mode == 'last' then
      take(page, 'XRANGE', key, placeOf(key, first[1], last[1], place), '+', limit)
    else
      local clock = redis.call('TIME')
      local oldest = math.max(0, clock[1] * 1000 + math.floor(clock[2] / 1000) - place)
      take(page, 'XRANGE', key, string.format('%.0f-0', oldest), '+', limit)
    end
  end
  answer[c] = page
end
return answer
`;

/**
 * How the keys and the pub/sub channels of the feed begin. In a cluster they have one hash tag, so that they are all on one
 * node: a request to several channels, its rate limits and its idempotency key are one atomic step there too.
 */
type KeyPrefix = 'steadfeed' | '{steadfeed}';

/** The prefix for a Redis that is a cluster, or not. */
export function keyPrefix(isCluster: boolean): KeyPrefix {
  return isCluster ? '{steadfeed}' : 'steadfeed';
}

/**
 * The command that announces. In a cluster `PUBLISH` would send each announcement to every node; `SPUBLISH`, of Redis 7.0,
 * keeps it on the node that holds the feed.
 */
export function announceCommand(isCluster: boolean): 'PUBLISH' | 'SPUBLISH' {
  return isCluster ? 'SPUBLISH' : 'PUBLISH';
}

/** The key of the stream that holds a channel. */
export function streamKey(channel: string, prefix: KeyPrefix = 'steadfeed'): string {
  return `${prefix}:log:${channel}`;
}

/** The key of an idempotency key's record. The name is hashed, so that its length is limited and Redis does not store it. */
export function recordKey(name: string, prefix: KeyPrefix = 'steadfeed'): string {
  return `${prefix}:key:${createHash('sha256').update(name).digest('hex')}`;
}

/** The key of the number that is stored for a rate limit's name. */
export function rateKey(name: string, prefix: KeyPrefix = 'steadfeed'): string {
  return `${prefix}:rate:${name}`;
}

/** A key that is never set. A request for it shows whether the node that holds the feed answers. */
export function probeKey(isCluster: boolean): string {
  return `${keyPrefix(isCluster)}:probe`;
}

/** The pub/sub channel on which the new events of a channel are announced. */
export function announcementChannel(channel: string, prefix: KeyPrefix = 'steadfeed'): string {
  return `${prefix}:${channel}`;
}

/** Writes an event as text, the form in which it is stored and announced. A type needs no escaping: see `isName`. */
export function writeEntry({ type, data }: NewEvent): string {
  return `{"type":"${type}","data":${data}}`;
}

const entryPattern = /^\{"type":"([^"\\]+)","data":([\s\S]+)\}$/;

/** Reads what `writeEntry` wrote. It cuts the data out and does not parse it. @throws Error on any other text. */
export function readEntry(id: EventId, text: string): LogEvent {
  const [, type, data] = entryPattern.exec(text) ?? [];
  if (!isName(type) || data === undefined) throw new Error('an entry is not an event');
  return { id, type, data };
}

/** The announced events of one append. */
export type AnnouncedEvents = { readonly epoch: string; readonly events: readonly LogEvent[] };

/**
 * Reads an announcement: epoch, id of the first event, and each entry, separated by tabs. No entry contains a tab, because
 * JSON escapes it; so nothing needs to be parsed and written again, which would reorder keys. Returns null for a text that
 * is not an announcement: everybody with the token may publish on the channel.
 */
export function readAnnouncement(text: string): AnnouncedEvents | null {
  const [epoch = '', id = '', ...entries] = text.split('\t');
  if (!isEpoch(epoch) || entries.length === 0) return null;
  try {
    const first = parseEventId(id, 'id');
    return { epoch, events: entries.map((entry, index) => readEntry(idAfter(first, index), entry)) };
  } catch {
    return null;
  }
}
