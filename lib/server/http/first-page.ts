import type { FeedPage } from '../../core/event.ts';
import { statusOf } from '../../core/feed-error.ts';
import { parseName } from '../../core/ids.ts';
import { getRuntime } from '../runtime.ts';
import { resolveStart } from '../stream/start-position.ts';
import { checkReadAccess } from './access.ts';
import { pageJson, pollAdvice, readPage } from './page.ts';
import { retryAfterMs, toFeedError } from './problem.ts';

/** What a page that the server renders starts with; or the reason why there is nothing, for its reader. */
type FirstPage =
  | {
      readonly kind: 'page';
      readonly page: FeedPage;
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
 * Reads the newest events of a channel, and the cursor after them, from the log. The client continues from that cursor
 * without a hole or a repeat.
 * @param count events, at most 500.
 * @param headers of the request for the page: its cookie `feed_token` opens a private channel.
 */
export async function readFirstPage(channel: string, count: number, headers: Headers): Promise<FirstPage> {
  try {
    const runtime = getRuntime();
    const { log, settings, clock } = runtime;
    const request = new Request('http://page.invalid/', { headers });
    await checkReadAccess(request, [parseName(channel, 'channel')], settings.readTokenSecret, clock.now());
    const start = { kind: 'rewind', rewind: { kind: 'count', count } } as const;
    const noEnd = () => {
      throw new Error('a rewind needs no end');
    };
    const positions = await resolveStart(log, [channel], start, noEnd);
    // The log itself has just given the start: if a replica lags behind it, the page waits without a slot.
    const slot = { take: () => undefined, signal: request.signal };
    const page = await readPage(runtime, positions, null, count, slot);
    return {
      kind: 'page',
      page: JSON.parse(pageJson(page, pollAdvice(settings.pollMode))),
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
