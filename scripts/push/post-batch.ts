import { type Batch, toBody } from './gather.ts';
import { parseRetryAfter } from './retry-after.ts';

/** How one request ended. */
export type Posted =
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

export type PostTarget = {
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
export async function postBatch(
  batch: Batch,
  key: string,
  target: PostTarget,
  nowMs: number,
): Promise<Posted> {
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
