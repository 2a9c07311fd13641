import type { Ask, Input } from './plan.ts';
import { type RequestParts, requestBytes } from './request-bytes.ts';

/** Longest that an answer may take, unless the contract says otherwise. */
export const slowMs = 2_000;

/** An answer of `/api/events` to GET, unless said otherwise. */
export function askFor(ask: Partial<Ask>): Ask {
  return {
    method: 'GET',
    route: 'events',
    statuses: null,
    withinMs: slowMs,
    namesHost: false,
    isHeld: false,
    body: null,
    newestOf: null,
    ...ask,
  };
}

/** One whole request on a connection that goes on, and its one answer. */
export function oneAsk(request: RequestParts, ask: Partial<Ask> = {}): Input {
  return {
    parts: [requestBytes(request)],
    keepsConnection: ask.isHeld !== true,
    asks: [askFor({ method: request.method ?? 'GET', ...ask })],
    ending: { kind: 'answers' },
  };
}

/** One request, broken in some way, on a connection of its own that is left after a moment. */
export function brokenAsk(parts: readonly Buffer[], ask: Partial<Ask>, afterMs: number): Input {
  return { parts, keepsConnection: false, asks: [askFor(ask)], ending: { kind: 'leave', afterMs } };
}
