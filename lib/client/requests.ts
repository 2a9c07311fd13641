import type { Clock } from '../core/clock.ts';
import type { Connection, Poll, Signal, Stream } from './connection/state.ts';
import type { BackPressure } from './transport/back-pressure.ts';
import { type FeedQuery, feedAddress } from './transport/http.ts';
import type { Refusal } from './transport/messages.ts';
import { type PageAnswer, readPage } from './transport/page.ts';
import { readStream, type StreamNews } from './transport/sse.ts';

export type RequestRunner = {
  /** Starts and cancels requests, until those in flight are those in the state. */
  reconcile(state: Connection): void;
  /** Keys of the streams whose next events wait for the app. Their silence is no fault of the server. */
  readonly heldStreams: ReadonlySet<number>;
  /** The token with this version; null where the app has none. Asks the app if that version is new. */
  token(version: number): Promise<string | null>;
  /** Asks the app for a new token, whatever the version. */
  newToken(version: number): Promise<string | null>;
};

export type RequestRunnerOptions = {
  readonly query: FeedQuery;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly getToken: (() => string | null | Promise<string | null>) | null;
  /** While the app is busy, streams and polls are not read on. */
  readonly app: BackPressure;
  /** Takes what happens to the requests. */
  dispatch(signals: readonly Signal[]): void;
};

/** An answer to a poll that was sent this long before the poll comes from a cache that keeps it too long, in ms. */
const maxStaleMs = 3_000;

/** A first request that is sent within this time begins now, in ms. */
const promptMs = 100;

/** Sends the requests of a feed: the streams and the poll that the connection's state contains. */
export function createRequestRunner({
  query,
  clock,
  fetch,
  getToken,
  app,
  dispatch,
}: RequestRunnerOptions): RequestRunner {
  const running = new Map<number, AbortController>();
  const heldStreams = new Set<number>();
  /** When the feed was enabled, and whether it has sent a request since. */
  let enabledAt: number | null = null;
  /** When something happened last; null: the reader cannot rest, because it never polls. */
  let activeAt: number | null = null;
  let hasAsked = false;
  /** The most that this clock can be ahead of the server's clock, in ms. */
  let aheadMs = Number.POSITIVE_INFINITY;
  /** The number of polls that had an address of their own; 0: no cache was seen to keep polls. */
  let fresh = 0;
  let cached: { readonly version: number; readonly token: Promise<string | null> } | null = null;

  function token(version: number): Promise<string | null> {
    if (getToken === null) return Promise.resolve(null);
    if (cached === null || cached.version < version)
      cached = { version, token: Promise.resolve().then(getToken) };
    return cached.token;
  }

  const requestOf = (address: string, bearer: string | null, signal: AbortSignal) => ({
    address,
    token: bearer,
    channels: query.channels,
    signal,
    fetch,
    now: clock.now,
  });

  /**
   * The query of a request now. A reader without a cursor begins when its feed was enabled. Only the first request can leave
   * that to the server; the others go back to that time, and a second more, since a request may take its time to arrive.
   */
  function queryNow(): FeedQuery {
    const ageMs = enabledAt === null ? 0 : clock.elapsed() - enabledAt;
    const isFirst = !hasAsked && ageMs < promptMs;
    hasAsked = true;
    return query.rewind !== '' || isFirst ? query : { ...query, rewind: `${Math.ceil(ageMs / 1_000) + 1}s` };
  }

  async function runStream(
    { key, after, tokenVersion, heartbeatMs }: Stream,
    signal: AbortSignal,
  ): Promise<void> {
    const bearer = await token(tokenVersion);
    if (signal.aborted) return;
    dispatch([{ kind: 'sent', stream: key }]);
    const quiet = activeAt === null ? undefined : Math.floor((clock.elapsed() - activeAt) / 1_000);
    const address = feedAddress(queryNow(), 'stream', {
      after,
      heartbeat: heartbeatSeconds(heartbeatMs),
      quiet,
    });
    const dispatchNews = (news: readonly StreamNews[]) => {
      for (const each of news)
        if (each.kind === 'frame' && each.frame.kind === 'hello') heard(each.frame.time);
      dispatch(news.flatMap((each) => (each.kind === 'answered' ? [] : [{ ...each, stream: key }])));
    };
    await readStream(requestOf(address, bearer, signal), async (news) => {
      // While the app is busy, events wait. A hello before them does not: without it the stream would time out.
      const firstEvent = app.busyMs() === null ? -1 : news.findIndex(isForApp);
      if (firstEvent < 0) return dispatchNews(news);
      dispatchNews(news.slice(0, firstEvent));
      heldStreams.add(key);
      await app.whenFree(() => {
        heldStreams.delete(key);
        if (signal.aborted) return;
        dispatch([{ kind: 'delayed', stream: key }]);
        dispatchNews(news.slice(firstEvent));
      });
    });
  }

  /** The server sent something at this time, Unix ms; null or NaN: it does not say. */
  function heard(time: number | null): void {
    if (time) aheadMs = Math.min(aheadMs, clock.elapsed() - time);
  }

  /**
   * Whether an answer comes from a cache that keeps polls too long. From then on each poll has an address of its own. Caches
   * may keep what they tell readers at rest, until these ask again.
   */
  function isStale(answer: PageAnswer, sentAt: number, restMs: number): boolean {
    // A full page of the past never changes: caches may keep it.
    if (answer.kind !== 'page' || answer.page.more || Number.isNaN(answer.time)) return false;
    const mayKeepMs = restMs > 0 ? answer.page.advice.everyMs : 0;
    if (fresh === 0 && sentAt - answer.time > aheadMs + mayKeepMs + maxStaleMs) {
      fresh = Math.ceil(clock.random() * 1e9);
      return true;
    }
    heard(answer.time);
    return false;
  }

  async function runPoll(
    { key, after, tokenVersion, waitSeconds, restMs }: Poll,
    signal: AbortSignal,
  ): Promise<void> {
    const bearer = await token(tokenVersion);
    if (signal.aborted) return;
    const ask = () => {
      if (fresh > 0) fresh += 1;
      const address = feedAddress(queryNow(), 'events', {
        ...{ after, wait: waitSeconds, fresh },
        rest: Math.ceil(restMs / 1_000),
      });
      return readPage(requestOf(address, bearer, signal));
    };
    const sentAt = clock.elapsed();
    let answer = await ask();
    if (isStale(answer, sentAt, restMs)) answer = await ask();
    if (signal.aborted) return;
    switch (answer.kind) {
      case 'page': {
        const { page, time } = answer;
        const ageMs = Math.max(0, clock.elapsed() - time - aheadMs || 0);
        return app.whenFree(() => {
          if (!signal.aborted) dispatch([{ kind: 'polled', poll: key, page, ageMs }]);
        });
      }
      case 'refused':
        return void dispatch([{ kind: 'pollRefused', poll: key, refusal: answer.refusal }]);
      case 'failed':
        return void dispatch([{ kind: 'pollFailed', poll: key }]);
      default:
        return answer satisfies never;
    }
  }

  /** @param refused makes the signal if `run` throws. */
  function start(
    key: number,
    run: (signal: AbortSignal) => Promise<void>,
    refused: (refusal: Refusal) => Signal,
  ): void {
    const abort = new AbortController();
    running.set(key, abort);
    run(abort.signal).catch((error: unknown) => {
      // Only the app's `getToken` can have thrown. The next attempt asks it again.
      cached = null;
      if (!abort.signal.aborted) dispatch([refused(withoutToken(error))]);
    });
  }

  return {
    heldStreams,
    token,
    newToken(version) {
      cached = null;
      return token(version);
    },
    reconcile({ streams, poll, settings, ...times }) {
      enabledAt = times.enabledAt;
      activeAt = settings.transport === 'auto' ? times.activeAt : null;
      const wanted = new Set(streams.map(({ key }) => key));
      if (poll !== null) wanted.add(poll.key);
      for (const [key, abort] of running) {
        if (wanted.has(key)) continue;
        running.delete(key);
        heldStreams.delete(key);
        abort.abort();
      }
      for (const stream of streams) {
        if (running.has(stream.key)) continue;
        start(
          stream.key,
          (signal) => runStream(stream, signal),
          (refusal) => ({ kind: 'refused', stream: stream.key, refusal }),
        );
      }
      if (poll !== null && !running.has(poll.key)) {
        start(
          poll.key,
          (signal) => runPoll(poll, signal),
          (refusal) => ({ kind: 'pollRefused', poll: poll.key, refusal }),
        );
      }
    },
  };
}

/**
 * What a `getToken` that failed counts as. Like a 429 it says nothing about streams, and holds up streams and polls: each of
 * them would call `getToken` again.
 */
function withoutToken(error: unknown): Refusal {
  const title = 'getToken failed';
  const detail = `${title}: ${error instanceof Error ? error.message : error}`;
  return { status: 429, retryAfterMs: 1_000, problem: { type: 'about:blank', title, status: 401, detail } };
}

/** The heartbeat as the server takes it. */
function heartbeatSeconds(ms: number): number {
  return Math.min(300, Math.max(2, Math.ceil(ms / 1_000)));
}

function isForApp(news: StreamNews): boolean {
  return news.kind === 'frame' && news.frame.kind === 'item';
}
