import type { CircuitBreaker } from './circuit-breaker.ts';
import { toFeedError } from './failures.ts';
import { answersIn, type TcpConnection, type TcpConnector } from './tcp-connection.ts';
import type { RedisTransport, SubscriptionSignal } from './transport.ts';

/** All subscriptions of a process. */
type TcpSubscriptions = {
  readonly subscribe: RedisTransport['subscribe'];
  /** Reports every subscription as lost. */
  giveUp(cause: unknown): void;
  /** Ends every subscription without a signal. */
  close(): void;
};

type Follower = {
  readonly onSignal: (signal: SubscriptionSignal) => void;
  isConnected: boolean;
};

/** A pub/sub channel, and who follows it here. */
type Topic = { readonly followers: Set<Follower>; isAcknowledged: boolean };

/** One life of the shared connection. */
type Link = {
  readonly topics: Map<string, Topic>;
  readonly connection: Promise<TcpConnection>;
  readonly abort: AbortController;
};

/**
 * Holds one connection for all followers of a process; none while nobody follows. Many followers of one channel are one
 * subscription. The connection is never repaired: if it is lost, or does not acknowledge in time, all its followers are told
 * `lost`. They follow again, which opens another, and read what they have missed.
 */
export function createTcpSubscriptions(
  connector: TcpConnector,
  timeoutMs: number,
  breaker: CircuitBreaker,
): TcpSubscriptions {
  let current: Link | null = null;

  function open(): Link {
    const abort = new AbortController();
    const topics = new Map<string, Topic>();
    const onMessage = (name: string, text: string) => {
      for (const follower of topics.get(name)?.followers ?? []) {
        if (follower.isConnected) report(follower, { kind: 'message', text });
      }
    };
    const connect = async () => {
      const connection = await connector.connect(
        'subscriptions',
        { onMessage, onEnd: (cause) => lose(link, cause) },
        abort.signal,
      );
      // As the server's timers, it keeps no process alive: a script ends while its last subscription still lingers.
      connection.keepProcess(false);
      return connection;
    };
    const link: Link = { topics, abort, connection: connect() };
    link.connection.catch(() => undefined);
    return link;
  }

  function lose(link: Link, cause: unknown): void {
    const followers = [...link.topics.values()].flatMap((topic) => [...topic.followers]);
    end(link);
    for (const follower of followers) report(follower, lost(cause));
  }

  function end(link: Link): void {
    if (current === link) current = null;
    link.topics.clear();
    link.abort.abort();
    link.connection.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }

  async function acknowledge(link: Link, name: string, topic: Topic): Promise<void> {
    let isWaiting = false;
    const send = async () => {
      isWaiting = true;
      const connection = await link.connection;
      await connection.subscribe(name).finally(() => {
        isWaiting = false;
      });
    };
    try {
      await breaker.run(() => answersIn(timeoutMs, send()), false);
    } catch (cause) {
      if (link.topics.get(name) !== topic) return;
      // A refusal of Redis is about this channel. Without an answer, the connection may be dead for all.
      if (isWaiting) lose(link, cause);
      else loseTopic(link, name, topic, cause);
      return;
    }
    if (link.topics.get(name) !== topic) return;
    topic.isAcknowledged = true;
    for (const follower of topic.followers) connected(follower);
  }

  function loseTopic(link: Link, name: string, topic: Topic, cause: unknown): void {
    link.topics.delete(name);
    if (link.topics.size === 0) end(link);
    for (const follower of topic.followers) report(follower, lost(cause));
  }

  function remove(link: Link, name: string, topic: Topic, follower: Follower): void {
    topic.followers.delete(follower);
    if (topic.followers.size > 0 || link.topics.get(name) !== topic) return;
    link.topics.delete(name);
    if (link.topics.size === 0) {
      end(link);
      return;
    }
    link.connection.then(
      (connection) => {
        // Somebody may follow it again by now.
        if (!link.topics.has(name)) connection.unsubscribe(name);
      },
      () => undefined,
    );
  }

  return {
    subscribe(name, onSignal, signal) {
      if (signal.aborted) return;
      const follower: Follower = {
        onSignal: (found) => {
          if (!signal.aborted) onSignal(found);
        },
        isConnected: false,
      };
      current ??= open();
      const link = current;
      const known = link.topics.get(name);
      const topic = known ?? { followers: new Set(), isAcknowledged: false };
      topic.followers.add(follower);
      link.topics.set(name, topic);
      signal.addEventListener('abort', () => remove(link, name, topic, follower), { once: true });
      if (known === undefined) acknowledge(link, name, topic);
      else if (known.isAcknowledged)
        queueMicrotask(() => topic.followers.has(follower) && connected(follower));
    },
    giveUp(cause) {
      if (current !== null) lose(current, cause);
    },
    close() {
      if (current !== null) end(current);
    },
  };
}

function lost(cause: unknown): SubscriptionSignal {
  return { kind: 'lost', cause: toFeedError(cause) };
}

function connected(follower: Follower): void {
  if (follower.isConnected) return;
  follower.isConnected = true;
  report(follower, { kind: 'connected' });
}

/** Calls a follower. If it throws, its error is thrown as uncaught, and the other followers still get the signal. */
function report(follower: Follower, signal: SubscriptionSignal): void {
  try {
    follower.onSignal(signal);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
