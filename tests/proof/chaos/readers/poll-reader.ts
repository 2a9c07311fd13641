import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedPage } from '../../../../lib/core/event.ts';
import { queryOf, type Reader, type ReaderOrder } from './reader.ts';

/** A reader as anyone can write it in ten lines: a plain GET with the cursor of the last answer, as a short or long poll. */
export function startPollReader(order: ReaderOrder, waitSeconds: number): Reader {
  const { url, record } = order;
  const ending = new AbortController();
  let cursor: string | null = null;
  let state = 'begins';
  let refused: string | null = null;

  async function poll(): Promise<boolean> {
    const query = queryOf(order);
    if (cursor !== null) query.set('after', cursor);
    if (waitSeconds > 0) query.set('wait', String(waitSeconds));
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout((waitSeconds + 8) * 1_000)]);
    const askedAt = performance.now();
    const response = await fetch(`${url}/api/events?${query}`, { signal });
    state = `${response.status} after ${Math.round(performance.now() - askedAt)} ms`;
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      refused = `${response.status} ${await response.text()}`;
    }
    if (!response.ok) return false;
    const page = (await response.json()) as FeedPage;
    cursor = page.cursor;
    // The gaps of a page come before its events.
    for (const gap of page.gaps) record.gap(gap);
    for (const event of page.events) record.event(event);
    return page.more;
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      let pauseMs = waitSeconds > 0 ? 0 : 250;
      try {
        if (await poll()) pauseMs = 0;
        else if (!state.startsWith('200')) pauseMs = 500;
      } catch (error) {
        state = error instanceof Error ? error.message : 'failed';
        pauseMs = 300;
      }
      await sleep(pauseMs);
    }
  }
  const running = run();
  return {
    record,
    state: () => state,
    gaveUp: () => refused,
    async close() {
      ending.abort();
      await running;
    },
  };
}
