import type { FeedError } from '../../core/feed-error.ts';
import type { RedisAddress } from '../../core/redis-address.ts';
import { missingRights, toFeedError } from './failures.ts';

/*
 * What a new connection does before a call uses it. The driver has a handshake of its own, which goes on after refusals: after
 * a refused SELECT it would store the feed in another database.
 */

/** Sends one command. */
type Call = (command: string, ...args: readonly string[]) => Promise<unknown>;

/** An error that Redis itself has answered. */
export function isReply(error: unknown): error is Error & { readonly command?: { readonly name: string } } {
  return error instanceof Error && error.name === 'ReplyError';
}

/** As `toFeedError`; the error for a missing right names the command. */
export function failureOf(error: unknown): FeedError {
  const name = isReply(error) && error.message.startsWith('NOPERM') ? error.command?.name : undefined;
  return typeof name === 'string' ? missingRights([name.toUpperCase()]) : toFeedError(error);
}

/** Logs in, selects the database, and makes sure that what Sentinels have named is a primary. @throws as each of them. */
export async function shakeHands(call: Call, address: RedisAddress): Promise<void> {
  await logIn(call, address);
  if (address.kind === 'sentinel') await checkRole(call);
}

/** Logs in and selects the database. @throws the refusal of Redis, or the driver's error. */
async function logIn(call: Call, address: RedisAddress): Promise<void> {
  const { username, password, database } = address;
  // All are sent at once: one round trip.
  const steps: Promise<unknown>[] = [];
  if (password !== null) {
    const login = username === null ? [password] : [username, password];
    steps.push(call('AUTH', ...login).catch(allowUnneededPassword));
  }
  if (database !== 0) steps.push(call('SELECT', String(database)));
  steps.push(call('CLIENT', 'SETNAME', 'steadfeed').catch(allowNoName));
  await Promise.all(steps);
}

/** A server without a password accepts everybody. */
function allowUnneededPassword(error: unknown): void {
  if (!(isReply(error) && /without any password configured/.test(error.message))) throw error;
}

/** The name is for those who list the connections. A user may lack the right to give it. */
function allowNoName(error: unknown): void {
  if (!(isReply(error) && /^(NOPERM|ERR unknown)\b/.test(error.message))) throw error;
}

/**
 * Makes sure that a server is a primary: a Sentinel can still name one that has become a replica.
 * @throws what a replica answers to a write; the refusal of Redis; or the driver's error.
 */
async function checkRole(call: Call): Promise<void> {
  const info = await call('INFO', 'replication');
  if (/^role:slave\b/m.test(String(info))) {
    throw Object.assign(new Error('READONLY'), { name: 'ReplyError' });
  }
}

/**
 * Tries every command that the scripts of the log use, by a call that changes nothing because its key is never set. If Redis
 * refused a command to a script that has already stored events, it would not undo that.
 *
 * KEYS: a key that is never set. ARGV: the command that announces. Returns the names of the commands that the user may not
 * run with this key, or on the pub/sub channel of the same name. Any other error is left to the call that meets it: a Redis
 * that is full, or a replica, refuses writes only.
 */
export const trialScript = `
local missing = {}
local function try(name, ...)
  local answer = redis.pcall(name, ...)
  local text = type(answer) == 'table' and answer.err or ''
  for _, denial in ipairs({ 'NOPERM', 'ACL failure', 'user executing the script' }) do
    if string.find(text, denial, 1, true) then
      missing[#missing + 1] = name
      return
    end
  end
end
try(ARGV[1], KEYS[1], '')
try('TIME')
try('EXISTS', KEYS[1])
try('GET', KEYS[1])
try('SET', KEYS[1], '', 'XX', 'PX', 1)
try('DEL', KEYS[1])
try('PEXPIRE', KEYS[1], 1)
try('XADD', KEYS[1], 'NOMKSTREAM', '0-1', 'field', 'value')
try('XTRIM', KEYS[1], 'MAXLEN', '~', 1)
try('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
try('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
-- The value of the second field is missing, so that nothing is set.
try('HSET', KEYS[1], 'field', 'value', 'field')
try('HDEL', KEYS[1], 'field')
try('HLEN', KEYS[1])
try('HMGET', KEYS[1], 'field')
try('ZADD', KEYS[1], 'XX', 0, 'member')
try('ZREM', KEYS[1], 'member')
try('ZSCORE', KEYS[1], 'member')
try('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'LIMIT', 0, 1)
return table.concat(missing, ' ')
`;

export type RightsOptions = {
  readonly isCluster: boolean;
  /** A key that is never set. */
  readonly probe: string;
  /** The command that announces. */
  readonly announce: string;
};

/**
 * Makes sure that the user may run every command of the scripts, and that the server is no cluster unless it should be.
 * @throws FeedError with the names of the commands; the refusal of Redis; or the driver's error.
 */
export async function checkRights(call: Call, { isCluster, probe, announce }: RightsOptions): Promise<void> {
  // A cluster refuses two keys of different hash slots, on whatever node.
  const keys = isCluster ? [probe] : [probe, `${probe}2`];
  const missing = await call('EVAL', trialScript, String(keys.length), ...keys, announce).catch(
    (error: unknown) => {
      // What else a server refuses now, it refuses to the call that waits for this connection too.
      if (!isReply(error) || /^(NOPERM|NOAUTH|CROSSSLOT|ERR unknown)\b/.test(error.message)) throw error;
      return '';
    },
  );
  if (typeof missing === 'string' && missing !== '') throw missingRights(missing.split(' '));
}

/**
 * Asks whether the server deletes keys when its memory is full. It is a warning for the operator, so a user who may not ask
 * does without it.
 */
export async function readEviction(call: Call): Promise<boolean> {
  const info = await call('INFO', 'memory').catch((error: unknown) => {
    if (!isReply(error)) throw error;
    return '';
  });
  const [, maxBytes = '0'] = /^maxmemory:(\d+)/m.exec(String(info)) ?? [];
  const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(String(info)) ?? [];
  return maxBytes !== '0' && policy !== 'noeviction';
}
