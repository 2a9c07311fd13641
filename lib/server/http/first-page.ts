import { statusOf } from '../../core/feed-error.ts';
import { defaultChannel, parseName } from '../../core/ids.ts';
import { maxRead } from '../../log/event-log.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { resolveStart } from '../stream/start-position.ts';
import { type EventFilter, filterFor } from '../tail/ring-buffer.ts';
import { checkReadAccess } from './access.ts';
import { pageJson, pollAdvice, readLatestPage, readPage } from './page.ts';
import { retryAfterMs, toFeedError } from './problem.ts';

/** What to read, as in the options of `useFeed`. */
export type FirstPageOptions = {
  /** Default: `feed`. */
  readonly channels?: readonly string[];
  /** Default: all types. */
  readonly types?: readonly string[];
  /** How many events to read of each channel, the newest, at most 500; `types` then drops some. Default 50. */
  readonly count?: number;
};

/** What a page that the server renders starts with; or the reason why there is nothing, for its reader. */
export type FirstPage =
  | {
      readonly kind: 'page';
      /**
       * The option `initial` of `useFeed`: a `FeedPage` as JSON. As one text each value reaches the browser unchanged,
       * however deeply it is nested.
       */
      readonly initial: string;
      /** How many events the log keeps in each channel, at least. */
      readonly retention: number;
      /** Unix time in ms, by the server's clock. */
      readonly renderedAt: number;
      /** Longest time between two probes of the client while it polls, in ms. */
      readonly maxProbeMs: number;
    }
  | {
      readonly kind: 'problem';
      readonly detail: string;
      /** After how many seconds the same request may succeed, 0 if nobody knows; null: it will not. */
      readonly retryAfterSeconds: number | null;
    };

/**
 * Reads the newest events, and the cursor after them, from the log. `useFeed` with the same channels and types continues
 * from that cursor without a hole or a repeat.
 * @param headers of the request for the page: its cookies may open private channels.
 */
export function readFirstPage(headers: Headers, options: FirstPageOptions = {}): Promise<FirstPage> {
  const { channels: wanted = [defaultChannel], types = [], count = 50 } = options;
  return readAsPage(headers, wanted, (runtime, channels) =>
    readNewest(runtime, channels, filterFor(types, []), count),
  );
}

/** Which state to read, as in the options of `useLatest`. */
export type FirstLatestOptions = {
  /** Default: `feed`. */
  readonly channel?: string;
  /** Default: all types. */
  readonly types?: readonly string[];
  /** Default: all subjects. */
  readonly subjects?: readonly string[];
};

/**
 * Reads the state of a channel for a page that the server renders: `initial` is the option of `useLatest`. It has up to 500
 * subjects; the browser reads the others.
 * @param headers of the request for the page: its cookies may open private channels.
 */
export function readFirstLatest(headers: Headers, options: FirstLatestOptions = {}): Promise<FirstPage> {
  const { channel: wanted = defaultChannel, types = [], subjects = [] } = options;
  return readAsPage(headers, [wanted], async (runtime, [channel = wanted]) => {
    const page = await readLatestPage(runtime, channel, null, filterFor(types, subjects), maxRead, noSlot);
    return pageJson(page, pollAdvice(runtime.settings.pollMode));
  });
}

/** Reads what a page starts with, or the reason why its reader gets nothing. */
async function readAsPage(
  headers: Headers,
  wanted: readonly string[],
  read: (runtime: Runtime, channels: readonly string[]) => Promise<string>,
): Promise<FirstPage> {
  try {
    const runtime = getRuntime();
    const { settings, clock } = runtime;
    const channels = [...new Set(wanted.map((name) => parseName(name, 'channel')))];
    // The framework's headers are a class of its own; a `Request` takes the standard one.
    const request = new Request('http://page.invalid/', { headers: new Headers(headers) });
    await checkReadAccess(request, channels, runtime);
    return {
      kind: 'page',
      initial: await read(runtime, channels),
      retention: settings.retention,
      renderedAt: clock.now(),
      maxProbeMs: settings.probeMaxMs,
    };
  } catch (cause) {
    const error = toFeedError(cause);
    const isPassing = statusOf(error.code) >= 500;
    const retryAfterSeconds = isPassing ? Math.ceil((retryAfterMs(error) ?? 0) / 1_000) : null;
    return { kind: 'problem', detail: error.message, retryAfterSeconds };
  }
}

/** The log itself has just given the start: if a replica lags behind it, the page waits without a slot. */
const noSlot = { take: () => undefined, signal: new AbortController().signal };

/**
 * Reads the newest events of channels, as the option `initial` of `useFeed`. It does not ask who reads.
 * @param filter which events to deliver. @param count how many events of each channel, before `filter` drops some.
 */
export async function readNewest(
  runtime: Runtime,
  channels: readonly string[],
  filter: EventFilter | null,
  count: number,
): Promise<string> {
  const start = { kind: 'rewind', rewind: { kind: 'count', count } } as const;
  const noEnd = () => {
    throw new Error('a rewind needs no end');
  };
  const positions = await resolveStart(runtime.log, channels, start, noEnd);
  const limit = Math.min(maxRead, count * channels.length);
  const page = await readPage(runtime, positions, filter, limit, noSlot);
  return pageJson(page, pollAdvice(runtime.settings.pollMode));
}
