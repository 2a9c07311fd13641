import type { ConnectionSettings } from '../../config/client-timing.ts';
import { defaultPollAdvice, type PollAdvice } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import type { FeedItem, Page, Refusal, StreamFrame } from '../transport/messages.ts';
import type { Applied, ReaderPositions, SourcePositions } from './sequencer.ts';

/** A stream that should be open. `requests.ts` opens it when it appears here, and aborts it when it is gone. */
export type Stream = {
  /** Names the stream. Never used twice. */
  readonly key: number;
  /** The cursor to open it with; null where the reader has none. */
  readonly after: string | null;
  /** The number of its token: a higher number is a newer token. */
  readonly tokenVersion: number;
  /** `preparing`: not sent. `opening`: sent, no byte yet. `open`: bytes, no hello yet. `live`: it has said hello. */
  readonly phase: 'preparing' | 'opening' | 'open' | 'live';
  /** When the request was sent, and when the stream said hello. */
  readonly sentAt: number;
  readonly liveAt: number;
  /** The longest silence: what the client asks for, then what the hello names. */
  readonly heartbeatMs: number;
  /** Something came on time at least a heartbeat after the hello. A proxy may pass the hello on and hold the rest back. */
  readonly isProven: boolean;
  /** When something came on time last; at first the hello. */
  readonly freshAt: number;
  /**
   * The least time in ms from the server's sending, by its clock, to the arrival here, by this clock: what takes longer is
   * late by the difference. So it does not matter what the clocks show. Null: the server does not say when it sends.
   */
  readonly leastAge: number | null;
  /** The stream was late when the server's clock showed this time; null while it is on time. */
  readonly lateFrom: number | null;
  /** Where a check has brought the reader, and when: the stream has to follow. */
  readonly owed: { readonly positions: SourcePositions; readonly since: number } | null;
  /** It has brought an event or a gap. */
  readonly hasDelivered: boolean;
  /** What the stream has to send next, and until when. */
  readonly timeout: { readonly name: 'firstByte' | 'hello' | 'watchdog'; readonly at: number };
  readonly source: SourcePositions;
  /** The server has announced its planned end. */
  readonly isEnding: boolean;
  /** The channels that have ended, as the stream has said since it brought something of them. */
  readonly ended: readonly string[];
  /** Only for the next stream of a handover: where the old one was at the hello. From there on the old one is not needed. */
  readonly switchAt: SourcePositions | null;
};

/** When a live stream last brought bytes. */
export function bytesAt({ timeout, heartbeatMs }: Stream): number {
  return timeout.at - 2.5 * heartbeatMs;
}

/** Whether a live stream has brought no byte for a heartbeat. */
export function isSilent(stream: Stream, now: number): boolean {
  return now - bytesAt(stream) >= stream.heartbeatMs;
}

/** Closes a stream whose old one is seen to live, and has announced no end: nothing is lost with it. Null: it has no such one. */
export function withoutSpare(state: Connection, { key, sentAt }: Stream): Connection | null {
  const [old] = state.streams;
  const isSpare = old && old.key < key && old.phase === 'live' && !old.isEnding && bytesAt(old) >= sentAt;
  return isSpare ? { ...state, streams: [old], retryAt: null, returnLimitMs: 0, isResuming: false } : null;
}

/** A poll that should be in flight. `requests.ts` sends and aborts it as it does streams. */
export type Poll = {
  readonly key: number;
  readonly after: string | null;
  readonly tokenVersion: number;
  /** How long the server may hold it, in seconds. */
  readonly waitSeconds: number;
  /** The pause before it in ms, where the connection rests; 0 where it does not. */
  readonly restMs: number;
  readonly startedAt: number;
  readonly timeoutAt: number;
  readonly source: SourcePositions;
};

/** Why a client polls though it may stream. */
export type PollingReason =
  /** Something between server and client holds streams back. */
  | 'held'
  /** Streams bring events seconds later than polls. */
  | 'late'
  /** Responses were no streams. */
  | 'refused'
  /** Streams disconnected again and again. */
  | 'disconnected';

/** What another connection to the same server has found out. */
export type KnownState = {
  /** Why streaming does not work: start with polls. Null: it does. */
  readonly pollingReason: PollingReason | null;
  /** The time before which the server wants no request (`Retry-After`); it may be over. */
  readonly notBefore: number;
  /** It has paused because its page is hidden. */
  readonly isPaused: boolean;
  /** It rests, with this pause in ms between two polls; 0: it does not. */
  readonly restMs: number;
};

/**
 * The whole state of a connection: how far it has read, which requests it wants, which timers run. All times are in ms of
 * a clock that never goes back. Only the reducer changes it.
 *
 * | mode | streams | poll |
 * | --- | --- | --- |
 * | connecting | one, on its way | a check, or none |
 * | streaming | one that is live; in a handover also the next | a check, or none |
 * | waiting | – | a check, or none |
 * | polling | none; in a probe one, on its way; at rest none | in flight, or due |
 * | standby | – | only to catch up |
 * | paused, stopped, ended | – | – |
 *
 * Ended: all channels have ended, and the reader has their last events.
 *
 * At rest, nothing happens in the feed, and the server wants polls instead of a stream until something does.
 *
 * A check is a poll without a wait. It brings what a stream holds back, while no stream is live or the live one is silent.
 */
export type Connection = {
  readonly settings: ConnectionSettings;
  readonly mode:
    | 'connecting'
    | 'streaming'
    | 'waiting'
    | 'polling'
    | 'standby'
    | 'paused'
    | 'stopped'
    | 'ended';
  /** Oldest first, at most two. */
  readonly streams: readonly Stream[];
  readonly poll: Poll | null;
  /** When the next stream is opened, after a failure or an early handover. */
  readonly retryAt: number | null;
  /** When the next poll is due. Where a poll is in flight: the earliest time of the one after it, if something has set it. */
  readonly pollAt: number | null;
  /** While polling: when the client tries to stream again. */
  readonly probeAt: number | null;
  /** While it rests: the pause between two polls in ms; 0 at all other times. */
  readonly restMs: number;
  /** When the connection of a hidden page ends. */
  readonly pauseAt: number | null;

  /** It reads nothing by itself: events come from another source (`moved`), or by a catch-up. */
  readonly isStandby: boolean;
  /** Catch-ups that reached the end of the log so far. A poll that was aborted or failed does not count. */
  readonly catchUps: number;

  /** Where the reader is, over all of its sources. */
  readonly reader: ReaderPositions;
  /** When the app first enabled the feed. A reader without a cursor begins here, whatever it asks first. */
  readonly enabledAt: number | null;
  /** When something happened last: an event, or the reader came, or came back from rest. */
  readonly activeAt: number;
  /** What the last signal brought, in order. */
  readonly accepted: readonly FeedItem[];

  /** The time limit of the next poll in ms, while the page has just returned; 0 at all other times. */
  readonly returnLimitMs: number;
  /** A stream that worked is followed by the next one: up to the first failure the page shows no pause. */
  readonly isResuming: boolean;
  /** Failures since a stream was last worth having: it ended after a useful life, or lived for a heartbeat after its hello. */
  readonly failures: number;
  /** Of these: streams in a row that disconnected, and responses that were no stream. */
  readonly disconnects: number;
  readonly unexpectedResponses: number;
  /** Polls in a row that failed, and probes since the client fell back to polling. */
  readonly pollFailures: number;
  readonly probes: number;
  /** Why streaming does not work here now; null if it does. After a pause, the client polls again. */
  readonly pollingReason: PollingReason | null;
  /** The server could not be reached at all. Once it answers a poll, streaming may work again too. */
  readonly isUnreachable: boolean;
  /** Before this time, the end of an outage is no reason for a probe. */
  readonly nextRecoveryAt: number;
  /** The longest silence in ms that the client asks streams for. It is shorter where something cuts silent streams. */
  readonly heartbeatMs: number;
  /** The longest time in seconds for which the server may hold a poll, where something cuts longer ones. */
  readonly maxWaitSeconds: number;
  /**
   * The server wants no poll, and no stream, before these times (`Retry-After`). They hold whatever happens, but for the
   * user's retry. What a probe or a full server names is for streams alone.
   */
  readonly noPollBefore: number;
  readonly noStreamBefore: number;
  readonly advice: PollAdvice;

  /** The number of the newest token. */
  readonly tokenVersion: number;
  /** The client has asked for a new token, and the server has not accepted it yet. */
  readonly isTokenNew: boolean;
  readonly isHidden: boolean;
  readonly isOnline: boolean;
  readonly pausedBy: 'unstarted' | 'disabled' | 'hidden' | 'frozen' | null;
  readonly stoppedBy: 'closed' | 'refused' | null;
  /** Why the server refused last; null once it has served the reader again. */
  readonly problem: Problem | null;

  /** Planned changes from one stream to the next so far, and streams that were lost. The page shows both. */
  readonly handovers: number;
  readonly reconnects: number;
  readonly nextKey: number;
};

/**
 * A connection that has not started: no timers, no requests. The signal `enabled` starts it.
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
    restMs: 0,
    pauseAt: null,
    isStandby,
    catchUps: 0,
    reader,
    enabledAt: null,
    activeAt: 0,
    accepted: [],
    returnLimitMs: 0,
    isResuming: false,
    failures: 0,
    disconnects: 0,
    unexpectedResponses: 0,
    pollFailures: 0,
    probes: 0,
    pollingReason: null,
    isUnreachable: false,
    nextRecoveryAt: Number.NEGATIVE_INFINITY,
    heartbeatMs: settings.heartbeatMs,
    maxWaitSeconds: Number.POSITIVE_INFINITY,
    noPollBefore: Number.NEGATIVE_INFINITY,
    noStreamBefore: Number.NEGATIVE_INFINITY,
    advice: defaultPollAdvice,
    tokenVersion: 0,
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

/** Puts what the sequencer has accepted into the state. Nothing else of the sequencer reaches a connection. */
export function withApplied(
  state: Connection,
  { reader, accepted }: Pick<Applied, 'reader' | 'accepted'>,
): Connection {
  return { ...state, reader, accepted: [...state.accepted, ...accepted] };
}

/** Everything that can happen to a connection. Signals of a stream or poll that is no longer wanted are ignored. */
export type Signal =
  | { readonly kind: 'sent'; readonly stream: number }
  | { readonly kind: 'bytes'; readonly stream: number }
  /** The app is busy, or was until now: what the stream brings waits for it, and its age says nothing. */
  | { readonly kind: 'delayed'; readonly stream: number }
  | { readonly kind: 'frame'; readonly stream: number; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly stream: number; readonly refusal: Refusal }
  | { readonly kind: 'ended'; readonly stream: number }
  | { readonly kind: 'disconnected'; readonly stream: number }
  /** `ageMs`: how long ago the server sent the page, if a cache has kept it. */
  | { readonly kind: 'polled'; readonly poll: number; readonly page: Page; readonly ageMs?: number }
  | { readonly kind: 'pollRefused'; readonly poll: number; readonly refusal: Refusal }
  | { readonly kind: 'pollFailed'; readonly poll: number }
  /** Another feed of the page has polled. */
  | { readonly kind: 'pollShared'; readonly shared: FinishedPoll }
  /** It reads by itself from now on. */
  | { readonly kind: 'activate'; readonly known: KnownState | null }
  /** A source outside the connection has brought events. */
  | ({ readonly kind: 'moved' } & Pick<Applied, 'reader' | 'accepted'>)
  | PlainSignal;

/** What happens to one stream. */
export type StreamSignal = Extract<Signal, { readonly stream: number }>;

/** What happens to one poll. */
export type PollSignal = Extract<Signal, { readonly poll: number }>;

/** A finished poll, as every feed of a page that reads the same can use it. */
export type FinishedPoll = {
  /** The cursor of the request. */
  readonly after: string | null;
  readonly restMs: number;
  /** Times in ms of a clock that never goes back; it is the same for all feeds of a page. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly result: PollSignal;
};

/** Signals that consist of their name. */
export type PlainSignal = {
  readonly kind: /** What drives the polls from outside asks for a poll: it starts if it is due. */
    | 'pollDue'
    /** Some time in the state may have come. */
    | 'timer'
    /** The machine slept: sockets may be dead without a sign. */
    | 'woke'
    | 'online'
    | 'offline'
    | 'visible'
    | 'hidden'
    /** The page enters the back/forward cache, and leaves it. */
    | 'frozen'
    | 'restored'
    | 'enabled'
    | 'disabled'
    /** The user wants to try now. */
    | 'retry'
    /** It closes what is open, and reads nothing by itself before `activate`. */
    | 'standBy'
    /** On standby: polls the log to its end, once. */
    | 'catchUp'
    /** Another source has found that all channels have ended, and the reader has their last events. */
    | 'end'
    | 'close';
};

/** A time at which the connection needs the signal `timer`. */
export type Timer = {
  readonly name: 'firstByte' | 'hello' | 'watchdog' | 'retry' | 'poll' | 'pollTimeout' | 'probe' | 'pause';
  readonly at: number;
};

/** All timers of a connection. */
export function timersOf(state: Connection): readonly Timer[] {
  const timers: Timer[] = state.streams.map((stream) => stream.timeout);
  const add = (name: Timer['name'], at: number | null) => at !== null && timers.push({ name, at });
  add('retry', state.retryAt);
  add('poll', ownPollAt(state));
  add('pollTimeout', state.poll?.timeoutAt ?? null);
  add('probe', state.probeAt);
  add('pause', state.pauseAt);
  return timers;
}

/** When the connection starts a poll by itself; null while one is in flight, or where something outside starts it. */
export function ownPollAt(state: Connection): number | null {
  const { poll, pollAt, mode, settings } = state;
  return poll !== null || (mode === 'polling' && settings.hasPollDriver) ? null : pollAt;
}

/** The time of the next timer; null when none runs. */
export function nextTimerAt(state: Connection): number | null {
  const timers = timersOf(state);
  return timers.length === 0 ? null : Math.min(...timers.map((timer) => timer.at));
}
