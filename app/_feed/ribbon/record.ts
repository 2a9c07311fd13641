import type { FeedStatus } from '../../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';

/** How long the record goes back, in ms: what the longest chart shows. */
export const recordMs = 300_000;

/** The events of this many ms are kept together. It is the width of one tick of the ribbon. */
export const bucketMs = 500;

/** Most latencies kept of one bucket. The median of a busy bucket is that of its first events. */
const maxLatencies = 25;

/** How long an event counts as recent, in ms. */
const recentMs = 2_000;

/** If more events than this arrive in one bucket, none of them counts as recent: nothing stands out where everything is new. */
const maxRecent = 5;

/** One stream of this page, from its request to its end. All times are in ms of the record's clock. */
export type StreamBar = {
  readonly sentAt: number;
  /** When its first bytes came; null before that. */
  readonly openAt: number | null;
  readonly endedAt: number | null;
  /** `left`: the page closed it. `ended`: the server did. `lost`: it broke, or was refused. Null while it is open. */
  readonly end: 'left' | 'ended' | 'lost' | null;
  /** Two lanes, so that a stream and the one after it can be seen side by side. */
  readonly lane: 0 | 1;
};

/** A poll that has been answered, or has failed. */
export type PollDot = { readonly at: number; readonly hasFailed: boolean };

/** A time in which the page had this status. */
export type StatusSpan = {
  readonly from: number;
  readonly status: FeedStatus;
  /** Another tab of the browser reads for this one. */
  readonly isFollower: boolean;
};

/** Events that are gone, at the time when the page heard of it. `missed` is null where nobody knows their number. */
export type GapMark = { readonly at: number; readonly missed: number | null };

/** The events that arrived in `bucketMs`. */
export type Bucket = {
  /** Number of events of each type. */
  readonly counts: ReadonlyMap<string, number>;
  /** Times from the log to this page, in ms. Empty: the server has rendered these events. */
  readonly latencies: readonly number[];
  readonly worstMs: number;
};

type OpenBucket = {
  readonly counts: Map<string, number>;
  readonly latencies: number[];
  worstMs: number;
  /** Number of events that have arrived. */
  arrived: number;
};

/** What happened on this page in the last minutes: streams, polls, statuses, gaps, events. The ribbon and the charts show it. */
export type FeedRecord = {
  now(): number;
  /** When the page was opened. */
  readonly openedAt: number;
  /** Each oldest first. */
  streams(): readonly StreamBar[];
  polls(): readonly PollDot[];
  statuses(): readonly StatusSpan[];
  gaps(): readonly GapMark[];
  /** The events that arrived around `time`; undefined if none did. */
  bucketAt(time: number): Bucket | undefined;
  /** Number of events that have arrived so far. */
  total(): number;
  /** Whether `event` arrived within the last 2 s, and few arrived with it. */
  isRecent(event: FeedEvent): boolean;
  /** Adds an event that has just arrived. @param latencyMs time from the log to this page. */
  addEvent(event: FeedEvent, latencyMs: number): void;
  /** Adds an event that the server has rendered. @param ageMs how long ago the log stored it. */
  addRendered(event: FeedEvent, ageMs: number): void;
  addGap(missed: number | null): void;
  addStatus(status: FeedStatus, isFollower: boolean): void;
  /** `realFetch`, with each stream and poll in the record. */
  trace(realFetch: typeof fetch): typeof fetch;
};

/** @param now monotonic clock, in ms: `performance.now` in a page. */
export function createRecord(now: () => number): FeedRecord {
  const openedAt = now();
  const arrivedAt = new WeakMap<FeedEvent, number>();
  const buckets = new Map<number, OpenBucket>();
  let streams: readonly StreamBar[] = [];
  let polls: readonly PollDot[] = [];
  let statuses: readonly StatusSpan[] = [];
  let gaps: readonly GapMark[] = [];
  let total = 0;

  function count(event: FeedEvent, at: number): OpenBucket {
    const key = Math.floor(at / bucketMs);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { counts: new Map(), latencies: [], worstMs: 0, arrived: 0 };
      buckets.set(key, bucket);
      const oldest = Math.floor((now() - recordMs) / bucketMs);
      for (const old of buckets.keys()) if (old < oldest) buckets.delete(old);
    }
    bucket.counts.set(event.type, (bucket.counts.get(event.type) ?? 0) + 1);
    return bucket;
  }

  const isKept = ({ at }: { readonly at: number }) => at > now() - recordMs;

  /** Changes the newest version of a stream. @returns the version that is in the record now. */
  function change(old: StreamBar, next: Partial<StreamBar>): StreamBar {
    const changed = { ...old, ...next };
    streams = streams.map((stream) => (stream === old ? changed : stream));
    return changed;
  }

  async function traceStream(request: () => Promise<Response>, signal: AbortSignal | null | undefined) {
    const open = streams.filter(({ endedAt }) => endedAt === null);
    const next = streams.at(-1)?.lane === 0 ? 1 : 0;
    const lane = open.some((stream) => stream.lane === next) ? (next === 0 ? 1 : 0) : next;
    let stream: StreamBar = { sentAt: now(), openAt: null, endedAt: null, end: null, lane };
    streams = [...streams.filter(({ endedAt }) => endedAt === null || isKept({ at: endedAt })), stream];
    const finish = (end: 'ended' | 'lost') => {
      stream = change(stream, { endedAt: now(), end: signal?.aborted === true ? 'left' : end });
    };
    try {
      const response = await request();
      if (!response.ok || response.body === null) {
        finish('lost');
        return response;
      }
      const noteBytes = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
        if (stream.openAt === null) stream = change(stream, { openAt: now() });
        controller.enqueue(chunk);
      };
      const passing = new TransformStream<Uint8Array, Uint8Array>({ transform: noteBytes });
      response.body.pipeTo(passing.writable).then(
        () => finish('ended'),
        () => finish('lost'),
      );
      // The response itself, so that its address and status stay what they are.
      return Object.defineProperty(response, 'body', { value: passing.readable });
    } catch (error) {
      finish('lost');
      throw error;
    }
  }

  async function tracePoll(request: () => Promise<Response>, signal: AbortSignal | null | undefined) {
    const add = (hasFailed: boolean) => {
      polls = [...polls.filter(isKept), { at: now(), hasFailed }];
    };
    try {
      const response = await request();
      add(!response.ok);
      return response;
    } catch (error) {
      if (signal?.aborted !== true) add(true);
      throw error;
    }
  }

  return {
    now,
    openedAt,
    streams: () => streams,
    polls: () => polls,
    statuses: () => statuses,
    gaps: () => gaps,
    bucketAt: (time) => buckets.get(Math.floor(time / bucketMs)),
    total: () => total,
    isRecent(event) {
      const at = arrivedAt.get(event);
      if (at === undefined || now() - at >= recentMs) return false;
      const { arrived = 0 } = buckets.get(Math.floor(at / bucketMs)) ?? {};
      return arrived <= maxRecent;
    },
    addEvent(event, latencyMs) {
      total += 1;
      const at = now();
      const bucket = count(event, at);
      bucket.arrived += 1;
      arrivedAt.set(event, at);
      const latency = Math.max(0, latencyMs);
      bucket.worstMs = Math.max(bucket.worstMs, latency);
      if (bucket.latencies.length < maxLatencies) bucket.latencies.push(latency);
    },
    addRendered(event, ageMs) {
      const at = Math.min(openedAt, now() - ageMs);
      if (isKept({ at })) count(event, at);
    },
    addGap(missed) {
      gaps = [...gaps.filter(isKept), { at: now(), missed }];
    },
    addStatus(status, isFollower) {
      const last = statuses.at(-1);
      if (last?.status === status && last.isFollower === isFollower) return;
      const isOver = (_: StatusSpan, index: number) => !isKept({ at: statuses[index + 1]?.from ?? now() });
      statuses = [
        ...statuses.filter((span, index) => !isOver(span, index)),
        { from: now(), status, isFollower },
      ];
    },
    trace: (realFetch) => (input, init) => {
      const address = String(input instanceof Request ? input.url : input);
      const request = () => realFetch(input, init);
      if (address.includes('/api/stream')) return traceStream(request, init?.signal);
      // What is read with `before` is the history of the list, no news.
      return address.includes('before=') ? request() : tracePoll(request, init?.signal);
    },
  };
}

/** What the ribbon shows, in words. @param fromMs the beginning of what is shown, by the record's clock. */
export function describeRecord(record: FeedRecord, fromMs: number): string {
  const now = record.now();
  const streams = record.streams().filter(({ endedAt }) => (endedAt ?? now) > fromMs);
  const overlaps = streams.filter(({ openAt, end }, index) => {
    const before = streams[index - 1];
    return before !== undefined && end !== 'lost' && openAt !== null && openAt <= (before.endedAt ?? now);
  });
  const lost = streams.filter(({ end }) => end === 'lost').length;
  const polls = record.polls().filter(({ at }) => at > fromMs).length;
  const gaps = record.gaps().filter(({ at }) => at > fromMs);
  const missed = gaps.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
  const { events } = countEvents(record, fromMs, now);
  const latencies = sumUpLatencies(record, fromMs, now);
  return [
    `${count(streams.length, 'stream')}, ${overlaps.length} opened before the last one ended, ${lost} lost`,
    count(polls, 'poll'),
    count(events, 'event'),
    gaps.length === 0 ? 'nothing missing' : `${count(gaps.length, 'gap')}, ${missed} events missing`,
    latencies === null
      ? 'no event has arrived yet'
      : `the slowest event took ${formatLatency(latencies.worstMs)}`,
  ].join('; ');
}

/** The events that arrived between two times: their number by type, and in all. */
export function countEvents(record: FeedRecord, fromMs: number, toMs: number) {
  const counts = new Map<string, number>();
  let events = 0;
  for (let at = fromMs; at < toMs; at += bucketMs) {
    for (const [type, number] of record.bucketAt(at)?.counts ?? []) {
      counts.set(type, (counts.get(type) ?? 0) + number);
      events += number;
    }
  }
  return { counts, events };
}

/** The latencies of the events that arrived between two times; null: none of them was measured. */
export function sumUpLatencies(record: FeedRecord, fromMs: number, toMs: number) {
  const latencies: number[] = [];
  let worstMs = 0;
  for (let at = fromMs; at < toMs; at += bucketMs) {
    const bucket = record.bucketAt(at);
    if (bucket === undefined) continue;
    latencies.push(...bucket.latencies);
    worstMs = Math.max(worstMs, bucket.worstMs);
  }
  // A typed array sorts numbers without a call for each comparison.
  const medianMs = Float64Array.from(latencies).sort()[Math.floor(latencies.length / 2)];
  return medianMs === undefined ? null : { medianMs, worstMs };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** 240 → `240 ms`, 12_300 → `12.3 s`. */
export function formatLatency(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(Math.round(ms / 100) / 10).toLocaleString('en-US')} s`;
}

/** Colours of types in `globals.css`: `--type-0` and so on. */
export const typeColors = 8;

/** The colour of a type: always the same for the same name, on the server too. */
export function typeColor(type: string): number {
  let hash = 0;
  for (const character of type) hash = (hash * 243 + (character.codePointAt(0) ?? 0)) % 9_973;
  return hash % typeColors;
}
