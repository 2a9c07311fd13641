import type { Redis } from 'ioredis';

/** A Redis command: its name, then its arguments. */
export type Command = readonly string[];

/** How an answer writes strings: as UTF-8, or as base64 if the request has `Upstash-Encoding: base64`. */
export type Encoding = 'utf8' | 'base64';

/** The answer to one command. */
type Reply = { readonly result: unknown } | { readonly error: string };

/** Runs one command. An error of Redis, or of the connection to it, is a reply too. */
export async function execute(redis: Redis, command: Command, encoding: Encoding): Promise<Reply> {
  const refusal = refusalOf(command);
  if (refusal !== null) return { error: refusal };
  const [name = '', ...args] = command;
  try {
    return { result: encodeReply(await redis.callBuffer(rawName(name), args), encoding) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

/** Runs commands one after the other. Commands of other callers may run in between. */
export async function executeEach(
  redis: Redis,
  commands: readonly Command[],
  encoding: Encoding,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const command of commands) replies.push(await execute(redis, command, encoding));
  return replies;
}

/** Runs commands as a transaction. Returns a reply for each, or one error when Redis discards the transaction. */
export async function executeTogether(
  redis: Redis,
  commands: readonly Command[],
  encoding: Encoding,
): Promise<Reply[] | Reply> {
  const refusal = commands.map(refusalOf).find((text) => text !== null);
  if (refusal !== undefined) return { error: `EXECABORT Transaction discarded because of: ${refusal}` };
  const calls = redis.pipeline();
  calls.callBuffer(rawName('multi'));
  for (const [name = '', ...args] of commands) calls.callBuffer(rawName(name), args);
  calls.callBuffer(rawName('exec'));
  const outcomes = (await calls.exec()) ?? [];
  const [discarded, values] = outcomes.at(-1) ?? [];
  if (!Array.isArray(values)) return { error: messageOf(discarded) };
  return values.map((value) =>
    value instanceof Error ? { error: messageOf(value) } : { result: encodeReply(value, encoding) },
  );
}

/** ioredis changes arguments and replies of commands such as HGETALL and MSET. It knows their names in lower case only. */
function rawName(name: string): string {
  return name.toUpperCase();
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // An error of Redis begins with a word in capitals. An error of ioredis, such as a lost connection, does not.
  return /^[A-Z]{2,}\b/.test(text) ? text : `ERR ${text}`;
}

/*
 * Commands that the REST API refuses: blocking commands, transactions except by /multi-exec, pub/sub except PUBLISH and
 * PUBSUB, connection commands except PING and ECHO, and cluster commands (Upstash documentation, "REST - Redis API
 * Compatibility"). Administration commands are also refused, as in any hosted Redis.
 */
const refusedCommands = new Set(
  `BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN
  MULTI EXEC WATCH UNWATCH DISCARD
  SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE SPUBLISH MONITOR
  AUTH CLIENT HELLO QUIT RESET SELECT
  ASKING CLUSTER READONLY READWRITE
  BGREWRITEAOF BGSAVE CONFIG DEBUG FAILOVER LASTSAVE LATENCY MIGRATE MODULE PSYNC REPLCONF REPLICAOF ROLE SAVE
  SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC WAIT WAITAOF`.split(/\s+/),
);

/** The REST API's error for a command that it refuses; null for any other command. */
function refusalOf(command: Command): string | null {
  const [name = '', ...args] = command;
  const upper = name.toUpperCase();
  if (upper === '') return 'ERR empty command';
  const isBlockingRead =
    (upper === 'XREAD' || upper === 'XREADGROUP') && args.some((arg) => arg.toUpperCase() === 'BLOCK');
  if (!refusedCommands.has(upper) && !isBlockingRead) return null;
  return `ERR Command is not available: '${upper}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;
}

/**
 * Prepares a reply of Redis for JSON. With base64, every string except "OK" is encoded. Without it, bytes that are not
 * UTF-8 become U+FFFD (Upstash documentation, "Base64 Encoded Responses").
 */
function encodeReply(value: unknown, encoding: Encoding): unknown {
  if (Array.isArray(value)) return value.map((entry) => encodeReply(entry, encoding));
  if (!Buffer.isBuffer(value)) return value;
  const text = value.toString('utf8');
  return encoding === 'utf8' || text === 'OK' ? text : value.toString('base64');
}

/** How many requests and commands the endpoint got, counted as Upstash would bill them. */
export type Counts = {
  /** All HTTP requests, including subscriptions and requests that failed. */
  readonly requests: number;
  /** Billed commands. An EVAL counts as one, whatever it does. So does a subscription, and each command of a pipeline. */
  readonly commands: number;
  /** Commands by name, in upper case, including those that are not billed. */
  readonly byName: ReadonlyMap<string, number>;
  /** Subscriptions that are open now. */
  readonly subscriptions: number;
  /** Announcements that Redis sent to open subscriptions, including those that a fault then lost. */
  readonly announcements: number;
};

/** Counts requests and commands. */
export type Counter = {
  readonly counts: Counts;
  request(): void;
  command(name: string): void;
  /** Adds one open subscription, or with -1 removes one. */
  subscription(change: 1 | -1): void;
  announcement(): void;
  /** Sets all counts to 0, except that of open subscriptions. */
  reset(): void;
};

/** "Operational commands like AUTH, INFO, PING, QUIT, COMMAND are not charged" (Upstash's page on pricing). */
const unbilled = new Set(['AUTH', 'INFO', 'PING', 'QUIT', 'COMMAND']);

export function createCounter(): Counter {
  const byName = new Map<string, number>();
  const counts = { requests: 0, commands: 0, byName, subscriptions: 0, announcements: 0 };
  return {
    counts,
    request() {
      counts.requests += 1;
    },
    command(name) {
      const upper = name.toUpperCase();
      byName.set(upper, (byName.get(upper) ?? 0) + 1);
      if (!unbilled.has(upper)) counts.commands += 1;
    },
    subscription(change) {
      counts.subscriptions += change;
    },
    announcement() {
      counts.announcements += 1;
    },
    reset() {
      counts.requests = 0;
      counts.commands = 0;
      counts.announcements = 0;
      byName.clear();
    },
  };
}

/** Connections to replicas. Each is opened when it is first needed. */
type Replicas = {
  /** The connection for a command: that of the replica at `port` if the command only reads, else that of the server. */
  for(command: Command, port: number | null): Redis;
  close(): void;
};

/** @param redis the connection to the server itself. */
export function createReplicas(redis: Redis): Replicas {
  const open = new Map<number, Redis>();
  return {
    for(command, port) {
      if (port === null || !isReadingScript(command)) return redis;
      const known = open.get(port) ?? redis.duplicate({ port });
      if (!open.has(port)) known.on('error', () => undefined);
      open.set(port, known);
      return known;
    },
    close() {
      for (const replica of open.values()) replica.disconnect();
    },
  };
}

/** Whether a command is a script without any of the writing commands that a log uses. */
function isReadingScript([name = '', script = '']: Command): boolean {
  return name.toUpperCase() === 'EVAL' && !/'(XADD|XTRIM|SET|DEL|PUBLISH)'/.test(script);
}
