import type { FeedPage } from '../core/feed-page.ts';
import { pageJson, pollAdvice } from './events-route.ts';
import { toFeedError } from './problem.ts';
import { readPage } from './read-page.ts';
import { resolveStart } from './resolve-start.ts';
import { getRuntime } from './runtime.ts';

/** What a server-rendered page begins with; or why it cannot, in words for its reader. */
export type FirstPage =
  | {
      readonly kind: 'page';
      readonly page: FeedPage;
      /** Events the log keeps per channel, at least. */
      readonly retention: number;
      /** Longest wait of the client between two tries to stream again while it polls, in ms. */
      readonly maxProbeMs: number;
    }
  | { readonly kind: 'problem'; readonly detail: string };

/**
 * The newest events of a public channel and the cursor after them, from the log: the client goes on from there without
 * a hole or a repeat.
 * @param count events, at most 500.
 */
export async function readFirstPage(channel: string, count: number): Promise<FirstPage> {
  try {
    const runtime = getRuntime();
    const { log, settings } = runtime;
    const start = { kind: 'rewind', rewind: { kind: 'count', count } } as const;
    const positions = await resolveStart(log, [channel], start, () => {
      throw new Error('a rewind needs no end');
    });
    const page = await readPage(runtime, positions, null, count);
    return {
      kind: 'page',
      page: JSON.parse(pageJson(page, pollAdvice(settings.pollMode))),
      retention: settings.retention,
      maxProbeMs: settings.probeMaxMs,
    };
  } catch (cause) {
    return { kind: 'problem', detail: toFeedError(cause).message };
  }
}
