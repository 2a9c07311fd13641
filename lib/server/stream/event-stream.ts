import type { Clock } from '../../core/clock.ts';
import type { Position } from '../../core/cursor.ts';
import {
  type Handover,
  handoverFrame,
  heartbeatFrame,
  helloFrame,
  lastFrame,
  loneComment,
  paddingFrame,
  version,
} from '../../core/sse-frames.ts';
import { answerWithinMs } from '../../log/event-log.ts';
import { type OwnConnection, takeOver, writeChunk } from '../node/sockets.ts';
import type { EventFilter } from '../tail/ring-buffer.ts';
import type { LeasedTail } from '../tail/tail.ts';
import { tailTimes } from '../tail/tail-times.ts';
import { ChannelReader } from './channel-reader.ts';
import type { StateReader } from './channel-state.ts';
import { type Deadline, plannedRetryMs, unplannedRetryMs } from './deadline.ts';
import { cursorOf, Taken, takeFrames } from './frames.ts';

/** How long the log may fail under an open stream, in ms. Then the stream ends with `retry:`. */
export const logFailureLimitMs = tailTimes.giveUpMs;

/**
 * How long after its frames a stream sends a lone comment, in ms: long enough that a filter in between reads the two one by
 * one, and that a busy stream needs no comment, because its next frames do the same.
 */
export const loneCommentAfterMs = 100;

/** How long after hello a stream says the time again, in ms: a reader notices by it that something holds the stream back. */
export const timeAfterHelloMs = 1_000;

/** At its end a stream gives a reader that has stopped reading this share of `closesInMs`, then cuts the connection. */
export const graceShare = 0.3;

/** Where a stream starts: a position for each channel; a channel without one starts at its end. */
export type Positions = ReadonlyMap<string, Position>;

/**
 * Why a stream is over: the reason of its handover, or without one: the reader left, took nothing for too long, or the log failed;
 * all channels have ended; the state that the reader holds is no longer true.
 */
export type StreamEndReason = Handover['reason'] | 'left' | 'stalled' | 'log-unavailable' | 'ended' | 'gap';

/** What a stream has done, at its end. */
export type StreamEnd = {
  readonly reason: StreamEndReason;
  readonly durationMs: number;
  readonly events: number;
  readonly gaps: number;
  readonly bytes: number;
  /** The longest and the mean lag of its chunks, in ms (`Metrics.lag`); null: no event was stored while it was open. */
  readonly lag: { readonly maxMs: number; readonly meanMs: number } | null;
};

type EventStreamOptions = {
  /** The tails to read, one for each channel. */
  readonly tails: readonly LeasedTail[];
  /** Where the reader starts; a promise if the log must be asked. */
  readonly start: Positions | Promise<Positions>;
  /** Which events to deliver; null: all. */
  readonly filter: EventFilter | null;
  /** The reader holds the state of its channel: at a gap the stream ends, and the reader comes back without a cursor. */
  readonly isLatest: boolean;
  /** What the stream sends before hello; null: nothing. */
  readonly state: StateReader | null;
  readonly clock: Clock;
  /** Longest silence, in ms. */
  readonly heartbeatMs: number;
  readonly deadline: Deadline;
  /** Time until the reader's token expires, in ms; null: never. */
  readonly tokenEndsInMs: number | null;
  /** The connection of the request, if the process owns it: the stream writes straight to it, and can cut it. */
  readonly connection: OwnConnection | null;
  /** Called with each handover: from now on the stream only makes way for the next one. */
  readonly onHandover: () => void;
  /** Called for each chunk. @param lagMs how late its oldest event is; null: it has none that was stored since the start. */
  readonly onSent: (events: number, gaps: number, bytes: number, lagMs: number | null) => void;
  /** Called once, when the stream is over, however it ended. */
  readonly onEnd: (end: StreamEnd) => void;
};

const encoder = new TextEncoder();
const padding = encoder.encode(paddingFrame);
const doNothing = () => {};

/**
 * A live stream. It is pull-driven: when the reader takes a chunk, the stream writes everything after the cursor as the
 * next one, up to about 256 KiB. A reader that stops reading costs its cursor and one chunk.
 *
 * If the process owns the connection, the stream takes the response over: the framework sends only the headers, and all
 * chunks go straight to the connection.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  /** When the stream ends at the latest, by the clock's `elapsed`. */
  readonly #endsAt: number;
  /**
   * `waiting` for the start position, then `live`, some after `sending-state`; `ending` writes the last frame, then the stream
   * is `over`.
   */
  #state: 'waiting' | 'sending-state' | 'live' | 'ending' | 'over' = 'waiting';
  /** Why it is `ending`, if it was not handed over. */
  #endReason: StreamEndReason = 'log-unavailable';
  #readers: readonly ChannelReader[] = [];
  /** Of the body, if the response has one. */
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  readonly #startedAt: number;
  /** When the stream went live, in Unix ms: older events are not late. */
  #liveSince = Number.POSITIVE_INFINITY;
  /** What the next chunk holds, and what all chunks held. */
  readonly #taken = new Taken();
  readonly #sent = { events: 0, gaps: 0, bytes: 0, lags: 0, lagSumMs: 0, lagMaxMs: 0 };
  /** Ends the response that was taken over from the framework; null: it has a body. */
  #endResponse: (() => void) | null = null;
  /** Whether the reader takes a chunk now. */
  #hasDemand = false;
  /** Control frames to write before any event. */
  readonly #controlFrames: Uint8Array<ArrayBuffer>[] = [padding];
  #handover: Handover | null = null;
  #isHandoverWritten = false;
  #isHeartbeatDue = false;
  /** Whether frames went out that a filter may hold back, and the time of the lone comment after them has not come. */
  #isCommentAhead = false;
  #isCommentDue = false;
  /** When the newest frames were written. A lone comment does not count. */
  #writtenAt: number;
  /** When the next frames must carry the server's time, by the clock's `elapsed`: a busy stream says it too. */
  #timeDueAt = Number.POSITIVE_INFINITY;
  /** The reader takes a chunk. One function for all chunks. */
  readonly #onDemand = () => {
    this.#hasDemand = true;
    this.#flush();
  };
  #cancelHeartbeat = doNothing;
  #cancelComment = doNothing;
  /** Cancel the timers that end the stream: there are few, and each fires once. */
  readonly #cancelTimers: (() => void)[] = [];

  constructor(options: EventStreamOptions) {
    const { clock, deadline, start } = options;
    this.#options = options;
    this.#startedAt = clock.elapsed();
    this.#endsAt = clock.elapsed() + deadline.handoverInMs + deadline.closesInMs;
    this.#writtenAt = clock.elapsed();
    const tokenEndsInMs = options.tokenEndsInMs ?? Infinity;
    const reason = tokenEndsInMs < deadline.handoverInMs ? 'token' : 'deadline';
    this.#after(Math.min(tokenEndsInMs, deadline.handoverInMs), () =>
      this.handOver(reason, deadline.closesInMs),
    );
    if (start instanceof Promise) {
      const endEarly = () => this.#end(deadline.closesInMs * graceShare);
      // Then it ends with `retry:`, so that the client can poll.
      this.#after(answerWithinMs, () => {
        if (this.#state === 'waiting') endEarly();
      });
      // The headers are out: a log that fails now is reported by an early end, which says when to come back.
      start.then((positions) => this.#begin(positions), endEarly);
    } else this.#begin(start);
  }

  /**
   * Lets the reader take chunks. Call it once.
   * @returns the body of the response; null if the framework must send it without one, because the stream writes it.
   */
  open(): ReadableStream<Uint8Array> | null {
    const connection = this.#connectionInTurn();
    if (connection !== null && !this.#isOver()) {
      this.#endResponse = takeOver(connection, this.#onDemand, () => this.abandon());
      return null;
    }
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          if (this.#isOver()) controller.close();
        },
        pull: this.#onDemand,
        cancel: () => this.#release('left'),
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * Asks the reader to open the next stream, and ends this one in `closesInMs`. Only the first call writes a frame; the
   * earliest end counts.
   * @param everyMs with the reason `quiet`: the reader polls after this time, and opens no stream.
   */
  handOver(reason: Handover['reason'], closesInMs: number, everyMs?: number): void {
    if (this.#state === 'over') return;
    this.#handover ??= { reason, closesInMs, ...(everyMs !== undefined && { everyMs }) };
    this.#options.onHandover();
    this.#flush();
    this.#after(closesInMs, () => this.#end(closesInMs * graceShare));
  }

  /** Ends the stream without a last frame: its reader has gone. */
  abandon(): void {
    this.#close('left');
  }

  #close(otherwise: StreamEndReason): void {
    if (this.#state === 'over') return;
    this.#release(otherwise);
    if (this.#endResponse === null) this.#controller?.close();
    else this.#endResponse();
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimers.push(this.#options.clock.after(ms, run));
  }

  /**
   * Ends the stream before its first byte, if its channels have ended and its reader has all of them.
   * @returns whether it did.
   */
  endIfEnded(): boolean {
    if (this.#state !== 'live' || !this.#readers.every((reader) => reader.hasEnded())) return false;
    this.#close('ended');
    return true;
  }

  #begin(positions: Positions): void {
    if (this.#state !== 'waiting') return;
    if (this.#options.state === null) this.#goLive(positions);
    else this.#state = 'sending-state';
    this.#flush();
  }

  /** Takes the next part of the state as a control frame. @returns whether there is something to write. */
  #takeState(state: StateReader): boolean {
    const offer = state.take(() => this.#flush());
    if (offer === 'done') this.#goLive(state.positions());
    else if (offer === 'lost') this.#state = 'ending';
    else if (offer !== 'asking') this.#controlFrames.push(offer);
    return this.#controlFrames.length > 0 || this.#state === 'ending';
  }

  #goLive(positions: Positions): void {
    const { tails, clock, heartbeatMs } = this.#options;
    const wake = () => this.#flush();
    this.#readers = tails.map(
      (tail) => new ChannelReader(tail, positions.get(tail.channel) ?? null, clock, wake),
    );
    // An offer settles the reader's epoch, so that hello carries it.
    for (const reader of this.#readers) reader.offer();
    this.#state = 'live';
    this.#liveSince = clock.now();
    const deadlineMs = Math.max(0, Math.round(this.#endsAt - clock.elapsed()));
    const hello = { cursor: cursorOf(this.#readers), heartbeatMs, deadlineMs, time: clock.now(), version };
    this.#controlFrames.push(encoder.encode(helloFrame(hello, unplannedRetryMs(clock.random()))));
    this.#scheduleHeartbeat(heartbeatMs);
    this.#timeDueAt = clock.elapsed() + timeAfterHelloMs;
    this.#after(timeAfterHelloMs, () => {
      this.#isCommentDue = true;
      this.#flush();
    });
  }

  #scheduleHeartbeat(ms: number): void {
    const { clock, heartbeatMs } = this.#options;
    this.#cancelHeartbeat = clock.after(ms, () => {
      const silentMs = clock.elapsed() - this.#writtenAt;
      this.#isHeartbeatDue = silentMs >= heartbeatMs;
      if (this.#isHeartbeatDue) this.#flush();
      this.#scheduleHeartbeat(this.#isHeartbeatDue ? heartbeatMs : heartbeatMs - silentMs);
    });
  }

  #scheduleComment(ms: number): void {
    const { clock } = this.#options;
    this.#isCommentAhead = true;
    this.#cancelComment = clock.after(ms, () => {
      // One timer for all frames of a busy stream: it is set again for the newest.
      const leftMs = loneCommentAfterMs - (clock.elapsed() - this.#writtenAt);
      if (leftMs > 0) return this.#scheduleComment(leftMs);
      this.#isCommentAhead = false;
      this.#isCommentDue = true;
      this.#flush();
    });
  }

  /** Writes all that is due, chunk by chunk, for as long as the reader takes more. */
  #flush(): void {
    const { state } = this.#options;
    while (this.#hasDemand && this.#state !== 'over') {
      if (this.#state === 'sending-state' && state !== null && !this.#takeState(state)) break;
      if (this.#hasLogFailed()) this.#state = 'ending';
      const chunk = this.#nextChunk();
      if (chunk !== null) {
        this.#hasDemand = false;
        this.#isHeartbeatDue = false;
        this.#isCommentDue = false;
        this.#count(chunk.length);
        this.#write(chunk);
      }
      if (this.#state === 'ending') this.#close(this.#endReason);
      else if (chunk === null) break;
    }
  }

  #hasLogFailed(): boolean {
    for (const tail of this.#options.tails) if (tail.failingForMs() >= logFailureLimitMs) return true;
    return false;
  }

  #count(bytes: number): void {
    const { events, gaps, oldestTime } = this.#taken;
    const sent = this.#sent;
    let lagMs: number | null = null;
    if (events > 0 && oldestTime >= this.#liveSince) {
      // The log's clock can be ahead of ours.
      lagMs = Math.max(0, this.#options.clock.now() - oldestTime);
      sent.lags += 1;
      sent.lagSumMs += lagMs;
      if (lagMs > sent.lagMaxMs) sent.lagMaxMs = lagMs;
    }
    sent.events += events;
    sent.gaps += gaps;
    sent.bytes += bytes;
    this.#options.onSent(events, gaps, bytes, lagMs);
    this.#taken.clear();
  }

  #write(chunk: Uint8Array): void {
    const { connection } = this.#options;
    if (this.#controller !== null) this.#controller.enqueue(chunk);
    else if (connection !== null) this.#hasDemand = writeChunk(connection, chunk, this.#onDemand);
  }

  /** The connection, if it is this response's turn: Node gives it to the responses of pipelined requests one by one. */
  #connectionInTurn(): OwnConnection | null {
    const { connection } = this.#options;
    return connection?.response.socket === connection?.socket ? connection : null;
  }

  /** All that is due, up to about 256 KiB; null: nothing is. */
  #nextChunk(): Uint8Array | null {
    const readers = this.#readers;
    const { filter, isLatest, clock, heartbeatMs } = this.#options;
    const now = clock.elapsed();
    const frames = takeFrames(readers, filter, this.#taken, isLatest);
    if (this.#controlFrames.length > 0) frames.unshift(...this.#controlFrames.splice(0));
    if (this.#taken.ends > 0 && readers.every((reader) => reader.hasEnded())) this.#endFor('ended');
    if (isLatest && this.#taken.gaps > 0) this.#endFor('gap');
    if (this.#handover !== null && !this.#isHandoverWritten && readers.length > 0) {
      this.#isHandoverWritten = true;
      frames.push(encoder.encode(handoverFrame(cursorOf(readers), this.#handover)));
    }
    if (this.#state === 'ending') frames.push(encoder.encode(lastFrame(plannedRetryMs(clock.random()))));
    const hasFrames = frames.length > 0;
    const isHeartbeat = !hasFrames && this.#isHeartbeatDue;
    const isComment = !isHeartbeat && (hasFrames ? now >= this.#timeDueAt : this.#isCommentDue);
    if (hasFrames && !this.#isCommentAhead) this.#scheduleComment(loneCommentAfterMs);
    if (isHeartbeat) frames.push(encoder.encode(heartbeatFrame(cursorOf(readers), clock.now())));
    if (isComment) frames.push(encoder.encode(loneComment(clock.now())));
    if (hasFrames || isHeartbeat) this.#writtenAt = now;
    if ((isHeartbeat || isComment) && now >= this.#timeDueAt) this.#timeDueAt = now + heartbeatMs;
    const [first = null] = frames;
    return frames.length > 1 ? Buffer.concat(frames) : first;
  }

  #endFor(reason: StreamEndReason): void {
    this.#state = 'ending';
    this.#endReason = reason;
  }

  /** Ends cleanly when the reader takes the last chunk; if it does not within `graceMs`, cuts the connection. */
  #end(graceMs: number): void {
    if (this.#state === 'over') return;
    this.#state = 'ending';
    this.#flush();
    // After a clean end the client can use the connection for its next request.
    if (this.#isOver()) return;
    this.#after(graceMs, () => {
      this.#connectionInTurn()?.socket.destroy();
      this.#close('stalled');
    });
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }

  /** @param otherwise why it ends, if it was not handed over. */
  #release(otherwise: StreamEndReason): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#cancelHeartbeat();
    this.#cancelComment();
    for (const cancel of this.#cancelTimers) cancel();
    for (const reader of this.#readers) reader.close();
    const { events, gaps, bytes, lags, lagSumMs, lagMaxMs } = this.#sent;
    this.#options.onEnd({
      reason: otherwise === 'stalled' ? otherwise : (this.#handover?.reason ?? otherwise),
      durationMs: Math.round(this.#options.clock.elapsed() - this.#startedAt),
      ...{ events, gaps, bytes },
      lag: lags === 0 ? null : { maxMs: lagMaxMs, meanMs: Math.round(lagSumMs / lags) },
    });
  }
}
