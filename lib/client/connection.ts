import type { PollAdvice } from '../core/feed-page.ts';
import type { Problem } from '../core/stream-note.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type { FeedEntry } from './feed-entry.ts';
import type { Progress, Source } from './place.ts';
import type { Page } from './read-page.ts';
import type { Refusal } from './refusal.ts';
import type { StreamFrame } from './stream-frame.ts';

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
  /** The one thing it is waited for, and until when. */
  readonly deadline: { readonly name: 'firstByte' | 'hello' | 'watchdog'; readonly at: number };
  readonly source: Source;
  /** The server has said that it ends as planned. */
  readonly isLeaving: boolean;
  /** Of the next stream: where the one before it was at its hello. Beyond this the old one is not needed. */
  readonly goal: Source | null;
};

/** A poll that should be in flight. */
export type Poll = {
  readonly key: number;
  readonly after: string | null;
  readonly token: number;
  /** Seconds the server may hold it. */
  readonly waitSeconds: number;
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly source: Source;
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
 * | paused, stopped | – | – |
 */
export type Connection = {
  readonly settings: ConnectionSettings;
  readonly mode: 'connecting' | 'streaming' | 'waiting' | 'polling' | 'paused' | 'stopped';
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
  readonly hideAt: number | null;

  readonly progress: Progress;
  /** What the last step brought, in order. */
  readonly taken: readonly FeedEntry[];

  /** Failures since a stream last proved itself by a hello and a heartbeat's worth of life. */
  readonly failures: number;
  /** Of these, cuts in a row; and answers that were no stream. */
  readonly cuts: number;
  readonly misfits: number;
  /** Polls that failed in a row, and tries to stream again since the fall to polling. */
  readonly pollFailures: number;
  readonly probes: number;
  /** Streaming does not work here at the moment: polling is where a pause resumes. */
  readonly isFallen: boolean;
  /** The server could not be reached at all: when a poll is answered again, streaming may be back too. */
  readonly isUnreachable: boolean;
  /** The server named the time of the next try: nothing but the reader's own wish comes before it. */
  readonly isHeld: boolean;
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

  /** A hole that was found and read again; `count` is how often in a row at the same place. */
  readonly hole: { readonly at: string; readonly count: number } | null;
  /** For the page: planned changes, connections lost, holes found. */
  readonly handovers: number;
  readonly reconnects: number;
  readonly holes: number;
  readonly nextKey: number;
};

/** Everything that can happen to a connection. What concerns a stream or poll that is no longer wanted is ignored. */
export type Signal =
  | { readonly kind: 'sent'; readonly stream: number }
  | { readonly kind: 'bytes'; readonly stream: number }
  | { readonly kind: 'frame'; readonly stream: number; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly stream: number; readonly refusal: Refusal }
  | { readonly kind: 'ended'; readonly stream: number }
  | { readonly kind: 'cut'; readonly stream: number }
  | { readonly kind: 'polled'; readonly poll: number; readonly page: Page }
  | { readonly kind: 'pollRefused'; readonly poll: number; readonly refusal: Refusal }
  | { readonly kind: 'pollCut'; readonly poll: number }
  | PlainSignal;

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
    | 'close';
};

/** A connection that has not begun: no timers, no I/O. `enabled` starts it. */
export function newConnection(settings: ConnectionSettings, progress: Progress): Connection {
  return {
    settings,
    mode: 'paused',
    streams: [],
    poll: null,
    retryAt: null,
    pollAt: null,
    probeAt: null,
    hideAt: null,
    progress,
    taken: [],
    failures: 0,
    cuts: 0,
    misfits: 0,
    pollFailures: 0,
    probes: 0,
    isFallen: false,
    isUnreachable: false,
    isHeld: false,
    advice: { waitSeconds: 0, everyMs: 2_000 },
    token: 0,
    isTokenNew: false,
    isHidden: false,
    isOnline: true,
    pausedBy: 'unstarted',
    stoppedBy: null,
    problem: null,
    hole: null,
    handovers: 0,
    reconnects: 0,
    holes: 0,
    nextKey: 1,
  };
}
