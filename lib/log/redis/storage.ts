import { createHash } from 'node:crypto';
import { isEpoch } from '../../core/cursor.ts';
import { type EventId, idAfter, isName, parseEventId } from '../../core/ids.ts';
import type { LogEvent, NewEvent } from '../event-log.ts';

/*
 * The two scripts of the Redis log. Each is one atomic step and is billed as one command. They are sent whole, by
 * EVAL: EVALSHA would need a second round trip on a server that has forgotten them, and EVAL_RO may be served by
 * a replica that lags. Every key is declared, because the service loads declared keys from its disk ahead of the
 * script, and others inside it, with the whole database waiting (its documentation, "Key-Based Locking").
 *
 * A channel is a stream whose entries have two fields, in this order: `epoch`, and `event` as JSON text. That
 * text is only ever moved and joined: Lua's cjson changes numbers, slashes and empty arrays.
 */

/**
 * Stores the events of a request, all or none.
 *
 * KEYS: the stream of each channel; the time at which each limit is full again; then the idempotency record, where
 * the request has a key.
 * ARGV: number of channels, number of limits, retention, how long in ms a channel lives to which nothing is published,
 * life of the record in ms, fingerprint; for each limit: what the request costs and what is allowed, in ms (see `chargeLimit`); then for each channel: where it is announced, the
 * epoch to use if there is no log, the number of its events, the events.
 * Answers `stored`, `duplicate` or `reused`, and the first id of each channel, parted by blanks; or `limited`, the ms
 * until the request would fit, and which limit it is beyond, from 1.
 *
 * Everything that can fail by what a key holds is read ahead of the first write: Redis does not undo. Memory is
 * checked by Redis at the first write only, which so is refused with nothing stored.
 * A stream without entries has lost its epoch and yet remembers its last id, which would hold back a new
 * epoch's: it is deleted. `%.0f`, because Lua writes large numbers as 1.7e+12.
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
local at, fullAt, longest, beyond = 7, {}, 0, 0
for l = 1, limits do
  local cost, allowance = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local from = tonumber(redis.call('GET', KEYS[channels + l]) or now) or now
  fullAt[l] = math.min(math.max(from, now), now + allowance) + cost
  local wait = fullAt[l] - allowance - now
  if wait > longest then longest, beyond = wait, l end
  at = at + 2
end
if beyond > 0 then return { 'limited', string.format('%.3f', longest), tostring(beyond) } end
local logs = {}
for c = 1, channels do
  local log = { to = ARGV[at], epoch = ARGV[at + 1], from = at + 3, upto = at + 2 + ARGV[at + 2], time = now, seq = 0 }
  local last = redis.call('XREVRANGE', KEYS[c], '+', '-', 'COUNT', 1)[1]
  if last then
    local time, seq = string.match(last[1], '^(%d+)-(%d+)$')
    log.time, log.seq, log.epoch = math.max(now, tonumber(time)), tonumber(seq), last[2][2]
  else
    log.left = redis.call('EXISTS', KEYS[c]) == 1
  end
  logs[c], at = log, log.upto + 1
end
local ids = {}
for c, log in ipairs(logs) do
  if log.left then redis.call('DEL', KEYS[c]) end
  for e = log.from, log.upto do
    local id = string.format('%.0f-%.0f', log.time, log.seq + 1 + e - log.from)
    redis.call('XADD', KEYS[c], id, 'epoch', log.epoch, 'event', ARGV[e])
    ids[c] = ids[c] or id
  end
  redis.call('XTRIM', KEYS[c], 'MAXLEN', '~', ARGV[3])
  redis.call('PEXPIRE', KEYS[c], ARGV[4])
end
local answer = table.concat(ids, ' ')
if record then redis.call('SET', record, answer .. '\n' .. ARGV[6], 'PX', ARGV[5]) end
for l, full in ipairs(fullAt) do
  local left = string.format('%.0f', math.ceil(full - now))
  redis.call('SET', KEYS[channels + l], string.format('%.17g', full), 'PX', left)
end
for c, log in ipairs(logs) do
  local events = table.concat(ARGV, '\t', log.from, log.upto)
  redis.call('PUBLISH', log.to, log.epoch .. '\t' .. ids[c] .. '\t' .. events)
end
return { 'stored', answer }
`;

/**
 * Reads the state of channels, and events of each.
 *
 * KEYS: the stream of each channel. ARGV: most bytes of events to answer with; then for each channel: `after`,
 * `before`, `newest`, `last` or `since`, the id, the count or the age in ms (`-` where there is none), the limit.
 * Answers for each channel nothing, where it keeps nothing, or: epoch, first id, last id, then id and event
 * by turns; the newest first for `before` and `newest`.
 *
 * The service limits the size of an answer as it does a request's (1 MB on its older plans): a page ends early
 * when the budget is used up, but never ahead of its first event. Taken in portions, so that a page of large
 * events is not held in the server's memory whole.
 *
 * An entry is found by its seq through its time, of which Redis has an index: `placeOf` halves the time between the
 * first and the last. The entry lies at the latest time from which on the first entry is not beyond its seq.
 */
export const readScript = `
local budget = tonumber(ARGV[1])
local function take(page, command, key, from, to, limit)
  while limit > 0 do
    local portion = math.min(limit, 50)
    local entries = redis.call(command, key, from, to, 'COUNT', portion)
    for _, entry in ipairs(entries) do
      budget = budget - #entry[2][4]
      if budget < 0 and #page > 3 then return end
      page[#page + 1] = entry[1]
      page[#page + 1] = entry[2][4]
      from = '(' .. entry[1]
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
  local from, firstSeq = parts(first)
  local upto, lastSeq = parts(last)
  local wanted = math.max(firstSeq, lastSeq - count + 1)
  while from < upto do
    local middle = math.floor((from + upto + 1) / 2)
    local found = redis.call('XRANGE', key, string.format('%.0f-0', middle), '+', 'COUNT', 1)[1]
    local time, seq = parts(found[1])
    if seq > wanted then upto = middle - 1 else from = time end
  end
  return string.format('%.0f-%.0f', from, wanted)
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

/** The stream that holds a channel. */
export function streamKey(channel: string): string {
  return `steadfeed:log:${channel}`;
}

/** The record of an idempotency key; hashed, so that its length is bounded and what a publisher wrote is not kept. */
export function recordKey(name: string): string {
  return `steadfeed:key:${createHash('sha256').update(name).digest('hex')}`;
}

/** The number kept of a rate limit's name. */
export function rateKey(name: string): string {
  return `steadfeed:rate:${name}`;
}

/** The pub/sub channel on which a channel's new events are announced. */
export function announcementsOf(channel: string): string {
  return `steadfeed:${channel}`;
}

/** An event as text, the form in which it is stored and announced. A type needs no escaping: see `isName`. */
export function writeEntry({ type, data }: NewEvent): string {
  return `{"type":"${type}","data":${data}}`;
}

const entryPattern = /^\{"type":"([^"\\]+)","data":(.+)\}$/s;

/** Reads what `writeEntry` wrote; the data are cut out, not parsed. @throws Error on any other text. */
export function readEntry(id: EventId, text: string): LogEvent {
  const [, type, data] = entryPattern.exec(text) ?? [];
  if (!isName(type) || data === undefined) throw new Error('an entry is not an event');
  return { id, type, data };
}

/** New events of one append, as they are announced. */
export type Announcement = { readonly epoch: string; readonly events: readonly LogEvent[] };

/**
 * Reads an announcement, `<epoch> <id of the first> <entry> <entry> …`, parted by tabs; null where it is none. No
 * entry holds a tab: JSON escapes it. So nothing is parsed and written anew, which would also reorder keys.
 */
export function readAnnouncement(text: string): Announcement | null {
  const [epoch = '', id = '', ...entries] = text.split('\t');
  if (!isEpoch(epoch) || entries.length === 0) return null;
  try {
    const first = parseEventId(id, 'id');
    return { epoch, events: entries.map((entry, index) => readEntry(idAfter(first, index), entry)) };
  } catch {
    // Anybody with the token may publish on the channel. A text that cannot be read is told as `unsure` by the caller.
    return null;
  }
}
