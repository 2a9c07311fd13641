import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { waitedMsOf } from '../bench/bench-server.ts';
import { type Answer, readAnswers } from './answer-reader.ts';
import type { Plan } from './plan.ts';

/**
 * An answer and its time: from the last byte of the request to the whole answer, or to the first bytes of a held one. Time
 * in which other programs took the processor from the server or from this process is not counted.
 */
export type TimedAnswer = Answer & { readonly tookMs: number };

/** The result of a plan. */
export type Exchange = {
  readonly answers: readonly TimedAnswer[];
  /** What is wrong with the connection itself; null if nothing is. */
  readonly fault: string | null;
};

/** An answer that takes longer than this never arrives. */
const patienceMs = 10_000;

/**
 * Sends the bytes of a plan and reads the answers.
 * @param waitedMs how long the server has waited for a processor so far.
 */
export async function exchange(
  plan: Plan,
  connections: Connections,
  waitedMs: () => number,
): Promise<Exchange> {
  const socket = await (plan.keepsConnection ? connections.kept() : connections.own());
  const reader = readAnswers(plan.expectedAnswers.map(({ method }) => method));
  const tookMs: number[] = [];
  const usedAt = () => performance.now() - waitedMs() - waitedMsOf(process.pid);
  let sentAt = usedAt();
  let isClosed = false;
  let wake: () => void = () => undefined;
  const note = () => {
    for (const [index] of reader.answers().entries()) {
      if (isThere(plan, reader.answers(), index)) tookMs[index] ??= usedAt() - sentAt;
    }
    wake();
  };
  const onData = (bytes: Buffer) => {
    reader.take(bytes);
    note();
  };
  const onOver = () => {
    isClosed = true;
    reader.close();
    note();
  };
  socket.on('data', onData).once('end', onOver).once('close', onOver);
  const until = async (isDone: () => boolean, withinMs: number) => {
    const timeout = new AbortController();
    const late = sleep(withinMs, false, { signal: timeout.signal }).catch(() => false);
    try {
      for (;;) {
        if (isDone()) return true;
        const woken = new Promise<true>((resolve) => (wake = () => resolve(true)));
        if (!(await Promise.race([woken, late]))) return isDone();
      }
    } finally {
      timeout.abort();
    }
  };
  const hasAll = () => plan.expectedAnswers.every((_, index) => isThere(plan, reader.answers(), index));

  await write(socket, plan.parts);
  sentAt = usedAt();
  const fault = await end(plan, socket, { until, hasAll, isClosed: () => isClosed });
  const answers = reader.answers().map((answer, index) => ({ ...answer, tookMs: tookMs[index] ?? 0 }));
  socket.off('data', onData).off('end', onOver).off('close', onOver);
  const isDone = answers.length === plan.expectedAnswers.length && answers.every(isFollowed);
  if (plan.keepsConnection && !isClosed && isDone) connections.keep(socket);
  else socket.destroy();
  return { answers, fault: reader.fault() ?? fault };
}

type Wait = {
  until(isDone: () => boolean, withinMs: number): Promise<boolean>;
  hasAll(): boolean;
  isClosed(): boolean;
};

/** Ends the exchange as the plan says. @returns what is wrong with the connection; null if nothing is. */
async function end({ ending }: Plan, socket: Socket, wait: Wait): Promise<string | null> {
  switch (ending.kind) {
    case 'answers': {
      const isDone = await wait.until(() => wait.hasAll() || wait.isClosed(), patienceMs);
      if (!isDone) return `no answer within ${patienceMs} ms`;
      return wait.hasAll() ? null : 'the server closed the connection before the answer';
    }
    case 'half-close':
      socket.end();
      return (await wait.until(wait.isClosed, patienceMs))
        ? null
        : 'the server did not close a half-closed connection';
    case 'leave':
      await wait.until(
        () => wait.isClosed() || (ending.isOverWhenAnswered === true && wait.hasAll()),
        ending.afterMs,
      );
      return null;
    default:
      throw ending satisfies never;
  }
}

async function write(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) await nextTurn();
    if (part.length > 0) socket.write(part);
  }
}

/** Whether the answer to a request has arrived: all of it, or the start of the body if it may be held. */
function isThere(plan: Plan, answers: readonly Answer[], index: number): boolean {
  const answer = answers[index];
  if (answer === undefined || answer.isWhole) return answer !== undefined;
  return (
    plan.expectedAnswers[index]?.isHeld === true && answer.status === 200 && answer.body.includes('event: ')
  );
}

function isFollowed({ isWhole, headers }: Answer): boolean {
  return isWhole && headers.get('connection') !== 'close';
}

/** Connections to one server; some wait for their next request. Ends with the scope that holds it by `using`. */
export type Connections = Disposable & {
  /** A waiting connection, or a new one. */
  kept(): Promise<Socket>;
  /** A new connection. */
  own(): Promise<Socket>;
  /** Keeps a connection for the next request. */
  keep(socket: Socket): void;
};

/** Well within the 5 s after which the server closes a waiting connection. */
const waitsForMs = 1_500;

/** Makes connections to 127.0.0.1. */
export function makeConnections(port: number): Connections {
  const waiting: { readonly socket: Socket; readonly sinceMs: number }[] = [];
  const own = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        // A reset is one way to close a connection; the reader gets `close`.
        socket.on('error', () => undefined);
        resolve(socket);
      });
    });
  return {
    own,
    async kept() {
      for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
        const isFresh = performance.now() - last.sinceMs < waitsForMs;
        if (isFresh && last.socket.readable && !last.socket.destroyed) return last.socket;
        last.socket.destroy();
      }
      return own();
    },
    keep: (socket) => void waiting.push({ socket, sinceMs: performance.now() }),
    [Symbol.dispose]() {
      for (const { socket } of waiting) socket.destroy();
    },
  };
}
