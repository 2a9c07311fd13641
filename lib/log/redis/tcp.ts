import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisAddress } from '../../core/redis-address.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { toFeedError } from './failures.ts';
import { announceCommand, probeKey } from './storage.ts';
import {
  answersIn,
  createTcpConnector,
  hasMovedAway,
  isMovingKeys,
  type TcpConnection,
  type TcpConnector,
} from './tcp-connection.ts';
import { createTcpSubscriptions } from './tcp-subscriptions.ts';
import type { RedisTransport } from './transport.ts';

type TcpOptions = {
  readonly address: RedisAddress;
  /** How long to wait for an answer, in ms. */
  readonly timeoutMs: number;
  /** All calls and subscriptions pass through it, so that they obey a time that Redis names. */
  readonly breaker: CircuitBreaker;
};

/**
 * Reaches Redis over TCP, by two connections: one for the commands of the whole process, which are sent without waiting for
 * each other's answers, and one for all its subscriptions. Each is opened when it is first needed, and again by the next
 * call after it was lost.
 *
 * Both must lead to the same server, because a process that stores on one and listens to another hears nothing. So when the
 * connection for commands is given up, as in a fail-over, the subscriptions are lost too, and their tails read the log again.
 */
export function createTcpTransport({ address, timeoutMs, breaker }: TcpOptions): RedisTransport {
  const isCluster = address.kind === 'cluster';
  const connector = createTcpConnector({
    address,
    probe: probeKey(isCluster),
    announce: announceCommand(isCluster),
    timeoutMs,
  });
  const subscriptions = createTcpSubscriptions(connector, timeoutMs, breaker);
  const commands = createCommandLink(connector, subscriptions.giveUp);

  const run = <Answer>(work: Work<Answer>, isProof: boolean) => {
    const calledAt = performance.now();
    // The wait for another call's probe counts too.
    return breaker.run(() => commands.run(work, timeoutMs - (performance.now() - calledAt)), isProof);
  };
  return {
    isCluster,
    evaluate: (script, keys, args) =>
      run((connection) => connection.call('EVAL', script, String(keys.length), ...keys, ...args), true),
    ping: () => run((connection) => connection.check(), false),
    subscribe: subscriptions.subscribe,
    mayEvict: commands.mayEvict,
    close() {
      commands.close();
      subscriptions.close();
    },
  };
}

/** Sends one command on a connection. */
type Work<Answer> = (connection: TcpConnection) => Promise<Answer>;

/** The connection for commands. */
type CommandLink = {
  /** Sends a command, and connects before if it must. @throws FeedError */
  run<Answer>(work: Work<Answer>, timeoutMs: number): Promise<Answer>;
  /** What the last connection has found out. */
  mayEvict(): boolean;
  close(): void;
};

/** One life of the connection, from the attempt to connect on. */
type Attempt = {
  readonly connection: Promise<TcpConnection>;
  readonly abort: AbortController;
  /** The calls that wait for an answer. */
  pending: number;
  /** When it last answered, on `performance.now()`; null: it is not yet connected. */
  answeredAt: number | null;
  /** The check of a connection that was idle, if one is under way. */
  proof: Promise<void> | null;
  isGivenUp: boolean;
};

/**
 * A connection that was idle for longer is checked before a call trusts it, in ms. A frozen process, a firewall or a load
 * balancer can have lost it in silence, and an append on it would end without an answer.
 */
const idleMs = 10_000;

/** How long that check may take, in ms, before another connection is opened. */
const proofMs = 1_000;

/** How often a command is sent again because the server that was asked does not hold the feed any more. */
const maxMoves = 2;

/**
 * How long to wait before a command is sent again because the cluster is moving its keys, in ms. A small feed moves within
 * moments, and the caller waits for that instead of getting a refusal.
 */
const movingPauseMs = 200;

function createCommandLink(connector: TcpConnector, onGivenUp: (cause: unknown) => void): CommandLink {
  let current: Attempt | null = null;
  let isClosed = false;
  let mayEvict = false;

  function connect(): Attempt {
    const abort = new AbortController();
    const attempt: Attempt = {
      connection: connector.connect(
        'commands',
        { onMessage: () => {}, onEnd: (cause) => giveUp(attempt, cause) },
        abort.signal,
      ),
      abort,
      pending: 0,
      answeredAt: null,
      proof: null,
      isGivenUp: false,
    };
    attempt.connection.then(
      (connection) => {
        mayEvict = connection.mayEvict;
      },
      (cause: unknown) => giveUp(attempt, cause),
    );
    return attempt;
  }

  /** No later call uses this connection. It closes when the last of its calls has its answer or has given up. */
  function giveUp(attempt: Attempt, cause: unknown): void {
    if (attempt.isGivenUp) return;
    attempt.isGivenUp = true;
    if (current === attempt) current = null;
    closeIfUnused(attempt);
    // A failed attempt to connect says nothing about the server that the subscriptions listen to.
    if (attempt.answeredAt !== null && !isClosed) onGivenUp(cause);
  }

  function closeIfUnused(attempt: Attempt): void {
    if (!attempt.isGivenUp || attempt.pending > 0) return;
    attempt.abort.abort();
    attempt.connection.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }

  function releaseProcess(attempt: Attempt): void {
    attempt.connection.then(
      (connection) => attempt.pending === 0 && connection.keepProcess(false),
      () => undefined,
    );
  }

  async function proven(): Promise<Attempt> {
    const found = current;
    if (found !== null && found.answeredAt !== null && performance.now() - found.answeredAt > idleMs) {
      found.proof ??= prove(found);
      await found.proof;
    }
    current ??= connect();
    return current;
  }

  async function prove(attempt: Attempt): Promise<void> {
    try {
      const connection = await attempt.connection;
      await answersIn(proofMs, connection.check());
      attempt.answeredAt = performance.now();
    } catch (cause) {
      giveUp(attempt, cause);
    } finally {
      attempt.proof = null;
    }
  }

  async function runOn<Answer>(attempt: Attempt, work: Work<Answer>): Promise<Answer> {
    const connection = await attempt.connection;
    attempt.answeredAt ??= performance.now();
    connection.keepProcess(true);
    try {
      return await work(connection);
    } finally {
      attempt.answeredAt = performance.now();
    }
  }

  /** @throws FeedError */
  async function runOnce<Answer>(work: Work<Answer>, timeoutMs: number): Promise<Answer> {
    const attempt = await proven();
    attempt.pending += 1;
    let isAnswered = false;
    const answer = runOn(attempt, work).finally(() => {
      isAnswered = true;
    });
    try {
      return await answersIn(Math.max(0, timeoutMs), answer);
    } catch (error) {
      // Without an answer in time, the connection may be dead. The calls behind this one keep their own time.
      if (!isAnswered || hasMovedAway(error)) giveUp(attempt, error);
      throw error;
    } finally {
      attempt.pending -= 1;
      if (attempt.pending === 0) releaseProcess(attempt);
      closeIfUnused(attempt);
    }
  }

  return {
    async run(work, timeoutMs) {
      const until = performance.now() + timeoutMs;
      for (let moves = 0; ; ) {
        const leftMs = until - performance.now();
        try {
          return await runOnce(work, leftMs);
        } catch (error) {
          if (isMovingKeys(error) && leftMs > movingPauseMs) await sleep(movingPauseMs);
          else if (hasMovedAway(error) && moves < maxMoves) moves += 1;
          else throw toFeedError(error);
        }
      }
    },
    mayEvict: () => mayEvict,
    close() {
      isClosed = true;
      if (current !== null) {
        const { connection, abort } = current;
        abort.abort();
        connection.then(
          (open) => open.close(),
          () => undefined,
        );
      }
      current = null;
    },
  };
}
