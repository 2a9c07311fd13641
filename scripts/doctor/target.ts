import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainNetworkError } from '../command-line.ts';
import { fetchSameOrigin } from '../same-origin-fetch.ts';

/** An answer of the deployment. `ms`: the time it took. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
  readonly ms: number;
};

/** The deployment under examination, as everything between lets it be seen. */
export type Target = {
  /** The address without a slash at its end. */
  readonly url: string;
  /** Headers of a reader: its token, if it has one. */
  readonly headers: Readonly<Record<string, string>>;
  /** A channel of the doctor's own, which nobody else reads. */
  channel(purpose: string): string;
  /** Sends a request. @returns null when no answer came within `limitMs`. */
  ask(path: string, limitMs: number, init?: RequestInit): Promise<Answer | null>;
  /** Why the last request without an answer got none, with what to do; null: each has got one so far. */
  readonly lastFailure: () => string | null;
  /**
   * Publishes one event. Something in between may refuse it: then it is tried again, twice.
   * @param isLast whether it ends the channel.
   * @returns when it was sent, by `performance.now()`; null when it was not stored.
   */
  publish(channel: string, data: unknown, isLast?: boolean): Promise<number | null>;
  /** Answers so far that the feed did not write: refusals of something in between, by status. */
  readonly foreignRefusals: Map<number, number>;
  /** Requests so far. */
  readonly sent: () => number;
};

export type TargetOptions = {
  readonly url: string;
  readonly token: string | null;
  readonly publishToken: string | null;
};

const publishLimitMs = 10_000;

export function createTarget({ url, token, publishToken }: TargetOptions): Target {
  const run = randomBytes(4).toString('hex');
  const base = url.replace(/\/+$/, '');
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const foreignRefusals = new Map<number, number>();
  let sent = 0;
  let lastFailure: string | null = null;

  async function ask(path: string, limitMs: number, init: RequestInit = {}): Promise<Answer | null> {
    const startedAt = performance.now();
    sent += 1;
    try {
      const response = await fetchSameOrigin(base + path, {
        ...init,
        headers: { ...headers, ...init.headers },
        signal: AbortSignal.timeout(limitMs),
      });
      const text = await response.text();
      const answer = { status: response.status, headers: response.headers, text, json: parse(text) };
      if (isForeignRefusal(answer)) {
        foreignRefusals.set(answer.status, (foreignRefusals.get(answer.status) ?? 0) + 1);
      }
      return { ...answer, ms: Math.round(performance.now() - startedAt) };
    } catch (cause) {
      lastFailure = failureOf(cause, limitMs);
      return null;
    }
  }

  return {
    url: base,
    headers,
    foreignRefusals,
    sent: () => sent,
    lastFailure: () => lastFailure,
    ask,
    channel: (purpose) => `public:doctor-${run}-${purpose}`,
    async publish(channel, data, isLast = false) {
      // Where an answer was lost, the next try stores nothing twice.
      const key = { 'idempotency-key': randomUUID() };
      for (let tries = 0; tries < 3; tries += 1) {
        if (tries > 0) await sleep(1_000);
        const sentAt = performance.now();
        const answer = await ask('/api/events', publishLimitMs, {
          method: 'POST',
          headers: { ...publishHeaders(publishToken), ...key },
          body: JSON.stringify({ channel, data, ...(isLast && { end: true }) }),
        });
        if (answer?.status === 201 || answer?.status === 200) return sentAt;
        if (answer !== null && isRefusalOfFeed(answer)) return null;
      }
      return null;
    },
  };
}

/** The headers of a publish request. */
export function publishHeaders(publishToken: string | null): Record<string, string> {
  const json = { 'content-type': 'application/json' };
  return publishToken === null ? json : { ...json, authorization: `Bearer ${publishToken}` };
}

/** Whether the feed's server has refused: it explains each refusal in a problem of its own. */
export function isRefusalOfFeed({ status, json }: Pick<Answer, 'status' | 'json'>): boolean {
  return status >= 400 && String(Object(json).type).startsWith('urn:steadfeed:');
}

function failureOf(cause: unknown, limitMs: number): string {
  if (cause instanceof Error && cause.name === 'TimeoutError')
    return `it took longer than ${limitMs / 1_000} s`;
  const { code, advice } = explainNetworkError(cause);
  return advice === '' ? code : `${code}. ${advice}`;
}

function isForeignRefusal(answer: Pick<Answer, 'status' | 'json'>): boolean {
  return (answer.status === 429 || answer.status >= 500) && !isRefusalOfFeed(answer);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
