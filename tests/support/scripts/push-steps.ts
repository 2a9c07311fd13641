import { type PushPlan, type PushResult, pushEvents } from '../../../scripts/push/push-events.ts';
import {
  type BatchLimits,
  type Line,
  type PushEvent,
  readPushEvents,
  splitLines,
} from '../../../scripts/push/push-input.ts';
import { readEndpoint } from '../../../scripts/push/push-options.ts';
import { createLeapingClock, type LeapingClock } from './leaping-clock.ts';
import type { PublishServer } from './publish-server.ts';

/** An input that comes in these pieces. */
export async function* pieces(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part;
}

/** All items of a sequence. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The lines of an input that comes in these pieces. */
export function linesOf(...parts: readonly (string | Uint8Array)[]): Promise<Line[]> {
  return all(splitLines(pieces(...parts)));
}

/** `count` lines of text, `1` to `count`. */
export function numbered(count: number): string {
  return Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('');
}

/** The events of an input. */
export function eventsOf(input: string | Uint8Array, format: 'auto' | 'lines' | 'ndjson' = 'auto') {
  return readPushEvents(splitLines(pieces(input)), format, { channel: 'feed', type: 'message' });
}

export type PushOverrides = {
  readonly limits?: Partial<BatchLimits>;
  readonly sender?: Partial<PushPlan['sender']>;
  readonly clock?: LeapingClock;
};

/** Pushes an input to a server, in batches of 10, with a clock whose waits end at once. */
export function push(server: PublishServer, input: string | Uint8Array, over: PushOverrides = {}) {
  return pushAll(server, eventsOf(input), over);
}

export function pushAll(
  server: PublishServer,
  events: AsyncIterable<PushEvent>,
  over: PushOverrides = {},
): Promise<PushResult> {
  return pushEvents(events, {
    limits: { events: 10, bytes: 1_048_575, waitMs: null, ...over.limits },
    keyPrefix: 'test',
    onProgress: () => {},
    sender: {
      endpoint: readEndpoint(server.url),
      unreachableAdvice: 'Is the app running there?',
      tokenAdvice: "Set PUBLISH_TOKEN to the app's token, in the environment or in .env.local.",
      misfitAdvice: null,
      token: null,
      timeoutMs: 5_000,
      fetch,
      retries: 15,
      clock: over.clock ?? createLeapingClock(),
      signal: new AbortController().signal,
      onRetry: () => {},
      ...over.sender,
    },
  });
}
