import { setTimeout as sleep } from 'node:timers/promises';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import { openRawStream, type StreamRecord } from './raw-stream.ts';
import type { Answer, Target } from './target.ts';

/** A test event: when it was sent, and when it came; ms since the start of the stream that should bring it. */
export type Timed = { readonly number: number; readonly sentMs: number; readonly cameMs: number | null };

/** A stream that is asked for a heartbeat each 2 s, and gets test events. */
export type EventProbe = {
  readonly record: StreamRecord;
  /** Events that were sent alone, with seconds between them. */
  readonly single: readonly Timed[];
  /** Events that were sent one after the other, without a wait. */
  readonly burst: readonly Timed[];
  /** Whether large events were sent, to fill the buffer of something that holds the stream back. */
  readonly isFilled: boolean;
};

export type ReaderProbe = {
  /** The numbers of the stored events, in order. */
  readonly published: readonly number[];
  /** The numbers that it has got, in order. */
  readonly received: readonly number[];
  /** ms from sending to arrival, for each event that came. */
  readonly latencies: readonly number[];
  readonly transports: readonly string[];
};

export type PollProbe = {
  /** A poll of an empty channel, then the same poll after an event. */
  readonly before: Answer | null;
  readonly after: Answer | null;
  readonly isPublished: boolean;
};

export type LongPollProbe = {
  /** A poll that may wait for 20 s, while nothing is published. */
  readonly quiet: Answer | null;
  readonly quietMs: number;
};

const heartbeatSeconds = 2;
/** The server says hello within 8 s, or ends the stream. */
const helloLimitMs = 10_000;

/** Numbers of the test events. */
const singles = 3;
const singleEveryMs = 4_000;
const burstEvents = 100;

/** Opens a stream, publishes test events, and watches the stream to its end or until `untilMs`. */
export async function probeEvents(target: Target, untilMs: number): Promise<EventProbe> {
  const channel = target.channel('events');
  const startedAt = performance.now();
  const address = `${target.url}/api/stream?channel=${channel}&heartbeat=${heartbeatSeconds}`;
  const stream = openRawStream(address, target.headers);
  const sent: { number: number; sentMs: number }[] = [];
  let number = 0;
  async function publishNext(data: object = {}): Promise<void> {
    number += 1;
    const own = number;
    const sentAt = await target.publish(channel, { number: own, ...data });
    if (sentAt !== null) sent.push({ number: own, sentMs: Math.round(sentAt - startedAt) });
  }
  const passed = () => performance.now() - startedAt;
  const { record } = stream;
  // What holds publish requests up must not make the examination longer.
  const mayGoOn = () => record.end === null && passed() < untilMs - 2_000;
  const isLive = () => record.frames.some(({ kind }) => kind === 'hello');
  while (!isLive() && record.end === null && passed() < helloLimitMs) await sleep(50);

  let isFilled = false;
  if (isLive()) {
    await sleep(1_000);
    for (let each = 0; each < singles && mayGoOn(); each += 1) {
      await publishNext();
      await sleep(singleEveryMs);
    }
    for (let each = 0; each < burstEvents && mayGoOn(); each += 1) await publishNext();
  } else if (record.end === null && record.answer?.status !== 503) {
    isFilled = true;
    // Different sizes, so that the sums of what comes show the size of a block.
    for (const size of [20_000, 3_000, 5_000, 7_000, 11_000, 13_000]) {
      if (!mayGoOn()) break;
      await publishNext({ text: 'x'.repeat(size) });
      await sleep(1_000);
    }
  }
  await Promise.race([stream.over, sleep(Math.max(0, untilMs - passed()), undefined, { ref: false })]);
  stream.close();

  const cameMs = new Map(
    record.frames.flatMap(({ kind, atMs, data }) =>
      kind === 'message' ? [[Object(Object(data).data).number as number, atMs] as const] : [],
    ),
  );
  const timed = sent.map((each): Timed => ({ ...each, cameMs: cameMs.get(each.number) ?? null }));
  const isSingle = (each: Timed) => each.number <= singles;
  return isFilled
    ? { record, isFilled, single: [], burst: [] }
    : {
        record,
        isFilled,
        single: timed.filter(isSingle),
        burst: timed.filter((each) => !isSingle(each)),
      };
}

/** Watches a stream on which nothing happens but its usual heartbeats. */
export async function probeSilence(target: Target, untilMs: number): Promise<StreamRecord> {
  const stream = openRawStream(
    `${target.url}/api/stream?channel=${target.channel('silence')}`,
    target.headers,
  );
  await Promise.race([stream.over, sleep(untilMs, undefined, { ref: false })]);
  stream.close();
  return stream.record;
}

export type ParallelProbe = {
  readonly answer: Answer | null;
  /** The ids of the builds that have answered, without those of processes that tell none. */
  readonly builds: ReadonlySet<string>;
};

/** Asks for the health of the process while streams are open, and then of the processes whose turn it is next. */
export async function probeParallel(target: Target): Promise<ParallelProbe> {
  await sleep(2_000);
  const answer = await target.ask('/api/health', 10_000);
  const answers = [answer];
  // Where requests are held or refused, more of them would find nothing new.
  if (answer?.status === 200 && answer.ms < 1_000)
    for (let each = 0; each < 3; each += 1) answers.push(await target.ask('/api/health', 10_000));
  const ids = answers.map((each) => Object(each?.json).build).filter((id) => typeof id === 'string');
  return { answer, builds: new Set(ids) };
}

/** Resumes by the header `Last-Event-ID` alone. @returns the numbers that came; null without anything to resume from. */
export async function probeResume(target: Target): Promise<readonly number[] | null> {
  const channel = target.channel('resume');
  for (const number of [1, 2, 3]) {
    if ((await target.publish(channel, { number })) === null) return null;
  }
  const page = await target.ask(`/api/events?channel=${channel}&rewind=all&limit=1`, 8_000);
  const cursor = Object(page?.json).cursor;
  if (typeof cursor !== 'string') return null;
  const stream = openRawStream(`${target.url}/api/stream?channel=${channel}`, {
    ...target.headers,
    'last-event-id': cursor,
  });
  const { frames } = stream.record;
  const isDone = () =>
    frames.filter(({ kind }) => kind === 'message').length >= 2 || stream.record.end !== null;
  for (let waits = 0; waits < 80 && !isDone(); waits += 1) await sleep(100);
  stream.close();
  if (!frames.some(({ kind }) => kind === 'hello')) return null;
  return frames.flatMap(({ kind, data }) =>
    kind === 'message' ? [Object(Object(data).data).number as number] : [],
  );
}

/** Polls, publishes an event, and sends the same poll again. */
export async function probePolls(target: Target): Promise<PollProbe> {
  const channel = target.channel('polls');
  const path = `/api/events?channel=${channel}&after=0-0`;
  const before = await target.ask(path, 8_000);
  const isPublished = (await target.publish(channel, { number: 1 })) !== null;
  // The feed lets a shared cache keep a page for a second. Some caches give it out once more while they ask for the next.
  await sleep(2_500);
  await target.ask(path, 8_000);
  await sleep(2_500);
  return { before, isPublished, after: await target.ask(path, 8_000) };
}

/** Asks for a position of another log. @returns the answer, which should have a gap. */
export function probeGap(target: Target): Promise<Answer | null> {
  return target.ask(`/api/events?channel=${target.channel('gap')}&after=1-1~zzzzzz`, 12_000);
}

export type EndProbe = {
  /** The page of a channel that has ended. */
  readonly page: Answer | null;
  /** The answer to a stream that asks for what follows. */
  readonly back: Answer | null;
};

/** Ends a channel, and comes back to it as a native EventSource does. @returns null if no event could be published. */
export async function probeEnd(target: Target): Promise<EndProbe | null> {
  const channel = target.channel('end');
  if ((await target.publish(channel, { number: 1 }, true)) === null) return null;
  const page = await target.ask(`/api/events?channel=${channel}&rewind=all`, 8_000);
  const cursor = String(Object(page?.json).cursor);
  return { page, back: await target.ask(`/api/stream?channel=${channel}&after=${cursor}`, 8_000) };
}

export async function probeLongPoll(target: Target): Promise<LongPollProbe> {
  const startedAt = performance.now();
  const quiet = await target.ask(`/api/events?channel=${target.channel('wait')}&wait=20`, 28_000);
  return { quiet, quietMs: Math.round(performance.now() - startedAt) };
}

/** Reads with the project's own client, cuts its first stream, and publishes an event every 3 s. */
export async function probeReader(target: Target, untilMs: number): Promise<ReaderProbe> {
  const channel = target.channel('reader');
  const startedAt = performance.now();
  const sentAt = new Map<number, number>();
  const received: number[] = [];
  const latencies: number[] = [];
  const transports = new Set<string>();
  const cut = new AbortController();
  const feed = connectFeed({
    url: target.url,
    channels: [channel],
    rewind: 'all',
    share: false,
    ...(target.headers.authorization === undefined ? {} : { getToken: () => bearerOf(target) }),
    fetch: (input, init) => {
      const address = new URL(String(input));
      const isStream = address.pathname.includes('/api/stream');
      // It tests streams: the server must not let it rest.
      address.searchParams.delete('quiet');
      const signals = [init?.signal ?? [], isStream && !cut.signal.aborted ? cut.signal : []].flat();
      return fetch(address, { ...init, signal: AbortSignal.any(signals) });
    },
    onEvent: ({ data }) => {
      const number = Object(data).number as number;
      received.push(number);
      const at = sentAt.get(number);
      if (at !== undefined) latencies.push(Math.round(performance.now() - at));
    },
  });
  const unsubscribe = feed.subscribe(() => {
    const { transport } = feed.getSnapshot();
    if (transport !== null) transports.add(transport);
  });
  const published: number[] = [];
  // The last event gets time to arrive.
  for (let number = 1; performance.now() - startedAt < untilMs - 10_000; number += 1) {
    await sleep(3_000);
    sentAt.set(number, performance.now());
    if ((await target.publish(channel, { number })) !== null) published.push(number);
    if (number === 3) cut.abort();
  }
  await sleep(Math.max(0, untilMs - (performance.now() - startedAt)));
  unsubscribe();
  feed.close();
  return { published, received, latencies, transports: [...transports] };
}

function bearerOf({ headers }: Target): string {
  return (headers.authorization ?? '').slice('Bearer '.length);
}
