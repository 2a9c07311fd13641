import { setTimeout as sleep } from 'node:timers/promises';
import { parsePosition } from '../../../../lib/core/cursor.ts';
import type { FeedEvent, FeedPage } from '../../../../lib/core/event.ts';
import { formatEventId } from '../../../../lib/core/ids.ts';
import { applyToState } from '../../../../lib/core/latest.ts';
import type { Snapshot } from '../oracle/history.ts';
import type { Reader, ReaderOrder } from './reader.ts';

/** While the replica lags, a poll can be behind pages of the state that came before it; by at most this, in ms. */
const lagMs = 4_000;

/**
 * Keeps the state of one channel as the protocol says: it reads the state in pages of `limit`, follows the channel by polls from
 * the cursor of the first page, applies each event, and reads the state again after each gap.
 * @param onState gets each state that must be true.
 */
export function startStateReader(
  { url, channels: [channel = ''], record }: ReaderOrder,
  limit: number,
  onState: (snapshot: Snapshot) => void,
): Reader {
  const ending = new AbortController();
  let subjects: Map<string, FeedEvent> | null = null;
  let stateCursor = '';
  let trustedAt = 0;
  let cursor: string | null = null;
  let state = 'begins';
  let refused: string | null = null;

  async function ask(query: Record<string, string>): Promise<FeedPage | null> {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(10_000)]);
    const response = await fetch(`${url}/api/events?${new URLSearchParams({ channel, ...query })}`, {
      signal,
    });
    state = String(response.status);
    if (response.status >= 400 && response.status < 500 && response.status !== 429)
      refused = `${response.status} ${await response.text()}`;
    return response.ok ? ((await response.json()) as FeedPage) : null;
  }

  /** Reads all pages of the state. */
  async function load(): Promise<void> {
    let loaded = new Map<string, FeedEvent>();
    let page = await ask({ latest: '', limit: String(limit) });
    for (let pages = 1; page !== null; pages += 1) {
      for (const event of page.events) applyToState(loaded, event);
      if (page.next === undefined) {
        // An answer of a replica that lags can be behind the polls: the events between would be missing.
        if (cursor !== null && !isReached(page.cursor, cursor)) return;
        subjects = loaded;
        stateCursor = page.cursor;
        trustedAt = pages === 1 ? 0 : performance.now() + lagMs;
        return;
      }
      const next: FeedPage | null = await ask({
        latest: page.next,
        after: page.cursor,
        limit: String(limit),
      });
      if (next !== null && next.cursor !== page.cursor) {
        loaded = new Map();
        pages = 0;
      }
      page = next;
    }
  }

  async function step(): Promise<boolean> {
    if (subjects === null) await load();
    if (cursor === null) {
      if (subjects === null) return false;
      cursor = stateCursor;
      record.begin(channel, formatEventId(parsePosition(stateCursor, 'cursor').id));
      tell();
    }
    const page = await ask({ after: cursor });
    if (page === null) return false;
    for (const gap of page.gaps) record.gap(gap);
    for (const event of page.events) {
      record.event(event);
      if (subjects !== null) applyToState(subjects, event);
    }
    cursor = page.cursor;
    if (page.gaps.length > 0) subjects = null;
    else if (!page.more) tell();
    return page.more;
  }

  /** Reports the state, unless the polls have not yet reached the position at which it was read. */
  function tell(): void {
    if (subjects === null || cursor === null || performance.now() < trustedAt) return;
    if (!isReached(cursor, stateCursor)) return;
    const here = parsePosition(cursor, 'cursor');
    onState({
      ...{ reader: record.reader, channel, epoch: here.epoch, id: formatEventId(here.id) },
      subjects: new Map([...subjects].map(([subject, { id }]) => [subject, id])),
    });
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      let pauseMs = 250;
      try {
        if (await step()) pauseMs = 0;
      } catch (error) {
        state = error instanceof Error ? error.message : 'failed';
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

/** Whether a cursor is in the same epoch as another one, and not before it. */
function isReached(cursor: string, by: string): boolean {
  const [here, there] = [parsePosition(cursor, 'cursor'), parsePosition(by, 'cursor')];
  return here.epoch === there.epoch && here.id.seq >= there.id.seq;
}
