import { type Clock, wait } from '../../lib/core/clock.ts';
import { FeedError } from '../../lib/core/feed-error.ts';
import { type Batch, type BatchLimits, gather, type PushEvent, toBody } from './push-input.ts';
import { failureText, type Tally } from './push-report.ts';

export type PushResult = {
  readonly tally: Tally;
  /** Why not everything was stored; null when all is. */
  readonly failure: string | null;
};

export type PushPlan = {
  readonly limits: BatchLimits;
  /** The idempotency key of batch n is `<keyPrefix>-<n>`, from 1. */
  readonly keyPrefix: string;
  readonly sender: Sender;
  /** Told after each batch. */
  readonly onProgress: (tally: Tally) => void;
};

/** Publishes events in batches, one request at a time, so that their order holds. Stops at the first failure. */
export async function pushEvents(events: AsyncIterable<PushEvent>, plan: PushPlan): Promise<PushResult> {
  let tally: Tally = { events: 0, batches: 0, retries: 0, duplicates: 0 };
  try {
    for await (const batch of gather(events, plan.limits, plan.sender.clock)) {
      const sent = await sendBatch(batch, `${plan.keyPrefix}-${tally.batches + 1}`, plan.sender);
      tally = { ...tally, retries: tally.retries + sent.retries };
      if (sent.kind === 'failed') {
        return { tally, failure: failureText(batch, sent, plan.keyPrefix) };
      }
      tally = {
        ...tally,
        events: tally.events + batch.length,
        batches: tally.batches + 1,
        duplicates: tally.duplicates + (sent.isDuplicate ? batch.length : 0),
      };
      plan.onProgress(tally);
    }
    return { tally, failure: null };
  } catch (cause) {
    if (!(cause instanceof FeedError)) throw cause;
    const fate = tally.events === 0 ? 'nothing is stored' : 'everything before it is stored';
    return { tally, failure: `${cause.message}\n${fate}` };
  }
}

/** How a batch ended, after all tries. */
type Sent = { readonly retries: number } & (
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

/** How one request ended. */
type Posted =
  /** The batch is in the log; `isDuplicate` when an earlier request with this key had stored it. */
  | { readonly kind: 'stored'; readonly ids: readonly string[]; readonly isDuplicate: boolean }
  /** The server will not take it; trying again makes no sense. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isUncertain: boolean }
  /** May go well next time. */
  | {
      readonly kind: 'again';
      readonly reason: string;
      /** What the server asked to wait, in ms; null when it asked nothing. */
      readonly waitMs: number | null;
      /** Whether the batch may have been stored all the same. */
      readonly isUncertain: boolean;
    };

type PostTarget = {
  readonly endpoint: URL;
  readonly token: string | null;
  /** How long in ms one request may take. */
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
};

const temporary: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** Failures of connecting: nothing was sent. */
const unconnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Sends a batch once, under its idempotency key. */
async function postBatch(batch: Batch, key: string, target: PostTarget, nowMs: number): Promise<Posted> {
  try {
    const response = await target.fetch(target.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, application/problem+json',
        'idempotency-key': key,
        ...(target.token === null ? {} : { authorization: `Bearer ${target.token}` }),
      },
      body: toBody(batch),
      // A followed redirect would turn the POST into a GET.
      redirect: 'manual',
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    return judge(response, await response.text(), batch, target.endpoint, nowMs);
  } catch (cause) {
    const name = nameOf(cause);
    const reason = `${target.endpoint.origin} cannot be reached (${name})`;
    return { kind: 'again', reason, waitMs: null, isUncertain: !unconnected.has(name) };
  }
}

function judge(response: Response, body: string, batch: Batch, endpoint: URL, nowMs: number): Posted {
  const { status, headers } = response;
  if (response.ok) return readStored(status, body, batch, endpoint);
  if (status >= 300 && status < 400) {
    const location = headers.get('location') ?? 'another address';
    const reason = `${endpoint.href} answered ${status}, it is at ${location}; see --url`;
    return { kind: 'refused', reason, isUncertain: false };
  }
  const reason = `${status}: ${readDetail(body) ?? (response.statusText || 'no reason given')}`;
  if (!temporary.has(status)) return { kind: 'refused', reason, isUncertain: false };
  const isUncertain = status !== 429 && status !== 503;
  return { kind: 'again', reason, waitMs: parseRetryAfter(headers.get('retry-after'), nowMs), isUncertain };
}

function readStored(status: number, body: string, batch: Batch, endpoint: URL): Posted {
  const answer = parse(body) as { events?: unknown; duplicate?: unknown } | null;
  const events: unknown[] = Array.isArray(answer?.events) ? answer.events : [];
  const ids = events.map((event) => (event as { id?: unknown } | null)?.id);
  if (ids.length === batch.length && ids.every((id) => typeof id === 'string')) {
    return { kind: 'stored', ids, isDuplicate: answer?.duplicate === true };
  }
  const reason = `${endpoint.href} answered ${status}, but not with the ids of ${batch.length} events: is it a Steadfeed app?`;
  return { kind: 'refused', reason, isUncertain: true };
}

function readDetail(body: string): string | null {
  const problem = parse(body) as { detail?: unknown } | null;
  return typeof problem?.detail === 'string' ? problem.detail : null;
}

function parse(body: string): object | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' ? value : null;
  } catch {
    // A proxy's page, for example.
    return null;
  }
}

/** The shortest name of a network failure: its code where it has one. */
function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return 'no answer in time';
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  return 'code' in inner ? String(inner.code) : inner.message;
}

/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3): seconds or a date.
 * @param nowMs Unix time in ms.
 * @returns ms to wait, at least 0; null when there is none or it cannot be read.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const timeMs = Date.parse(header);
  return Number.isNaN(timeMs) ? null : Math.max(0, timeMs - nowMs);
}
