import { type Clock, wait } from '../../lib/core/clock.ts';
import type { Batch } from './gather.ts';
import { type PostTarget, postBatch } from './post-batch.ts';

/** How a batch ended, after all tries. */
export type Sent = { readonly retries: number } & (
  | { readonly kind: 'stored'; readonly ids: readonly string[]; readonly isDuplicate: boolean }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** Whether one of the tries may have stored it all the same. */
      readonly isUncertain: boolean;
    }
);

export type Sender = PostTarget & {
  /** How often a batch is tried again. */
  readonly retries: number;
  readonly clock: Clock;
  /** Ends the waiting between tries. */
  readonly signal: AbortSignal;
  /** Told ahead of each pause. */
  readonly onRetry: (reason: string, waitMs: number, retriesLeft: number) => void;
};

const firstBackoffMs = 500;
const maxBackoffMs = 30_000;

/** A server that asks for more than this is not waited for, in ms. */
const maxRetryAfterMs = 10 * 60_000;

/**
 * Sends a batch until it is stored or refused, every try under the same key, so that it is stored once. Between tries
 * it waits a random time up to 0.5 s, doubling to 30 s, and at least what the server's `Retry-After` says.
 */
export async function sendBatch(batch: Batch, key: string, sender: Sender): Promise<Sent> {
  const { clock, signal } = sender;
  let isUncertain = false;
  for (let retries = 0; ; retries += 1) {
    const posted = await postBatch(batch, key, sender, clock.now());
    if (posted.kind === 'stored') return { ...posted, retries };
    const { reason } = posted;
    isUncertain ||= posted.isUncertain;
    if (posted.kind === 'refused') return { kind: 'failed', reason, isUncertain, retries };
    const waitMs = Math.max(posted.waitMs ?? 0, clock.random() * backoffMs(retries));
    if (waitMs > maxRetryAfterMs) {
      const asked = `${reason}; asks to wait ${Math.ceil(waitMs / 1_000)} s`;
      return { kind: 'failed', reason: asked, isUncertain, retries };
    }
    if (retries < sender.retries && !signal.aborted) {
      sender.onRetry(reason, waitMs, sender.retries - retries);
      await wait(clock, waitMs, signal);
    }
    if (retries >= sender.retries || signal.aborted) {
      return {
        kind: 'failed',
        reason: `${reason}; given up after ${retries + 1} ${retries === 0 ? 'try' : 'tries'}`,
        isUncertain,
        retries,
      };
    }
  }
}

function backoffMs(retries: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** retries);
}
