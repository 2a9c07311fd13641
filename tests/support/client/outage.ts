import { connectFeed } from '../../../lib/client/connect-feed.ts';
import type { FeedStatus } from '../../../lib/client/connection/status.ts';
import type { PollAdvice } from '../../../lib/core/event.ts';
import { createManualClock } from '../server/manual-clock.ts';
import { fetchServer, type Misbehaviour } from './fetch-server.ts';

/** What a reader with the default settings got from a server that misbehaves and then behaves. Times are in ms. */
export type Outage = {
  readonly seed: number;
  readonly forMs: number;
  /** From the start to the first event; null when none came while the server misbehaved. */
  readonly firstMs: number | null;
  /** Longest time from an event's publishing to its arrival while the server misbehaved. */
  readonly latestMs: number;
  /** Requests of each whole minute of misbehaving. */
  readonly requests: readonly number[];
  /** When each request was made, from the start. */
  readonly asked: readonly { readonly kind: 'stream' | 'poll'; readonly atMs: number }[];
  /** From the moment the server behaves to an event after that moment, and to the stream that stays. */
  readonly eventBackMs: number;
  readonly backMs: number;
  /** The numbers of the events in the order in which they came, also after a last disconnect; and how many were published. */
  readonly taken: readonly number[];
  readonly published: number;
  /** Events that the server sent: more than were published when two requests brought the same. */
  readonly sent: number;
  readonly gaps: number;
};

export type OutageOptions = {
  readonly seed: number;
  /** How long the server misbehaves. */
  readonly forMs: number;
  readonly advice?: PollAdvice | undefined;
  /** What behaving is; default: an honest answer at once. */
  readonly then?: Misbehaviour;
};

/** Longest wait for the stream that returns, and how long it has to last to count. */
const patienceMs = 900_000;
const lastingMs = 45_000;

/** Runs the whole client through an outage: default settings, time moved by hand, an event each second. */
export async function outage(
  misbehaviour: Misbehaviour,
  { seed, forMs, advice, then = (asked) => asked.honest() }: OutageOptions,
): Promise<Outage> {
  const clock = createManualClock(seed);
  const begun = clock.elapsed();
  const elapsed = () => clock.elapsed() - begun;
  const server = fetchServer(clock, advice);
  server.becomes(misbehaviour);
  const arrivals: { readonly seq: number; readonly atMs: number }[] = [];
  const statuses: { readonly status: FeedStatus; readonly atMs: number }[] = [];
  let gaps = 0;
  const feed = connectFeed({
    url: 'http://feed.example',
    after: '0-0',
    clock,
    fetch: server.fetch,
    onEvent: ({ id }) => void arrivals.push({ seq: Number(id.split('-')[1]), atMs: elapsed() }),
    onGap: () => {
      gaps += 1;
    },
    onStatus: (status) => void statuses.push({ status, atMs: elapsed() }),
  });

  await clock.advance(forMs);
  server.becomes(then);
  const behavesAtMs = elapsed();
  /** When the present stream began; null while there is none. */
  const since = () => (feed.getSnapshot().status === 'streaming' ? (statuses.at(-1)?.atMs ?? 0) : null);
  const isBack = () => elapsed() - Math.max(since() ?? Number.POSITIVE_INFINITY, behavesAtMs) >= lastingMs;
  while (!isBack() && elapsed() < behavesAtMs + patienceMs) await clock.advance(1_000);
  const backAtMs = since() ?? Number.POSITIVE_INFINITY;
  server.stopPublishing();
  // A proxy may still hold events of a stream back. They are not lost: the next stream brings them.
  server.cutStreams();
  await clock.advance(lastingMs);
  feed.close();

  const arrivedAtMs = new Map(arrivals.toReversed().map(({ seq, atMs }) => [seq, atMs]));
  const ages = server.publishedAt.flatMap((publishedAtMs, index) =>
    publishedAtMs < behavesAtMs
      ? [Math.min(arrivedAtMs.get(index + 1) ?? Number.POSITIVE_INFINITY, behavesAtMs) - publishedAtMs]
      : [],
  );
  const first = arrivals[0]?.atMs ?? Number.POSITIVE_INFINITY;
  return {
    seed,
    forMs,
    firstMs: first < behavesAtMs ? first : null,
    latestMs: Math.max(...ages),
    requests: Array.from(
      { length: Math.floor(forMs / 60_000) },
      (_, minute) => server.asked.filter(({ atMs }) => Math.floor(atMs / 60_000) === minute).length,
    ),
    asked: server.asked,
    eventBackMs:
      (arrivals.find(({ atMs }) => atMs >= behavesAtMs)?.atMs ?? Number.POSITIVE_INFINITY) - behavesAtMs,
    backMs: Math.max(0, backAtMs - behavesAtMs),
    taken: arrivals.map(({ seq }) => seq),
    published: server.publishedAt.length,
    sent: server.sent(),
    gaps,
  };
}
