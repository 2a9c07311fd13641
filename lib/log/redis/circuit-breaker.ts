import type { Clock } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';

/**
 * Keeps all calls of a process from a Redis that has refused to work and has named a time, as when the limit of its plan is
 * reached. Until then each call is refused here, without a request; then one call goes out as the probe, and decides for all.
 */
export type CircuitBreaker = {
  /**
   * Makes the call, or waits for the probe that is under way. A proof never waits for a call that is none: many slow
   * subscriptions, one after the other, would hold up each read.
   * @param isProof whether its success means that all calls work. A subscription or a PING can work at the limit of a plan.
   * @throws what the call throws; before the named time the refusal, with the time that is left.
   */
  run<Answer>(call: () => Promise<Answer>, isProof: boolean): Promise<Answer>;
};

/**
 * Creates a circuit breaker that lets calls pass.
 * @param refusesAll whether an error of a call, which was a proof or not, is a refusal that holds for all calls. Its `retryAfterSeconds` is obeyed.
 */
export function createCircuitBreaker(
  clock: Pick<Clock, 'elapsed'>,
  refusesAll: (error: unknown, isProof: boolean) => error is FeedError,
): CircuitBreaker {
  /** null: calls pass. */
  let refusal: { readonly error: FeedError; readonly until: number } | null = null;
  /** The calls under way that find out whether Redis works again, at most one of each kind. */
  const probes: { proof: Probe | null; other: Probe | null } = { proof: null, other: null };

  async function pass<Answer>(call: () => Promise<Answer>, isProof: boolean): Promise<Answer> {
    try {
      return await call();
    } catch (error) {
      if (refusesAll(error, isProof)) {
        refusal = { error, until: clock.elapsed() + (error.retryAfterSeconds ?? 0) * 1_000 };
      }
      throw error;
    }
  }

  async function passAsProbe<Answer>(call: () => Promise<Answer>, isProof: boolean): Promise<Answer> {
    const kind = isProof ? 'proof' : 'other';
    const probe = Promise.withResolvers<void>();
    const before = refusal;
    probes[kind] = probe;
    try {
      return await pass(call, isProof);
    } finally {
      // Whatever else came back, it was no refusal of all: the other calls find out for themselves.
      if (isProof && refusal === before) refusal = null;
      if (probes[kind] === probe) probes[kind] = null;
      probe.resolve();
      // Calls that wait for the other probe need not wait for its end.
      if (isProof) endOther();
    }
  }

  function endOther(): void {
    probes.other?.resolve();
    probes.other = null;
  }

  return {
    async run(call, isProof) {
      while (refusal !== null) {
        const leftMs = refusal.until - clock.elapsed();
        if (leftMs > 0) throw repeat(refusal.error, leftMs);
        const probe = probes.proof ?? (isProof ? null : probes.other);
        if (probe === null) return passAsProbe(call, isProof);
        await probe.promise;
      }
      return pass(call, isProof);
    },
  };
}

/** Resolves when the call is over. */
type Probe = PromiseWithResolvers<void>;

/** The same refusal for another call. */
function repeat({ code, message, cause }: FeedError, leftMs: number): FeedError {
  return new FeedError(code, message, { cause, retryAfterSeconds: Math.ceil(leftMs / 1_000) });
}
