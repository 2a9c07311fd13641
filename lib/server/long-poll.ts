import { wait } from '../core/clock.ts';
import { formatPosition } from '../core/cursor.ts';
import type { PollPlace } from './poll-place.ts';
import { type Page, readPage } from './read-page.ts';
import type { PageQuery } from './read-query.ts';
import type { Runtime } from './runtime.ts';
import type { Lease } from './tails.ts';

/**
 * Holds a request that has nothing to answer until an event comes, the time is up, the reader has gone or the process
 * is told to stop. Its wake comes from the tails; what it answers is read from the log.
 * @param first what there was to answer, which is empty.
 * @param place taken.
 */
export async function longPoll(
  runtime: Runtime,
  { types, limit, waitSeconds }: PageQuery,
  first: Page,
  place: PollPlace,
): Promise<Page> {
  const { clock, tails, stopping } = runtime;
  const over = new AbortController();
  const end = () => over.abort();
  const cancelTimer = clock.after(waitSeconds * 1_000, end);
  const endings = [place.signal, stopping.signal];
  for (const ending of endings) ending.addEventListener('abort', end);
  if (endings.some((ending) => ending.aborted)) end();
  const leases = [...first.positions.keys()].map((channel) => tails.lease(channel));
  try {
    let page = first;
    await Promise.race([Promise.all(leases.map(({ tail }) => tail.ready())), aborted(over.signal)]);
    while (isEmpty(page) && !over.signal.aborted) {
      await untilPast(leases, page, over.signal);
      if (!over.signal.aborted) page = await readPage(runtime, page.positions, types, limit, place);
      // A replica that lags its own announcement must not make this spin.
      if (isEmpty(page)) await wait(clock, 50, over.signal);
    }
    return page;
  } finally {
    cancelTimer();
    for (const ending of endings) ending.removeEventListener('abort', end);
    for (const lease of leases) lease.release();
  }
}

/** Whether a page has nothing to tell, so that its request may be held. */
export function isEmpty({ events, gaps, more }: Page): boolean {
  return events.length === 0 && gaps.length === 0 && !more;
}

/** Resolves when a tail's end is not where the page is, or on abort. */
async function untilPast(leases: readonly Lease[], page: Page, signal: AbortSignal): Promise<void> {
  const isPast = () =>
    leases.some(({ tail }) => {
      const position = page.positions.get(tail.channel);
      return position === undefined || formatPosition(position) !== formatPosition(tail.ring.end());
    });
  if (isPast()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unlisten = leases.map(({ tail }) => tail.listen(() => isPast() && resolve()));
  await Promise.race([promise, aborted(signal)]);
  for (const end of unlisten) end();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
