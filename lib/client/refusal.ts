import type { Problem } from '../core/sse-frames.ts';

/** An answer that is not what was asked for. */
export type Refusal = {
  /** The HTTP status; 200 when only the content type was wrong. */
  readonly status: number;
  /** `Retry-After` in ms; null without one. */
  readonly retryAfterMs: number | null;
  /** What the server said of it; null when it said nothing that can be shown. */
  readonly problem: Problem | null;
};

/** Longest problem text that is read, in characters. */
const maxProblem = 16_384;

/** Reads an unwanted answer, and lets its body go. Never rejects: a body that cannot be read says nothing. */
export async function readRefusal(response: Response, nowMs: number): Promise<Refusal> {
  const { status } = response;
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), nowMs);
  if (!response.headers.get('content-type')?.includes('json')) {
    await response.body?.cancel().catch(ignore);
    return { status, retryAfterMs, problem: null };
  }
  const text = await response.text().catch(() => '');
  return { status, retryAfterMs, problem: readProblem(text.slice(0, maxProblem)) };
}

/** A body that fails while it is being let go is gone all the same. */
function ignore(): void {}

function readProblem(text: string): Problem | null {
  try {
    const problem: unknown = JSON.parse(text);
    const isProblem =
      typeof problem === 'object' && problem !== null && 'title' in problem && 'detail' in problem;
    return isProblem ? (problem as Problem) : null;
  } catch {
    return null;
  }
}

/** Seconds, or an HTTP date (RFC 9110, section 10.2.3). */
function readRetryAfter(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
