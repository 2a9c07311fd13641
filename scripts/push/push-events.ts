import { type Clock, wait } from '../../lib/core/clock.ts';
import { FeedError } from '../../lib/core/feed-error.ts';
import { explainNetworkError } from '../command-line.ts';
import { type Batch, type BatchLimits, collectBatches, type PushEvent, toBody } from './push-input.ts';
import { failureText, type Tally } from './push-report.ts';

export type PushResult = {
  readonly tally: Tally;
  /** Why the push stopped, and which events are stored; null when all are. */
  readonly failure: string | null;
};

export type PushPlan = {
  readonly limits: BatchLimits;
  /** The idempotency key of batch n is `<keyPrefix>-<n>`, from 1. */
  readonly keyPrefix: string;
  readonly sender: Sender;
  /** Called after each stored batch. */
  readonly onProgress: (tally: Tally) => void;
};

/** Publishes events in batches. Sends one request at a time, which keeps the order. Stops at the first failure. */
export async function pushEvents(events: AsyncIterable<PushEvent>, plan: PushPlan): Promise<PushResult> {
  let tally: Tally = { events: 0, batches: 0, retries: 0, duplicates: 0 };
  try {
    for await (const batch of collectBatches(events, plan.limits, plan.sender.clock)) {
      const key = `${plan.keyPrefix}-${tally.batches + 1}`;
      const sent = await sendBatch(batch, key, plan.sender, tally.batches > 0);
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
    const stored = tally.events === 0 ? 'Nothing is stored.' : 'All events before it are stored.';
    return { tally, failure: `${cause.message}\n${stored}` };
  }
}

/** What became of a batch, after all retries. */
type Sent = { readonly retries: number } & (
  | { readonly kind: 'stored'; readonly ids: readonly string[]; readonly isDuplicate: boolean }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** Whether the server may have stored the batch: it got a request, but its answer was lost. */
      readonly isUncertain: boolean;
    }
);

export type Sender = PostTarget & {
  /** How often to retry a batch. */
  readonly retries: number;
  /** How often to retry while nobody listens at the endpoint, and it has not answered yet. Default: `retries`. */
  readonly firstRetries?: number;
  readonly clock: Clock;
  /** Ends the wait for a retry; no retry follows. */
  readonly signal: AbortSignal;
  /** Called before the wait for a retry. */
  readonly onRetry: (reason: string, waitMs: number, retriesLeft: number) => void;
};

const firstBackoffMs = 500;
const maxBackoffMs = 30_000;

/** A longer `Retry-After`, in ms, is a failure at once. */
const maxRetryAfterMs = 10 * 60_000;

/**
 * Sends a batch until the server stores or refuses it. All tries have the same idempotency key, so the server stores it
 * once. The wait before a retry is random, up to 0.5 s at first, doubling up to 30 s, and at least the server's
 * `Retry-After`.
 * @param hasAnswered whether the server has answered an earlier batch.
 */
export async function sendBatch(
  batch: Batch,
  key: string,
  sender: Sender,
  hasAnswered = false,
): Promise<Sent> {
  const { clock, signal } = sender;
  let isThere = hasAnswered;
  let isUncertain = false;
  for (let retries = 0; ; retries += 1) {
    const posted = await postBatch(batch, key, sender, clock.now());
    if (posted.kind === 'stored') return { ...posted, retries };
    const { reason } = posted;
    isUncertain ||= posted.isUncertain;
    if (posted.kind === 'refused' || !posted.isNobodyThere) isThere = true;
    const maxRetries = isThere ? sender.retries : (sender.firstRetries ?? sender.retries);
    if (posted.kind === 'refused') return { kind: 'failed', reason, isUncertain, retries };
    const waitMs = Math.max(posted.waitMs ?? 0, clock.random() * backoffMs(retries));
    if (waitMs > maxRetryAfterMs) {
      const tooLong = `${reason} It asks to wait ${Math.ceil(waitMs / 1_000)} s; the limit is ${maxRetryAfterMs / 1_000} s.`;
      return { kind: 'failed', reason: tooLong, isUncertain, retries };
    }
    if (retries < maxRetries && !signal.aborted) {
      sender.onRetry(reason, waitMs, maxRetries - retries);
      await wait(clock, waitMs, signal);
    }
    if (retries >= maxRetries || signal.aborted) {
      return {
        kind: 'failed',
        reason: `${reason} Gave up after ${retries + 1} ${retries === 0 ? 'try' : 'tries'}.`,
        isUncertain,
        retries,
      };
    }
  }
}

function backoffMs(retries: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** retries);
}

/** How one request ended. A `reason` is one or more whole sentences. */
type Posted =
  /** The batch is in the log. `isDuplicate`: an earlier request with this key stored it. */
  | { readonly kind: 'stored'; readonly ids: readonly string[]; readonly isDuplicate: boolean }
  /** The server refuses the batch, or push refuses the server's certificate. A retry would fail too. */
  | { readonly kind: 'refused'; readonly reason: string; readonly isUncertain: boolean }
  /** A retry may succeed. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      /** The server's `Retry-After`, in ms; null when it sent none. */
      readonly waitMs: number | null;
      /** Whether the server may have stored the batch. */
      readonly isUncertain: boolean;
      /** Whether no program listens at the address. */
      readonly isNobodyThere: boolean;
    };

type PostTarget = {
  readonly endpoint: URL;
  /** What the user can do if nobody answers at the endpoint. */
  readonly unreachableAdvice: string;
  /** What the user can do if the token is missing or wrong. */
  readonly tokenAdvice: string;
  /** What the user can do if text does not fit the schema of its type; null: nothing that push knows of. */
  readonly misfitAdvice: string | null;
  readonly token: string | null;
  /** Time limit of one request, in ms. */
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
};

/** Statuses after which a retry may succeed. */
const temporaryStatuses: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** The advice of a command that reads the token from the environment and from .env.local. */
export const tokenAdvice = "Set PUBLISH_TOKEN to the app's token, in the environment or in .env.local.";

/** Sends a batch once, with its idempotency key. */
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
      // fetch would follow some redirects with a GET.
      redirect: 'manual',
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    return judge(response, await response.text(), batch, target, nowMs);
  } catch (cause) {
    const { origin } = target.endpoint;
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      const reason = `${origin} did not answer within ${target.timeoutMs / 1_000} s.`;
      return { kind: 'retry', reason, waitMs: null, isUncertain: true, isNobodyThere: false };
    }
    const { code, kind, advice } = explainNetworkError(cause);
    const isConnectFailure = kind !== 'other';
    const isTlsFailure = kind === 'certificate' || kind === 'no-tls';
    const ownAdvice = isTlsFailure ? advice : target.unreachableAdvice;
    const reason = `Cannot reach ${origin} (${code}).${isConnectFailure ? ` ${ownAdvice}` : ''}`;
    // A certificate does not become valid while push waits.
    if (isTlsFailure) return { kind: 'refused', reason, isUncertain: false };
    const isNobodyThere = kind === 'refused';
    return { kind: 'retry', reason, waitMs: null, isUncertain: !isConnectFailure, isNobodyThere };
  }
}

function judge(response: Response, body: string, batch: Batch, target: PostTarget, nowMs: number): Posted {
  const { status, headers } = response;
  const { endpoint } = target;
  if (response.ok) return readStored(status, body, batch, endpoint);
  if (status >= 300 && status < 400) {
    const location = headers.get('location') ?? 'another address';
    const reason = `${endpoint.href} redirects to ${location} (${status}). Set --url to the new address of the app.`;
    return { kind: 'refused', reason, isUncertain: false };
  }
  const detail = readDetail(body) ?? (response.statusText || 'no reason given');
  const advice = adviceFor(status, isMisfit(body) && batch.some(isText), target);
  const reason = `The server answered ${status}: ${detail}.${advice === null ? '' : ` ${advice}`}`;
  if (!temporaryStatuses.has(status)) return { kind: 'refused', reason, isUncertain: false };
  const isUncertain = status !== 429 && status !== 503;
  const waitMs = parseRetryAfter(headers.get('retry-after'), nowMs);
  return { kind: 'retry', reason, waitMs, isUncertain, isNobodyThere: false };
}

/** What the user can do; null: nothing that this command knows of. */
function adviceFor(status: number, isMisfitText: boolean, target: PostTarget): string | null {
  if (status === 401) return target.tokenAdvice;
  if (status === 404) return 'Is --url the address of a Steadfeed app?';
  return isMisfitText ? target.misfitAdvice : null;
}

function readStored(status: number, body: string, batch: Batch, endpoint: URL): Posted {
  const answer = parse(body) as { events?: unknown; duplicate?: unknown } | null;
  const events: unknown[] = Array.isArray(answer?.events) ? answer.events : [];
  const ids = events.map((event) => (event as { id?: unknown } | null)?.id);
  if (ids.length === batch.length && ids.every((id) => typeof id === 'string')) {
    return { kind: 'stored', ids, isDuplicate: answer?.duplicate === true };
  }
  const reason = `${endpoint.href} answered ${status} without the ids of the events. Is --url the address of a Steadfeed app?`;
  return { kind: 'refused', reason, isUncertain: true };
}

function readDetail(body: string): string | null {
  const problem = parse(body) as { detail?: unknown } | null;
  return typeof problem?.detail === 'string' ? problem.detail.replace(/\.$/, '') : null;
}

/** Whether the data of an event is text. */
function isText({ json }: PushEvent): boolean {
  return typeof (parse(json) as { data?: unknown } | null)?.data === 'string';
}

/** Whether the server refused data that does not fit the schema of its type. */
function isMisfit(body: string): boolean {
  const problem = parse(body) as { type?: unknown } | null;
  return problem?.type === 'urn:steadfeed:problem:data-does-not-fit';
}

function parse(body: string): object | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' ? value : null;
  } catch {
    // For example the HTML page of a proxy.
    return null;
  }
}

/**
 * Parses a `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date.
 * @param nowMs Unix time in ms.
 * @returns ms to wait, at least 0; null when the header is missing or not valid.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const timeMs = Date.parse(header);
  return Number.isNaN(timeMs) ? null : Math.max(0, timeMs - nowMs);
}
