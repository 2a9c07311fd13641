import type { Redis } from 'ioredis';

/** Runs one command. An error of Redis, or of the way to it, is a reply. */
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

/** Runs commands one after the other; others' may come between. */
export async function executeEach(
  redis: Redis,
  commands: readonly Command[],
  encoding: Encoding,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const command of commands) replies.push(await execute(redis, command, encoding));
  return replies;
}

/** Runs commands as a transaction: a reply each, or one error when it is discarded as a whole. */
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

/** ioredis rearranges arguments and replies of commands whose name it knows (HGETALL, MSET); it knows them in small letters. */
function rawName(name: string): string {
  return name.toUpperCase();
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // Redis begins its errors with a word in capitals; what ioredis says of a lost connection does not.
  return /^[A-Z]{2,}\b/.test(text) ? text : `ERR ${text}`;
}

/** A command: its name, then its arguments. */
export type Command = readonly string[];

/*
 * What the REST API does not take: blocking commands, transactions but by /multi-exec, pub/sub but PUBLISH and
 * PUBSUB, connection commands but PING and ECHO, cluster (the service's documentation, "REST - Redis API
 * Compatibility"); and what a hosted Redis leaves to its operator.
 */
const refused = new Set(
  `BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN
  MULTI EXEC WATCH UNWATCH DISCARD
  SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE SPUBLISH MONITOR
  AUTH CLIENT HELLO QUIT RESET SELECT
  ASKING CLUSTER READONLY READWRITE
  BGREWRITEAOF BGSAVE CONFIG DEBUG FAILOVER LASTSAVE LATENCY MIGRATE MODULE PSYNC REPLCONF REPLICAOF ROLE SAVE
  SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC WAIT WAITAOF`.split(/\s+/),
);

/** Why the REST API refuses a command, in its own words; null where it takes it. */
function refusalOf(command: Command): string | null {
  const [name = '', ...args] = command;
  const upper = name.toUpperCase();
  if (upper === '') return 'ERR empty command';
  const isBlockingRead =
    (upper === 'XREAD' || upper === 'XREADGROUP') && args.some((arg) => arg.toUpperCase() === 'BLOCK');
  if (!refused.has(upper) && !isBlockingRead) return null;
  return `ERR Command is not available: '${upper}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;
}

/** How strings are written in an answer: as UTF-8, or as base64 where the request has `Upstash-Encoding: base64`. */
export type Encoding = 'utf8' | 'base64';

/** The answer to one command. */
type Reply = { readonly result: unknown } | { readonly error: string };

/**
 * Makes a reply of Redis ready for JSON. With base64 all strings are encoded but "OK"; without it, bytes that are
 * not UTF-8 become U+FFFD (the service's documentation, "Base64 Encoded Responses").
 */
function encodeReply(value: unknown, encoding: Encoding): unknown {
  if (Array.isArray(value)) return value.map((entry) => encodeReply(entry, encoding));
  if (!Buffer.isBuffer(value)) return value;
  const text = value.toString('utf8');
  return encoding === 'utf8' || text === 'OK' ? text : value.toString('base64');
}

/** Connections to replicas, made when they are first needed. */
type Replicas = {
  /** Who runs a command: the replica where there is one and the command only reads, else the server itself. */
  for(command: Command, port: number | null): Redis;
  close(): void;
};

/** @param redis the server itself. */
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

/** Whether it is a script that calls no command that writes, of those a log needs. */
function isReadingScript([name = '', script = '']: Command): boolean {
  return name.toUpperCase() === 'EVAL' && !/'(XADD|XTRIM|SET|DEL|PUBLISH)'/.test(script);
}

/** What the endpoint was asked for, as the service would bill it. */
export type Counts = {
  /** HTTP requests, subscriptions included, whatever became of them. */
  readonly requests: number;
  /** Billed commands: each of a pipeline or transaction is one, an EVAL is one whatever it does, a subscription is one. */
  readonly commands: number;
  /** Commands by name in upper case; those that are not billed are among them. */
  readonly byName: ReadonlyMap<string, number>;
  /** Subscriptions that are open now. */
  readonly subscriptions: number;
  /** Announcements that came from Redis for an open subscription, whether they were delivered or not. */
  readonly announcements: number;
};

/** Counts that can be counted up. */
export type Counter = {
  readonly counts: Counts;
  request(): void;
  command(name: string): void;
  /** One subscription more, or with -1 one less. */
  subscription(change: 1 | -1): void;
  announcement(): void;
  /** Sets all but the open subscriptions to 0. */
  reset(): void;
};

/** "Operational commands like AUTH, INFO, PING, QUIT, COMMAND are not charged": the service's page on pricing. */
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
