import { hash } from 'node:crypto';
import { wait } from '../../core/clock.ts';
import { formatPosition, type Position } from '../../core/cursor.ts';
import type { PollAdvice } from '../../core/event.ts';
import { createPollSlot, type PollSlot } from '../admission.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { checkEvents, checkIdempotencyKey, storeEvents } from '../store-events.ts';
import type { StatePlace } from '../stream/channel-state.ts';
import { planDeadline, secondsLeft } from '../stream/deadline.ts';
import { positionAtEnd, resolveStart } from '../stream/start-position.ts';
import type { Lease } from '../tail/tails.ts';
import { checkPublishAccess, checkReadAccess, type ReadCheck } from './access.ts';
import { type Page, pageJson, pollAdvice, readHistory, readLatestPage, readPage } from './page.ts';
import { readEvents } from './publish-body.ts';
import { checkPublishQuery, type LatestQuery, type PageQuery, parsePageQuery } from './read-query.ts';
import { createRouteHandler, type RouteMethods } from './route-handler.ts';

/** The handler of `/api/events`: pages of events, and publishing. */
export function eventsRoute(runtimeOf: () => Runtime = getRuntime): (request: Request) => Promise<Response> {
  return createRouteHandler({ ...pageMethods(checkReadAccess), POST: publishEvents }, runtimeOf);
}

/** The methods that read a page. @param check decides who may. */
export function pageMethods(check: ReadCheck): Pick<RouteMethods, 'GET' | 'HEAD'> {
  return {
    GET: (request, runtime) => getPage(request, runtime, check, request.signal),
    HEAD: async (request, runtime) => {
      // Nobody waits for an event: the page is read as for a reader that has left.
      const { status, headers } = await getPage(request, runtime, check, AbortSignal.abort());
      return new Response(null, { status, headers });
    },
  };
}

/** @param signal aborts when the reader has left: from then on nothing is held for it. */
async function getPage(
  request: Request,
  runtime: Runtime,
  check: ReadCheck,
  signal: AbortSignal,
): Promise<Response> {
  const { clock, metrics } = runtime;
  const requested = parsePageQuery(new URL(request.url).searchParams);
  const limitSeconds = maxWaitSeconds(runtime);
  const startedAt = clock.elapsed();
  const { endsAt, isShareable } = await check(request, requested.channels, runtime);
  // A poll is not held longer than its reader may read. The check may have taken seconds.
  const accessSeconds = endsAt === null ? Infinity : (endsAt - clock.now()) / 1_000;
  const secondsLeft = Math.min(limitSeconds - (clock.elapsed() - startedAt) / 1_000, accessSeconds);
  const waitSeconds = Math.max(0, Math.min(requested.waitSeconds, secondsLeft));
  const query = { ...requested, waitSeconds };
  const page = await readQueriedPage(request, runtime, query, signal);
  metrics.polls.add();
  if (page.gaps.length > 0) metrics.gaps.add(page.gaps.length);
  const restMs = nextRestMs(runtime, query, page);
  const advice =
    restMs === null ? adviceFor(request, runtime, query) : { waitSeconds: 0, everyMs: restMs, rest: true };
  const body = pageJson(page, advice);
  const etag = `"${hash('sha1', body, 'base64url')}"`;
  const headers = {
    etag,
    'cache-control': cacheControl(query, page, isShareable, restMs, runtime),
    'content-type': 'application/json; charset=utf-8',
    // Shows a client that a cache keeps polls too long.
    'feed-time': String(clock.now()),
  };
  return matchesEtag(request.headers.get('if-none-match'), etag)
    ? new Response(null, { status: 304, headers })
    : new Response(body, { headers });
}

/** A poll is answered before the platform's limit on one request, like a stream that hands over without jitter. */
function maxWaitSeconds({ settings, clock }: Runtime): number {
  const left = secondsLeft(settings.streamMaxSeconds ?? Infinity, clock.now());
  return planDeadline(left, 0).handoverInMs / 1_000;
}

async function readQueriedPage(
  request: Request,
  runtime: Runtime,
  query: PageQuery,
  signal: AbortSignal,
): Promise<Page> {
  const { log, admission } = runtime;
  const [channel] = query.channels;
  const { filter, limit } = query;
  if (query.before !== null && channel !== undefined) {
    return readHistory(log, channel, query.before, filter, limit);
  }
  const slot = createPollSlot(request, admission, query.channels, signal);
  try {
    // Awaited here, because the slot is held until then.
    if (query.latest !== null && channel !== undefined) {
      return await readLatestPage(runtime, channel, placeOf(query.latest, channel), filter, limit, slot);
    }
    const positions = await startPositions(runtime, query);
    const page = await readPage(runtime, positions, filter, limit, slot);
    // Without a slot the poll is not refused: the reader gets the empty page, and the advice to wait by itself.
    const isHeld = query.waitSeconds > 0 && isEmpty(page) && !signal.aborted && slot.tryTake();
    return isHeld ? await longPoll(runtime, query, page, slot) : page;
  } finally {
    slot.release();
  }
}

function placeOf(latest: LatestQuery, channel: string): StatePlace {
  const position = latest.kind === 'next' ? latest.at.get(channel) : undefined;
  return latest.kind === 'first' || position === undefined ? null : { afterSeq: latest.after.seq, position };
}

/** Every answer of a server that is nearly full advises the same: its reader must not come back at once for a slot. */
function adviceFor(request: Request, { settings, admission }: Runtime, { channels }: PageQuery): PollAdvice {
  const isLong = settings.pollMode === 'long' && admission.hasSpare(request, channels);
  return pollAdvice(isLong ? 'long' : 'short');
}

/** The pause before the next poll of a reader at rest, in ms; null: it does not rest, or should stream. */
function nextRestMs({ rest }: Runtime, { restMs }: PageQuery, { events, gaps, more }: Page): number | null {
  return restMs === 0 || gaps.length > 0 || more ? null : rest.polled(restMs, events.length);
}

async function startPositions({ log }: Runtime, { channels, start }: PageQuery) {
  const startingNow = channels.filter(
    (channel) => start.kind === 'now' || (start.kind === 'cursor' && !start.cursor.has(channel)),
  );
  const ends = new Map<string, Position>();
  if (startingNow.length > 0) {
    for (const [channel, state] of await log.ends(startingNow)) ends.set(channel, positionAtEnd(state));
  }
  const endOf = (channel: string) => ends.get(channel) ?? positionAtEnd(null);
  return resolveStart(log, channels, start, endOf);
}

/**
 * Holds a request that has no events yet, until an event arrives, its time is over, its reader has left or the process
 * stops. The tails wake it; the page is read from the log.
 * @param first the page so far; it is empty.
 * @param slot that the poll has taken.
 */
async function longPoll(
  runtime: Runtime,
  { filter, limit, waitSeconds }: PageQuery,
  first: Page,
  slot: PollSlot,
): Promise<Page> {
  const { clock, tails, stopping } = runtime;
  const over = new AbortController();
  const end = () => over.abort();
  const cancelTimer = clock.after(waitSeconds * 1_000, end);
  const endings = [slot.signal, stopping.signal];
  for (const ending of endings) ending.addEventListener('abort', end);
  if (endings.some((ending) => ending.aborted)) end();
  const leases = [...first.positions.keys()].map((channel) => tails.lease(channel));
  try {
    let page = first;
    await Promise.race([Promise.all(leases.map(({ tail }) => tail.ready())), aborted(over.signal)]);
    while (isEmpty(page) && !over.signal.aborted) {
      await untilTailsMove(leases, page, over.signal);
      if (!over.signal.aborted) page = await readPage(runtime, page.positions, filter, limit, slot);
      // Without the pause, a replica that lags behind its own announcement would make this loop spin.
      if (isEmpty(page)) await wait(clock, 50, over.signal);
    }
    return page;
  } finally {
    cancelTimer();
    for (const ending of endings) ending.removeEventListener('abort', end);
    for (const lease of leases) lease.release();
  }
}

/** Whether a page reports nothing, so that its request can be held. */
function isEmpty({ events, gaps, more, ended }: Page): boolean {
  return events.length === 0 && gaps.length === 0 && !more && !ended;
}

/** Resolves when the end of a tail differs from the page's position, or on abort. */
async function untilTailsMove(leases: readonly Lease[], page: Page, signal: AbortSignal): Promise<void> {
  const hasMoved = () =>
    leases.some(({ tail }) => {
      const position = page.positions.get(tail.channel);
      return position === undefined || formatPosition(position) !== formatPosition(tail.end());
    });
  if (hasMoved()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unlisten = leases.map(({ tail }) => tail.listen(() => hasMoved() && resolve()));
  await Promise.race([promise, aborted(signal)]);
  for (const end of unlisten) end();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** How long a shared cache may keep a page of an ended channel, in seconds. A channel that expires sooner is kept less long. */
const endedPageSeconds = 3_600;

/**
 * A shared cache may keep only what is the same for every reader, and only while it stays true. What it tells readers at rest
 * is old by the time of their next poll: they count the pause from the time at which the server answered. In a busy time no
 * cache answers them: the server counts their polls, so that they do not become more than a stream costs.
 * @param restMs that pause; null: the reader does not rest.
 */
function cacheControl(
  { channels, filter, start, waitSeconds, before, latest }: PageQuery,
  page: Page,
  isShareable: boolean,
  restMs: number | null,
  { settings: { restBusyMs }, rules }: Runtime,
) {
  const isCounted = restMs !== null && restBusyMs !== null && restMs <= restBusyMs;
  const isCurrent = waitSeconds === 0 && before === null && !isCounted;
  const isShared = isShareable && channels.length === 1 && isCurrent && page.gaps.length === 0;
  if (isShared && isEmpty(page) && restMs !== null) {
    return `public, max-age=0, s-maxage=${Math.max(1, restMs / 1_000 - 1)}`;
  }
  const isWholePast = start.kind === 'cursor' || (start.kind === 'rewind' && start.rewind.kind === 'all');
  if (isShared && page.isFinal && isWholePast && latest === null) {
    const { expireAfterEndSeconds } = rules(channels[0] ?? '');
    return `public, max-age=0, s-maxage=${Math.min(endedPageSeconds, expireAfterEndSeconds ?? endedPageSeconds)}`;
  }
  if (isShared && (!page.more || latest !== null)) return 'public, max-age=0, s-maxage=1';
  const [position] = start.kind === 'cursor' ? start.cursor.values() : [];
  const isAnchored = position !== undefined && position.epoch !== null && position.id.seq > 0;
  if (isShared && isAnchored && filter === null) return 'public, max-age=0, s-maxage=60';
  return 'private, no-store';
}

/** Compares weakly (RFC 9110, 13.1.2): a cache that compresses the page makes its tag a weak one. */
function matchesEtag(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch?.trim() === '*') return true;
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag);
}

async function publishEvents(request: Request, runtime: Runtime): Promise<Response> {
  let reading: ReturnType<typeof checkEvents> | null = null;
  const eventsOf = () => {
    reading ??= readEvents(request, runtime.clock).then(checkEvents);
    return reading;
  };
  const channelsOf = async () => [...new Set((await eventsOf()).map(({ channel }) => channel))];
  await checkPublishAccess(request, channelsOf, runtime);
  checkPublishQuery(new URL(request.url).searchParams);
  const key = request.headers.get('idempotency-key');
  if (key !== null) checkIdempotencyKey(key, 'Idempotency-Key');
  const events = await eventsOf();
  const { ids, duplicate } = await storeEvents(runtime, events, key, request);
  const body = { events: events.map(({ channel }, index) => ({ id: ids[index], channel })), duplicate };
  return Response.json(body, {
    status: duplicate ? 200 : 201,
    headers: { 'cache-control': 'private, no-store' },
  });
}
