import type { Redis, RedisOptions } from 'ioredis';
import { FeedError } from '../../core/feed-error.ts';
import type { RedisAddress, RedisNode } from '../../core/redis-address.ts';
import { connectionFailure, unavailable } from './failures.ts';
import { checkRights, failureOf, isReply, readEviction, shakeHands } from './tcp-handshake.ts';

/** A connection to the node that holds the feed. Each failure is a FeedError. */
export type TcpConnection = {
  /** Sends a command at once, behind those that wait for their answers. It is never sent twice. */
  call(command: string, ...args: readonly string[]): Promise<unknown>;
  /** Resolves when the node answers that it holds the feed. */
  check(): Promise<void>;
  /** Resolves when Redis has acknowledged. Messages go to `onMessage`. */
  subscribe(name: string): Promise<void>;
  unsubscribe(name: string): void;
  /** Whether the server deletes keys when its memory is full; only a connection for commands has asked. */
  readonly mayEvict: boolean;
  /** Whether the process must stay alive for this connection. */
  keepProcess(isNeeded: boolean): void;
  close(): void;
};

type DriverOptions = Omit<RedisOptions, 'replyMapping'>;

type ConnectionEvents = {
  onMessage(name: string, text: string): void;
  /** Called once, when the connection is gone, by whatever side; not after a failed `connect`. */
  onEnd(cause: unknown): void;
};

const failingOverReason = 'is failing over: no server holds the feed now.';

/** The cause of a refusal by a node that does not hold the feed any more. */
class MovedAway extends Error {}

/** Whether the node has not run the command because another holds the feed now: the command may be sent to that one. */
export function hasMovedAway(error: unknown): boolean {
  return error instanceof FeedError && error.cause instanceof MovedAway;
}

/**
 * Whether the node has not run the command because the cluster is moving its keys to another node: it may be sent again. A
 * script can run when all of its keys are on one node.
 */
export function isMovingKeys(error: unknown): boolean {
  const cause = error instanceof FeedError ? error.cause : null;
  return cause instanceof Error && movingPattern.test(cause.message);
}

const movingPattern = /^(ASK|TRYAGAIN)\b/;

function movedAway(): FeedError {
  const cause = new MovedAway('moved');
  return new FeedError('log-unavailable', `Redis ${failingOverReason}`, { cause, retryAfterSeconds: 1 });
}

export type ConnectorOptions = {
  readonly address: RedisAddress;
  /** A key that is never set, with the hash tag of the feed. */
  readonly probe: string;
  /** The command that announces. */
  readonly announce: string;
  /** How long a call waits for its answer, in ms. */
  readonly timeoutMs: number;
};

/** Opens connections to one Redis. */
export type TcpConnector = {
  /**
   * @param purpose `commands`: the connection has proved that its user may do all that the log needs.
   * @throws FeedError @throws the signal's reason when it aborts first.
   */
  connect(
    purpose: 'commands' | 'subscriptions',
    events: ConnectionEvents,
    signal: AbortSignal,
  ): Promise<TcpConnection>;
};

/**
 * The most ms to wait for one Sentinel, or for one node of a cluster: the next one may know more. Nobody waits for the host
 * of a killed node until the whole time of a call is over.
 */
const nodeTimeoutMs = 1_500;

/**
 * After this silence the system itself checks a connection, then once a second, in ms. So a connection whose other end is gone
 * without a word is lost after about 20 s, and NATs and firewalls on the way keep it. It costs no command of Redis.
 */
const keepAliveMs = 10_000;

/** The most nodes of a cluster that are asked, one after the other, for the one that holds the feed. */
const maxHops = 6;

/**
 * Finds the server that holds the feed and connects to it: the server itself, the primary that the Sentinels name, or the
 * node of the cluster that has the feed's hash slot. The driver is loaded at the first connection, so that a process
 * without it does not pay for it. It neither reconnects nor sends anything again: the code that needs a connection opens another.
 */
export function createTcpConnector({ address, probe, announce, timeoutMs }: ConnectorOptions): TcpConnector {
  /** The nodes of the cluster that have been seen; the node that held the feed last comes first. */
  let known: readonly RedisNode[] = address.nodes;

  async function connectToCluster(events: ConnectionEvents, signal: AbortSignal): Promise<Opened> {
    const toAsk = [...known];
    let failure: unknown = unavailable('cannot be reached.', 'unreachable');
    for (let hop = 0; hop < maxHops; hop += 1) {
      const node = toAsk.shift();
      if (node === undefined) break;
      let end = (_cause: unknown) => {};
      const ownEvents = { ...events, onEnd: (cause: unknown) => end(cause) };
      const found = await open(
        { address, node, probe, connectTimeoutMs: nodeTimeoutMs },
        ownEvents,
        signal,
      ).catch((error: unknown) => {
        failure = error;
      });
      if (found === undefined) continue;
      try {
        await answersIn(nodeTimeoutMs, checkNode(found.redis, probe));
        const others = await nodesOf(found.redis);
        // `SPUBLISH` inside a script of an older Redis would fail only after the events are stored.
        await answersIn(nodeTimeoutMs, found.redis.call(announce, probe, ''));
        known = [node, ...[...others, ...address.nodes].filter((other) => !isSame(other, node))];
        end = events.onEnd;
        return found;
      } catch (error) {
        found.connection.close();
        const owner = movedTo(error, node);
        if (owner === null) failure = found.reasonOf(error);
        else toAsk.unshift(owner);
      }
    }
    // The node that held the feed may be gone for good: the others know its successor.
    known = [...known.slice(1), ...known.slice(0, 1)];
    throw failure;
  }

  function connectToServer(events: ConnectionEvents, signal: AbortSignal): Promise<Opened> {
    // Half of the time: the error then tells of the connection, not only that the call got no answer.
    const connectTimeoutMs = address.kind === 'sentinel' ? nodeTimeoutMs : timeoutMs / 2;
    const [node = null] = address.kind === 'sentinel' ? [] : address.nodes;
    return open({ address, node, probe, connectTimeoutMs }, events, signal);
  }

  return {
    async connect(purpose, events, signal) {
      const isCluster = address.kind === 'cluster';
      const { redis, connection, reasonOf } = await (isCluster ? connectToCluster : connectToServer)(
        events,
        signal,
      );
      if (purpose === 'subscriptions') return connection;
      signal.addEventListener('abort', connection.close, { once: true });
      try {
        const call = callOf(redis);
        const [, mayEvict] = await Promise.all([
          checkRights(call, { isCluster, probe, announce }),
          readEviction(call),
        ]);
        return { ...connection, mayEvict };
      } catch (error) {
        connection.close();
        throw reasonOf(error);
      } finally {
        signal.removeEventListener('abort', connection.close);
      }
    },
  };
}

/**
 * The driver's options: it does nothing by itself. RESP2, the older form of the protocol, is what every server and every
 * proxy speaks.
 */
function optionsOf({ address, node, connectTimeoutMs }: Target): DriverOptions {
  return {
    ...(node ?? sentinelOptions(address)),
    ...(address.isEncrypted && { tls: {} }),
    protocol: 2,
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    keepAlive: keepAliveMs,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // The driver sends nothing on its own: it ignores refusals that matter, and prints some of them (`tcp-handshake.ts`).
    disableClientInfo: true,
    enableReadyCheck: false,
  };
}

function sentinelOptions(address: RedisAddress): DriverOptions {
  const { nodes, isEncrypted, primaryName, sentinelUsername, sentinelPassword } = address;
  return {
    sentinels: [...nodes],
    ...(primaryName !== null && { name: primaryName }),
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(isEncrypted && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: nodeTimeoutMs,
  };
}

/** One server. */
type Target = {
  readonly address: RedisAddress;
  /** Null: the one that the Sentinels name. */
  readonly node: RedisNode | null;
  readonly probe: string;
  readonly connectTimeoutMs: number;
};

type Opened = {
  readonly redis: Redis;
  readonly connection: TcpConnection;
  /** Turns an error of the driver into a FeedError. */
  reasonOf(error: unknown): Error;
};

async function open(
  target: Target,
  { onMessage, onEnd }: ConnectionEvents,
  signal: AbortSignal,
): Promise<Opened> {
  const { address, probe } = target;
  const { Redis } = await import('ioredis');
  signal.throwIfAborted();
  const redis = new Redis(optionsOf(target));
  const isCluster = address.kind === 'cluster';
  const isMovable = address.kind !== 'single';
  const disconnect = () => redis.disconnect();
  let isOpen = false;
  let failure: unknown = null;
  // Its commands say only that the connection is closed; this event comes before and says why.
  redis.on('error', (error: unknown) => {
    failure ??= error;
  });
  const reasonOf = (error: unknown): Error => {
    if (isMovable && isMoved(error)) return movedAway();
    if (isReply(error) || error instanceof FeedError) return failureOf(error);
    return failure === null
      ? unavailable('cannot be reached.', 'closed')
      : connectionFailure(failure, address);
  };
  redis.on('end', () => {
    if (isOpen) onEnd(reasonOf(failure));
  });
  // The cluster has given the hash slot, and with it the subscriptions, to another node.
  redis.on('moved', disconnect);
  redis.on(isCluster ? 'smessage' : 'message', onMessage);
  signal.addEventListener('abort', disconnect, { once: true });
  try {
    await redis.connect();
    // A handshake without an answer ends with the call that waits for it; in front of several nodes, sooner.
    const handshake = shakeHands(callOf(redis), address);
    await (isMovable ? answersIn(nodeTimeoutMs, handshake) : handshake);
    isOpen = true;
  } catch (error) {
    redis.disconnect();
    signal.throwIfAborted();
    throw reasonOf(error);
  } finally {
    signal.removeEventListener('abort', disconnect);
  }
  const answerOf = <Answer>(answer: Promise<Answer>) =>
    answer.catch((error: unknown) => {
      throw reasonOf(error);
    });
  const connection: TcpConnection = {
    mayEvict: false,
    call: (command, ...args) => answerOf(redis.call(command, ...args)),
    check: () => answerOf(checkNode(redis, probe)),
    async subscribe(name) {
      await answerOf(isCluster ? redis.ssubscribe(name) : redis.subscribe(name));
    },
    unsubscribe(name) {
      const done = isCluster ? redis.sunsubscribe(name) : redis.unsubscribe(name);
      done.catch(() => undefined);
    },
    keepProcess(isNeeded) {
      if (isNeeded) redis.stream?.ref();
      else redis.stream?.unref();
    },
    close() {
      isOpen = false;
      redis.disconnect();
    },
  };
  return { redis, connection, reasonOf };
}

function callOf(redis: Redis) {
  return (command: string, ...args: readonly string[]) => redis.call(command, ...args);
}

/** Whether the server has refused a command because another one holds the data now. */
function isMoved(error: unknown): boolean {
  return isReply(error) && /^(MOVED|READONLY)\b/.test(error.message);
}

/** Resolves when a node holds the feed. One that is giving the feed away holds it until the last key has moved. */
async function checkNode(redis: Redis, probe: string): Promise<void> {
  await redis.call('EXISTS', probe).catch((error: unknown) => {
    if (!(isReply(error) && movingPattern.test(error.message))) throw error;
  });
}

/** The node that `MOVED <slot> <host>:<port>` names; an empty host is the one that was asked. Null for other errors. */
function movedTo(error: unknown, asked: RedisNode): RedisNode | null {
  const [, host, port] = (isReply(error) && /^MOVED \d+ (.*):(\d+)$/.exec(error.message)) || [];
  return port === undefined ? null : { host: host || asked.host, port: Number(port) };
}

function isSame(a: RedisNode, b: RedisNode): boolean {
  return a.host === b.host && a.port === b.port;
}

/** All nodes of the cluster, so that one is left to ask when those of the URL are gone. Empty if Redis does not tell. */
async function nodesOf(redis: Redis): Promise<readonly RedisNode[]> {
  const ranges = await answersIn(nodeTimeoutMs, redis.call('CLUSTER', 'SLOTS')).catch((error: unknown) => {
    if (isReply(error) && error.message.includes('cluster support disabled')) throw error;
    return [];
  });
  if (!Array.isArray(ranges)) return [];
  const nodes = new Map<string, RedisNode>();
  for (const range of ranges) {
    for (const [host, port] of Array.isArray(range) ? range.slice(2) : []) {
      if (typeof host === 'string' && host !== '') nodes.set(`${host}:${port}`, { host, port: Number(port) });
    }
  }
  return [...nodes.values()];
}

/** The answer, or a FeedError after `ms`. */
export async function answersIn<Answer>(ms: number, answer: Promise<Answer>): Promise<Answer> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(unavailable('did not answer in time.', 'TimeoutError')), ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
