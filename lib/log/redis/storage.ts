import { createHash } from 'node:crypto';
import { isEpoch } from '../../core/cursor.ts';
import { type EventId, idAfter, isName, isSubject, parseEventId } from '../../core/ids.ts';
import type { EventAttributes, LogEvent, NewEvent } from '../event-log.ts';

/*
 * The scripts of the Redis log, and the form of what they store. Each script is one atomic step, and is billed as one
 * command. The log sends them whole, by EVAL: EVALSHA needs a second round trip when the server has lost the script, and a
 * replica that lags may serve EVAL_RO. A script declares every key, because Upstash loads declared keys from its disk
 * before the script runs; it loads other keys while the whole database waits (Upstash's documentation, "Key-Based Locking").
 *
 * A channel has four keys (`channelKeys`):
 * 1. a stream with its events. Each entry has two fields, in this order: `epoch`, and `event` as JSON text.
 * 2. a hash with its state: subject → id of the latest event, a tab, and the event as in the stream.
 * 3. a sorted set with the same subjects; the score is the seq. It is the order of the state's pages.
 * 4. a sorted set with the subjects that expire; the score is the time, Unix time in ms.
 * The scripts only copy and join the JSON text: Lua's cjson would change numbers, slashes and empty arrays.
 */

/**
 * Whether an entry ends its channel: `writeEntry` puts `"end":true` directly before the data. No name contains a quote, so
 * the first `,"data":` is the entry's own.
 */
const defineIsEnd = `
local function isEnd(text)
  local dataAt = string.find(text, ',"data":', 1, true)
  return dataAt ~= nil and string.sub(text, dataAt - 11, dataAt - 1) == ',"end":true'
end
`;

/* The parts of `appendScript` for requests with rate limits. */
const checkLimits = `
local fullAt, longestWaitMs, limitIndex = {}, 0, 0
for l = 1, limits do
  local costMs, allowanceMs = tonumber(ARGV[4 + 2 * l]), tonumber(ARGV[5 + 2 * l])
  local storedFullAt = tonumber(redis.call('GET', KEYS[4 * channels + l]) or now) or now
  fullAt[l] = math.min(math.max(storedFullAt, now), now + allowanceMs) + costMs
  local waitMs = fullAt[l] - allowanceMs - now
  if waitMs > longestWaitMs then longestWaitMs, limitIndex = waitMs, l end
end
if limitIndex > 0 then return { 'limited', string.format('%.3f', longestWaitMs), tostring(limitIndex) } end
`;
const chargeLimits = `
for l, full in ipairs(fullAt) do
  local ttlMs = string.format('%.0f', math.ceil(full - now))
  redis.call('SET', KEYS[4 * channels + l], string.format('%.17g', full), 'PX', ttlMs)
end
`;

/* The parts for requests whose events have attributes. A log is one channel of the request. */
const checkSubjects = `
local function findExpired(log, most)
  return redis.call('ZRANGEBYSCORE', log.expiry, '-inf', string.format('%.0f', now), 'LIMIT', 0, most)
end
local function countSubjects(log)
  local count, added = redis.call('HLEN', log.latest), 0
  if log.seq == 0 then count = 0 end
  for s = 1, log.subjects do
    local subject, ttlMs = ARGV[log.lastArg + 3 * s], ARGV[log.lastArg + 3 * s + 2]
    local expiresAt = redis.call('ZSCORE', log.expiry, subject)
    local isThere = redis.call('ZSCORE', log.order, subject) and not (expiresAt and tonumber(expiresAt) <= now)
    if log.seq == 0 then isThere = false end
    if isThere and ttlMs == '-1' then count = count - 1 end
    if not isThere and ttlMs ~= '-1' then count, added = count + 1, added + 1 end
  end
  log.expired = log.seq == 0 and {} or findExpired(log, 20)
  if added == 0 or count <= log.maxSubjects then return 0 end
  log.expired = log.seq == 0 and {} or findExpired(log, 1000)
  return count - #log.expired
end
for c, log in ipairs(logs) do
  log.latest, log.order, log.expiry = KEYS[4 * c - 2], KEYS[4 * c - 1], KEYS[4 * c]
  if log.subjects > 0 then
    local count = countSubjects(log)
    if count > log.maxSubjects then return { 'full', string.format('%.0f', count), tostring(c) } end
  end
end
`;
const saveState = String.raw`
if log.subjects > 0 and #log.expired > 0 then
  redis.call('HDEL', log.latest, unpack(log.expired))
  redis.call('ZREM', log.order, unpack(log.expired))
  redis.call('ZREM', log.expiry, unpack(log.expired))
end
for s = 1, log.subjects do
  local arg = log.lastArg + 3 * s
  local subject, number, ttlMs = ARGV[arg], tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  if ttlMs == -1 then
    redis.call('HDEL', log.latest, subject)
    redis.call('ZREM', log.order, subject)
  else
    local seq = string.format('%.0f', log.seq + number)
    local id = string.format('%.0f', log.time) .. '-' .. seq
    redis.call('HSET', log.latest, subject, id .. '\t' .. ARGV[log.firstArg + number - 1])
    redis.call('ZADD', log.order, seq, subject)
  end
  if ttlMs > 0 then redis.call('ZADD', log.expiry, string.format('%.0f', log.time + ttlMs), subject)
  else redis.call('ZREM', log.expiry, subject) end
end
local isLast = isEnd(ARGV[log.lastArg])
`;

/**
 * Stores all events of a request, or none.
 *
 * KEYS: the four keys of each channel; the key of each rate limit; the record of the idempotency key, if there is one.
 *
 * ARGV: number of channels, number of limits, how long the record lives in ms, fingerprint, the command that announces; for
 * each limit its cost and allowance in ms (see `chargeLimit` in `lib/log/rate-limit.ts`); for each channel:
 * - the pub/sub channel of its announcements, the epoch to use if it has none, retention, the age in ms from which on its events
 *   are removed (0: none is), how long it lives from now in ms, the number of events, the events;
 * - with attributes only: the most subjects, the number of subjects in this request; for each subject its name, the number of its
 *   last event in this request, from 1, and for how long this event counts in ms (0: always; -1: it removes the subject).
 *
 * Returns `stored`, `duplicate` or `reused`, and the first id of each channel, separated by spaces. Or it returns the reason of
 * a refusal, a value, and the number of the channel or limit, from 1: `ended` and the last id of the channel, `limited` and the
 * ms until the request fits, `full` and the number of subjects that the channel would have.
 *
 * - The script reads everything that can fail because of the content of a key before its first write, because Redis does
 *   not undo. Redis checks its memory at the first write only, so it refuses that write, and nothing is stored.
 * - A stream without entries has lost its epoch, but remembers its last id and would refuse the lower ids of a new epoch. So
 *   the script deletes it, and with it the state, which is that of the lost epoch.
 * - The state must not expire before the stream, but plain events must cost no more than they did before there was a state. So
 *   the state lives an hour longer than the stream, and plain events prolong its life only when a new hour has begun.
 * - Redis hashes the text of a script at each EVAL. So the script has no indentation, and no part that the request does not need.
 * - `%.0f`, because Lua writes large numbers as 1.7e+12.
 * @param hasLimits whether the request has rate limits.
 * @param hasAttributes whether an event of the request has attributes.
 */
export function appendScript(hasLimits: boolean, hasAttributes: boolean): string {
  const scripts = appendScripts[hasLimits ? 'limited' : 'free'];
  return hasAttributes ? scripts.withAttributes : scripts.plain;
}

function buildAppendScript(hasLimits: boolean, hasAttributes: boolean): string {
  const ifAttributes = (part: string) => (hasAttributes ? part : '');
  return withoutIndentation(String.raw`${defineIsEnd}
local channels, limits = tonumber(ARGV[1]), tonumber(ARGV[2])
local record = KEYS[4 * channels + limits + 1]
if record then
  local known = redis.call('GET', record)
  if known then
    local ids, fingerprint = string.match(known, '^([^\n]*)\n(.*)$')
    if fingerprint ~= ARGV[4] then return { 'reused', '' } end
    return { 'duplicate', ids }
  end
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local logs, arg = {}, 6 + 2 * limits
for c = 1, channels do
  local stream, lastArg = KEYS[4 * c - 3], arg + 5 + ARGV[arg + 5]
  local log = { arg = arg, firstArg = arg + 6, lastArg = lastArg, epoch = ARGV[arg + 1], time = now, seq = 0 }
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if last then
    if isEnd(last[2][4]) then return { 'ended', last[1], tostring(c) } end
    local time, seq = string.match(last[1], '^(%d+)-(%d+)$')
    log.time, log.seq, log.epoch = math.max(now, tonumber(time)), tonumber(seq), last[2][2]
    log.isNewHour = math.floor(time / 3600000) ~= math.floor(now / 3600000)
  else
    log.hasRemains = redis.call('EXISTS', stream, KEYS[4 * c - 2], KEYS[4 * c - 1], KEYS[4 * c]) > 0
  end
  logs[c], arg = log, lastArg + 1
  ${ifAttributes(`log.maxSubjects, log.subjects = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  arg = arg + 2 + 3 * log.subjects`)}
end
${hasLimits ? checkLimits : ''}
${ifAttributes(checkSubjects)}
local ids = {}
for c, log in ipairs(logs) do
  local stream, maxAgeMs, lifeMs = KEYS[4 * c - 3], ARGV[log.arg + 3], ARGV[log.arg + 4]
  if log.hasRemains then redis.call('DEL', stream, KEYS[4 * c - 2], KEYS[4 * c - 1], KEYS[4 * c]) end
  for e = log.firstArg, log.lastArg do
    local id = string.format('%.0f-%.0f', log.time, log.seq + 1 + e - log.firstArg)
    redis.call('XADD', stream, id, 'epoch', log.epoch, 'event', ARGV[e])
    ids[c] = ids[c] or id
  end
  redis.call('XTRIM', stream, 'MAXLEN', '~', ARGV[log.arg + 2])
  if maxAgeMs ~= '0' then redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f', now - maxAgeMs)) end
  redis.call('PEXPIRE', stream, lifeMs)
  ${ifAttributes(saveState)}
  if ${hasAttributes ? 'true' : 'log.isNewHour'} then
    local stateLifeMs = ${hasAttributes ? 'isLast and lifeMs or ' : ''}string.format('%.0f', lifeMs + 3600000)
    for k = 4 * c - 2, 4 * c do redis.call('PEXPIRE', KEYS[k], stateLifeMs) end
  end
end
local answer = table.concat(ids, ' ')
if record then redis.call('SET', record, answer .. '\n' .. ARGV[4], 'PX', ARGV[3]) end
${hasLimits ? chargeLimits : ''}
for c, log in ipairs(logs) do
  local events = table.concat(ARGV, '\t', log.firstArg, log.lastArg)
  redis.call(ARGV[5], ARGV[log.arg], log.epoch .. '\t' .. ids[c] .. '\t' .. events)
end
return { 'stored', answer }
`);
}

function withoutIndentation(script: string): string {
  return script.replace(/\n\s+/g, '\n');
}

const appendScripts = {
  free: { plain: buildAppendScript(false, false), withAttributes: buildAppendScript(false, true) },
  limited: { plain: buildAppendScript(true, false), withAttributes: buildAppendScript(true, true) },
};

/**
 * Reads the state of channels, and events of each.
 *
 * KEYS: the stream of each channel.
 *
 * ARGV: the most bytes of events to return; for each channel the mode (`after`, `before`, `newest`, `last` or `since`), its
 * id, count or age in ms (`-` if it has none), and the limit.
 *
 * Returns for each channel an empty list if it has no events; otherwise epoch, first id, last id, `ended` or an empty text, then
 * id and event of each event; newest first for `before` and `newest`.
 *
 * - Upstash limits the size of an answer (1 MB on its older plans). So a page ends early when its bytes are used up, but
 *   never before its first event. The script reads in portions, so that Redis does not hold a page of large events whole.
 * - `last` knows the seq of its first event, but a stream is indexed by time. `placeOf` finds the time by binary search: the
 *   event is at the latest time from which on the first entry does not exceed its seq.
 */
export const readScript = withoutIndentation(`${defineIsEnd}
local budget = tonumber(ARGV[1])
local function take(page, command, key, startId, endId, limit)
  while limit > 0 do
    local portion = math.min(limit, 50)
    local entries = redis.call(command, key, startId, endId, 'COUNT', portion)
    for _, entry in ipairs(entries) do
      budget = budget - #entry[2][4]
      if budget < 0 and #page > 4 then return end
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
    page = { last[2][2], first[1], last[1], isEnd(last[2][4]) and 'ended' or '' }
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
`);

/**
 * Reads a page of a channel's state.
 *
 * KEYS: the four keys of the channel.
 *
 * ARGV: the most bytes of events to return, the seq after which the page begins, the limit.
 *
 * Returns an empty list if the channel has no events; otherwise epoch, first id, last id, `ended` or an empty text, `more` or an
 * empty text, then id and event of each subject, in the order of their seqs.
 */
export const latestScript = withoutIndentation(String.raw`${defineIsEnd}
local stream, latest, order, expiry = unpack(KEYS)
local budget, afterSeq, limit = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
if not first then return {} end
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
local page = { last[2][2], first[1], last[1], isEnd(last[2][4]) and 'ended' or '', '' }
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local canExpire = redis.call('EXISTS', expiry) == 1
local function isExpired(subject)
  local expiresAt = canExpire and redis.call('ZSCORE', expiry, subject)
  return expiresAt and tonumber(expiresAt) <= now
end
while true do
  local subjects = redis.call('ZRANGEBYSCORE', order, '(' .. afterSeq, '+inf', 'LIMIT', 0, 50)
  if #subjects == 0 then return page end
  for s, value in ipairs(redis.call('HMGET', latest, unpack(subjects))) do
    local id, seq, event = string.match(value, '^(%d+%-(%d+))\t(.*)$')
    afterSeq = seq
    if not isExpired(subjects[s]) then
      budget = budget - #event
      if limit == 0 or (budget < 0 and #page > 5) then
        page[5] = 'more'
        return page
      end
      limit = limit - 1
      page[#page + 1] = id
      page[#page + 1] = event
    end
  end
end
`);

/**
 * Deletes a channel.
 *
 * KEYS: the four keys of the channel. ARGV: the command that announces, the pub/sub channel of its announcements.
 *
 * It publishes a text that is no announcement. Each follower then reads the channel, and finds that it is gone.
 */
export const forgetScript = `
redis.call('DEL', unpack(KEYS))
redis.call(ARGV[1], ARGV[2], 'forgotten')
return { 'forgotten' }
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

/** The four keys of a channel, in the order in which the scripts want them: stream, state, order and expiry of its subjects. */
export function channelKeys(channel: string, prefix: KeyPrefix = 'steadfeed'): string[] {
  const ofState = ['latest', 'order', 'expiry'].map((part) => `${prefix}:${part}:${channel}`);
  return [streamKey(channel, prefix), ...ofState];
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

/**
 * Writes an event as text, the form in which it is stored and announced. Names and subjects need no escaping: see `isName`.
 * `end` must stay directly before the data, where the scripts look for it.
 */
export function writeEntry({ type, data, attributes }: Omit<NewEvent, 'channel'>): string {
  return `{"type":"${type}"${attributes === undefined ? '' : writeAttributes(attributes)},"data":${data}}`;
}

function writeAttributes({ subject, remove, ttlMs, end }: EventAttributes): string {
  return [
    subject === undefined ? '' : `,"subject":"${subject}"`,
    remove ? ',"remove":true' : '',
    ttlMs === undefined ? '' : `,"ttl":${ttlMs}`,
    end ? ',"end":true' : '',
  ].join('');
}

const dataMember = ',"data":';
const entryHead =
  /^\{"type":"([^"\\]+)"(?:,"subject":"([^"\\]+)")?(,"remove":true)?(?:,"ttl":([1-9]\d{0,15}))?(,"end":true)?$/;

/** Reads what `writeEntry` wrote. It cuts the data out and does not parse it. @throws Error on any other text. */
export function readEntry(id: EventId, text: string): LogEvent {
  const dataAt = text.indexOf(dataMember);
  const [, type, subject, remove, ttl, end] = entryHead.exec(text.slice(0, Math.max(0, dataAt))) ?? [];
  const data = text.slice(dataAt + dataMember.length, -1);
  const isWhole = isName(type) && data !== '' && text.endsWith('}');
  if (!isWhole || !(subject === undefined || isSubject(subject))) throw new Error('an entry is not an event');
  if (subject === undefined && end === undefined) return { id, type, data };
  const attributes: EventAttributes = {
    ...(subject === undefined ? {} : { subject }),
    ...(remove === undefined ? {} : { remove: true }),
    ...(ttl === undefined ? {} : { ttlMs: Number(ttl) }),
    ...(end === undefined ? {} : { end: true }),
  };
  return { id, type, data, attributes };
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
