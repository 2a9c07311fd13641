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
export function refusalOf(command: Command): string | null {
  const [name = '', ...args] = command;
  const upper = name.toUpperCase();
  if (upper === '') return 'ERR empty command';
  const isBlockingRead =
    (upper === 'XREAD' || upper === 'XREADGROUP') && args.some((arg) => arg.toUpperCase() === 'BLOCK');
  if (!refused.has(upper) && !isBlockingRead) return null;
  return `ERR Command is not available: '${upper}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;
}
