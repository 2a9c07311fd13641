import type { ConnectionSettings } from '../../config/client-timing.ts';
import { defaultPollAdvice, type PollAdvice } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import { entryOf, type FeedEntry } from '../transport/feed-items.ts';
import type { Refusal } from '../transport/http.ts';
import type { Page } from '../transport/page.ts';
import type { StreamFrame } from '../transport/sse.ts';
import type { Applied, ReaderPositions, SourcePositions } from './sequencer.ts';

/** A stream that should be open. The shell opens what it does not know, and aborts what is no longer here. */
export type Stream = {
  /** Names the stream; never used twice. */
  readonly key: number;
  /** The cursor it is opened with; null where none is known. */
  readonly after: string | null;
  /** Which token it is opened with: a higher number is a newer one. */
  readonly token: number;
  /** `preparing`: not sent. `opening`: sent, no byte. `open`: bytes, no hello. `live`: hello was said. */
  readonly phase: 'preparing' | 'opening' | 'open' | 'live';
  /** When it was sent, and when it said hello. */
  readonly sentAt: number;
  readonly liveAt: number;
  readonly heartbeatMs: number;
  /** Bytes came a heartbeat after its hello, or later. Silence is no life: a proxy may pass hello and hold the rest. */
  readonly isProven: boolean;
  /** The one thing it is waited for, and until when. */
  readonly timeout: { readonly name: 'firstByte' | 'hello' | 'watchdog'; readonly at: number };
  readonly source: SourcePositions;
  /** The server has said that it ends as planned. */
  readonly isEnding: boolean;
  /** Of the next stream: where the one before it was at its hello. Beyond this the old one is not needed. */
  readonly switchAt: SourcePositions | null;
};

/** A poll that should be in flight. */
export type Poll = {
  readonly key: number;
  readonly after: string | null;
  readonly token: number;
  /** Seconds the server may hold it. */
  readonly waitSeconds: number;
  readonly startedAt: number;
  readonly timeoutAt: number;
  readonly source: SourcePositions;
};

/** What another connection to the same server has found out. */
export type KnownState = {
  /** Streaming does not work: start with polls. */
  readonly isStreamingBlocked: boolean;
  /** The time before which the server wants no request (`Retry-After`); null where it named none. */
  readonly notBefore: number | null;
  /** It has paused because its page is hidden. */
  readonly isPaused: boolean;
};

/**
 * Everything that is true of a connection: what it has read up to, what I/O it wants, which timers run. All times
 * are in ms of a clock that never goes back. It changes by `step` alone.
 *
 * | mode | streams | poll |
 * | --- | --- | --- |
 * | connecting | one, on its way | – |
 * | streaming | one that lives; in a handover also the next | – |
 * | waiting | – | – |
 * | polling | none; in a probe one, on its way | in flight, or due |
 * | standby | – | only to catch up |
 * | paused, stopped | – | – |
 */
export type Connection = {
  readonly settings: ConnectionSettings;
  readonly mode: 'connecting' | 'streaming' | 'waiting' | 'polling' | 'standby' | 'paused' | 'stopped';
  /** Oldest first, at most two. */
  readonly streams: readonly Stream[];
  readonly poll: Poll | null;
  /** When the next stream is opened after a failure or an early handover. */
  readonly retryAt: number | null;
  /** When the next poll is due. */
  readonly pollAt: number | null;
  /** When streaming is tried again while polling. */
  readonly probeAt: number | null;
  /** When a hidden page lets its connection go. */
  readonly pauseAt: number | null;

  /** It reads nothing by itself: events come from another source (`moved`), or by a catch-up. */
  readonly isStandby: boolean;
  /** Catch-ups that reached the end of the log so far. A poll that was aborted or failed does not count. */
  readonly catchUps: number;

  /** Where the reader is, over all of its sources. */
  readonly reader: ReaderPositions;
  /** What the last step brought, in order. */
  readonly accepted: readonly FeedEntry[];

  /** Failures since a stream last proved itself by a hello and a heartbeat's worth of life. */
  readonly failures: number;
  /** Of these, cuts in a row; and answers that were no stream. */
  readonly disconnects: number;
  readonly unexpectedResponses: number;
  /** Polls that failed in a row, and tries to stream again since the fall to polling. */
  readonly pollFailures: number;
  readonly probes: number;
  /** Streaming does not work here at the moment: polling is where a pause resumes. */
  readonly isStreamingBlocked: boolean;
  /** The server could not be reached at all: when a poll is answered again, streaming may be back too. */
  readonly isUnreachable: boolean;
  /** The server named the time of the next try: nothing but the reader's own wish comes before it. */
  readonly isRetryAfterPending: boolean;
  readonly advice: PollAdvice;

  readonly token: number;
  /** A new token was asked for, and has not been accepted yet. */
  readonly isTokenNew: boolean;
  readonly isHidden: boolean;
  readonly isOnline: boolean;
  readonly pausedBy: 'unstarted' | 'disabled' | 'hidden' | 'frozen' | null;
  readonly stoppedBy: 'closed' | 'refused' | null;
  /** What the server said of the last refusal; null once it has been served again. */
  readonly problem: Problem | null;

  /** For the page: planned changes, and connections lost. */
  readonly handovers: number;
  readonly reconnects: number;
  readonly nextKey: number;
};

/**
 * A connection that has not begun: no timers, no I/O. `enabled` starts it.
 * @param isStandby it does not read before it gets `activate`.
 */
export function newConnection(
  settings: ConnectionSettings,
  reader: ReaderPositions,
  isStandby = false,
): Connection {
  return {
    settings,
    mode: 'paused',
    streams: [],
    poll: null,
    retryAt: null,
    pollAt: null,
    probeAt: null,
    pauseAt: null,
    isStandby,
    catchUps: 0,
    reader,
    accepted: [],
    failures: 0,
    disconnects: 0,
    unexpectedResponses: 0,
    pollFailures: 0,
    probes: 0,
    isStreamingBlocked: false,
    isUnreachable: false,
    isRetryAfterPending: false,
    advice: defaultPollAdvice,
    token: 0,
    isTokenNew: false,
    isHidden: false,
    isOnline: true,
    pausedBy: 'unstarted',
    stoppedBy: null,
    problem: null,
    handovers: 0,
    reconnects: 0,
    nextKey: 1,
  };
}

/** Takes what the sequencer has accepted into the state. The one way from the sequencer into a connection. */
export function withApplied(
  state: Connection,
  { reader, accepted }: Pick<Applied, 'reader' | 'accepted'>,
): Connection {
  return { ...state, reader, accepted: [...state.accepted, ...accepted.map(entryOf)] };
}

/** Everything that can happen to a connection. What concerns a stream or poll that is no longer wanted is ignored. */
export type Signal =
  | { readonly kind: 'sent'; readonly stream: number }
  | { readonly kind: 'bytes'; readonly stream: number }
  | { readonly kind: 'frame'; readonly stream: number; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly stream: number; readonly refusal: Refusal }
  | { readonly kind: 'ended'; readonly stream: number }
  | { readonly kind: 'disconnected'; readonly stream: number }
  | { readonly kind: 'polled'; readonly poll: number; readonly page: Page }
  | { readonly kind: 'pollRefused'; readonly poll: number; readonly refusal: Refusal }
  | { readonly kind: 'pollFailed'; readonly poll: number }
  /** It reads by itself from now on. */
  | { readonly kind: 'activate'; readonly known: KnownState | null }
  /** A source outside the connection has brought events. */
  | ({ readonly kind: 'moved' } & Pick<Applied, 'reader' | 'accepted'>)
  | PlainSignal;

/** What happens to one stream. */
export type StreamSignal = Extract<Signal, { readonly stream: number }>;

/** What happens to one poll. */
export type PollSignal = Extract<Signal, { readonly poll: number }>;

/** Signals without more to say. */
export type PlainSignal = {
  readonly kind: /** The caller starts a poll, if one is due. */
    | 'pollDue'
    /** Some deadline may have passed. */
    | 'timer'
    /** The machine slept: sockets may be dead without knowing it. */
    | 'woke'
    | 'online'
    | 'offline'
    | 'visible'
    | 'hidden'
    /** The page goes into, or comes out of, the back/forward cache. */
    | 'frozen'
    | 'restored'
    | 'enabled'
    | 'disabled'
    /** The reader's own wish to try now. */
    | 'retry'
    /** It closes what is open, and reads nothing by itself before `activate`. */
    | 'standBy'
    /** On standby: polls the log to its end, once. */
    | 'catchUp'
    | 'close';
};

/** A time at which the connection wants to be told `timer`. */
export type Timer = {
  readonly name: 'firstByte' | 'hello' | 'watchdog' | 'retry' | 'poll' | 'pollTimeout' | 'probe' | 'pause';
  readonly at: number;
};

/** All timers of a connection. */
export function timersOf(state: Connection): readonly Timer[] {
  const timers: Timer[] = state.streams.map((stream) => stream.timeout);
  const add = (name: Timer['name'], at: number | null) => at !== null && timers.push({ name, at });
  add('retry', state.retryAt);
  // A catch-up is the connection's own affair, whoever drives the polls.
  if (state.settings.polls === 'timer' || state.mode === 'standby') add('poll', state.pollAt);
  add('pollTimeout', state.poll?.timeoutAt ?? null);
  add('probe', state.probeAt);
  add('pause', state.pauseAt);
  return timers;
}

/** The time of the next one; null when none runs. */
export function nextTimerAt(state: Connection): number | null {
  const timers = timersOf(state);
  return timers.length === 0 ? null : Math.min(...timers.map((timer) => timer.at));
}
