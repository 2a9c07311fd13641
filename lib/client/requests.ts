import type { Clock } from '../core/clock.ts';
import type { Connection, Poll, Signal, Stream } from './connection/state.ts';
import type { BackPressure } from './transport/back-pressure.ts';
import { type FeedQuery, feedAddress } from './transport/http.ts';
import { readPage } from './transport/page.ts';
import { readStream, type StreamNews } from './transport/sse.ts';

export type RequestRunner = {
  /** Opens and aborts requests until they are those the state wants. */
  reconcile(state: Connection): void;
  /** Streams whose reader waits for the app: silent by our own doing. */
  readonly held: ReadonlySet<number>;
  /** The token to read with; null without one. */
  token(version: number): Promise<string | null>;
  /** The same, asked for anew. */
  newToken(version: number): Promise<string | null>;
};

export type RequestRunnerOptions = {
  readonly query: FeedQuery;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly getToken: (() => string | null | Promise<string | null>) | null;
  /** Holds up reading. */
  readonly app: BackPressure;
  /** Takes what the requests tell. */
  tell(signals: readonly Signal[]): void;
};

/**
 * Does the I/O a connection's state asks for. What another tab reads comes by another way (`tab-group.ts`), and is to
 * the state a source like these.
 */
export function createRequestRunner({
  query,
  clock,
  fetch,
  getToken,
  app,
  tell,
}: RequestRunnerOptions): RequestRunner {
  const running = new Map<number, AbortController>();
  const held = new Set<number>();
  let known: { readonly version: number; readonly token: Promise<string | null> } | null = null;

  function token(version: number): Promise<string | null> {
    if (getToken === null) return Promise.resolve(null);
    if (known === null || known.version < version)
      known = { version, token: Promise.resolve().then(getToken) };
    return known.token;
  }

  const shared = (signal: AbortSignal, bearer: string | null) => ({
    token: bearer,
    channels: query.channels,
    signal,
    fetch,
    now: clock.now,
  });

  async function runStream({ key, after, token: version }: Stream, signal: AbortSignal): Promise<void> {
    const bearer = await token(version);
    if (signal.aborted) return;
    tell([{ kind: 'sent', stream: key }]);
    const address = feedAddress(query, 'stream', { after });
    await readStream({ ...shared(signal, bearer), address }, async (news) => {
      const say = (part: readonly StreamNews[]) =>
        tell(part.flatMap((each) => (each.kind === 'answered' ? [] : [{ ...each, stream: key }])));
      // Events wait until the app is done with what it has, whoever brought that; a hello ahead of them does not.
      const index = app.busyMs() === null ? -1 : news.findIndex(isForApp);
      if (index < 0) return say(news);
      say(news.slice(0, index));
      held.add(key);
      await app.whenFree(() => {
        held.delete(key);
        if (!signal.aborted) say(news.slice(index));
      });
    });
  }

  async function runPoll(
    { key, after, token: version, waitSeconds }: Poll,
    signal: AbortSignal,
  ): Promise<void> {
    const bearer = await token(version);
    if (signal.aborted) return;
    const address = feedAddress(query, 'events', { after, wait: waitSeconds });
    const answer = await readPage({ ...shared(signal, bearer), address });
    if (signal.aborted) return;
    switch (answer.kind) {
      case 'page':
        // An app that is slow gets the next page when it is done with the last one; meanwhile one waits here.
        return app.whenFree(() => {
          if (!signal.aborted) tell([{ kind: 'polled', poll: key, page: answer.page }]);
        });
      case 'refused':
        return void tell([{ kind: 'pollRefused', poll: key, refusal: answer.refusal }]);
      case 'failed':
        return void tell([{ kind: 'pollFailed', poll: key }]);
      default:
        return answer satisfies never;
    }
  }

  function start(key: number, run: (signal: AbortSignal) => Promise<void>, failed: Signal): void {
    const abort = new AbortController();
    running.set(key, abort);
    run(abort.signal).catch(() => {
      // Only the app's own `getToken` can have failed: ask it anew with the next try.
      known = null;
      if (!abort.signal.aborted) tell([failed]);
    });
  }

  return {
    held,
    token,
    newToken(version) {
      known = null;
      return token(version);
    },
    reconcile({ streams, poll }) {
      const wanted = new Set(streams.map(({ key }) => key));
      if (poll !== null) wanted.add(poll.key);
      for (const [key, abort] of running) {
        if (wanted.has(key)) continue;
        running.delete(key);
        held.delete(key);
        abort.abort();
      }
      for (const stream of streams) {
        if (running.has(stream.key)) continue;
        start(stream.key, (signal) => runStream(stream, signal), {
          kind: 'disconnected',
          stream: stream.key,
        });
      }
      if (poll !== null && !running.has(poll.key)) {
        start(poll.key, (signal) => runPoll(poll, signal), { kind: 'pollFailed', poll: poll.key });
      }
    },
  };
}

function isForApp(news: StreamNews): boolean {
  return news.kind === 'frame' && news.frame.kind === 'item';
}
