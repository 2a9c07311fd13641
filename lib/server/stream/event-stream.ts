import { getDeadline } from '@vercel/functions';
import type { Clock } from '../../core/clock.ts';
import type { Position } from '../../core/cursor.ts';
import {
  type Handover,
  handoverFrame,
  heartbeatFrame,
  helloFrame,
  lastFrame,
  paddingFrame,
  version,
} from '../../core/sse-frames.ts';
import type { OwnConnection } from '../node/sockets.ts';
import type { Tail } from '../tail/tail.ts';
import { type ChannelReader, createChannelReader } from './channel-reader.ts';
import { collectFrames, cursorOf } from './frames.ts';

/** A stream whose log has not answered by then ends with `retry:`, so that the client may choose another way. */
export const helloWithinMs = 8_000;

/** A stream whose log has been failing for this long ends with `retry:`. */
export const logPatienceMs = 30_000;

/** An end waits this part of the handover's time for a reader that has stopped reading; then it is cut. */
export const graceShare = 0.3;

/** Where a stream begins: a position per channel; a channel without one begins at its end. */
export type Positions = ReadonlyMap<string, Position>;

export type FeedStreamOptions = {
  /** The tails to read, one a channel. */
  readonly tails: readonly Tail[];
  /** Where the reader begins; a promise where the log is asked. */
  readonly start: Positions | Promise<Positions>;
  /** Types to deliver; null: all. */
  readonly types: ReadonlySet<string> | null;
  readonly clock: Clock;
  /** Longest silence, in ms. */
  readonly heartbeatMs: number;
  readonly deadline: Deadline;
  /** In how many ms the reader's token expires; null: never. */
  readonly tokenEndsInMs: number | null;
  /** The connection it is for, where the process owns it: to write straight to, and to cut under a reader that does not read. */
  readonly connection: OwnConnection | null;
  /** Called once, when the stream is over, however it ended. */
  readonly onEnd: () => void;
};

const encoder = new TextEncoder();
const padding = encoder.encode(paddingFrame);

export type FeedStream = {
  readonly body: ReadableStream<Uint8Array>;
  /** Tells the reader to go on elsewhere, and ends the stream in `closesInMs`. It is told once; the earliest end counts. */
  handOver(reason: Handover['reason'], closesInMs: number): void;
  /** Ends the stream without a word: its reader has gone. */
  abandon(): void;
};

/**
 * A live stream. It is pull-driven: a reader that stops reading costs its cursor and one chunk. Each pull writes what
 * follows the cursor as one chunk of at most about 256 KiB. Where the process owns the connection, all chunks after the
 * first go straight to it, and the framework, which has sent the headers with that one, is asked again for the end only.
 */
export function createFeedStream(options: FeedStreamOptions): FeedStream {
  const { tails, types, clock, heartbeatMs, deadline, connection, onEnd } = options;
  const endsAt = clock.elapsed() + deadline.handoverInMs + deadline.closesInMs;
  /** Undo the timers that end the stream; there are few, and each goes off once. */
  const cancels: (() => void)[] = [];
  let cancelBeat = () => {};
  let state: 'silent' | 'live' | 'ending' | 'over' = 'silent';
  let readers: readonly ChannelReader[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let isWanted = false;
  let pulls = 0;
  /** The first chunk is out, and the headers ahead of it. */
  let hasBegun = false;
  /** Control frames to write ahead of events. */
  let lead: Uint8Array<ArrayBuffer>[] = [padding];
  let handover: Handover | null = null;
  let isHandoverTold = false;
  let isHeartbeatDue = false;
  let writtenAt = clock.elapsed();

  function after(ms: number, run: () => void): void {
    cancels.push(clock.after(ms, run));
  }

  function begin(positions: Positions): void {
    if (state !== 'silent') return;
    readers = tails.map((tail) =>
      createChannelReader(tail, positions.get(tail.channel) ?? null, clock, flush),
    );
    // An offer settles the reader's epoch, so that hello carries it.
    for (const reader of readers) reader.offer();
    state = 'live';
    const deadlineMs = Math.max(0, Math.round(endsAt - clock.elapsed()));
    const hello = { cursor: cursorOf(readers), heartbeatMs, deadlineMs, version };
    lead.push(encoder.encode(helloFrame(hello, unplannedRetryMs(clock.random()))));
    beatLater(heartbeatMs);
    flush();
  }

  function beatLater(ms: number): void {
    cancelBeat = clock.after(ms, () => {
      const silentMs = clock.elapsed() - writtenAt;
      isHeartbeatDue = silentMs >= heartbeatMs;
      if (isHeartbeatDue) flush();
      beatLater(isHeartbeatDue ? heartbeatMs : heartbeatMs - silentMs);
    });
  }

  /** Writes all that is due, chunk by chunk for as long as the reader wants one. */
  function flush(): void {
    while (isWanted && controller !== null && state !== 'over') {
      if (tails.some((tail) => tail.failingForMs() > logPatienceMs)) state = 'ending';
      const parts = nextParts();
      const [first] = parts;
      if (first !== undefined) {
        isWanted = false;
        isHeartbeatDue = false;
        writtenAt = clock.elapsed();
        const chunk = parts.length === 1 ? first : Buffer.concat(parts);
        const direct = hasBegun ? connectionInTurn() : null;
        if (direct === null) controller.enqueue(chunk);
        else isWanted = writeChunk(direct, chunk, want);
      }
      if (state === 'ending') finish();
      else if (first === undefined) break;
    }
  }

  /** Of requests that came one behind the other on a connection, Node gives it to one answer at a time. */
  function connectionInTurn(): OwnConnection | null {
    return connection?.response.socket === connection?.socket ? connection : null;
  }

  function want(): void {
    isWanted = true;
    flush();
  }

  function nextParts(): Uint8Array<ArrayBuffer>[] {
    const parts = lead;
    lead = [];
    parts.push(...collectFrames(readers, types));
    if (handover !== null && !isHandoverTold && readers.length > 0) {
      isHandoverTold = true;
      parts.push(encoder.encode(handoverFrame(cursorOf(readers), handover)));
    }
    if (state === 'ending') parts.push(encoder.encode(lastFrame(plannedRetryMs(clock.random()))));
    if (parts.length === 0 && isHeartbeatDue) parts.push(encoder.encode(heartbeatFrame(cursorOf(readers))));
    return parts;
  }

  function handOver(reason: Handover['reason'], closesInMs: number): void {
    if (state === 'over') return;
    handover ??= { reason, closesInMs };
    flush();
    after(closesInMs, () => end(closesInMs * graceShare));
  }

  /** Ends cleanly when the reader takes the last chunk; cuts the connection when it does not. */
  function end(graceMs: number): void {
    if (state === 'over') return;
    state = 'ending';
    flush();
    // A clean end leaves the connection to whatever the client asks on it next.
    if (isOver()) return;
    after(graceMs, () => {
      connectionInTurn()?.socket.destroy();
      finish();
    });
  }

  function isOver(): boolean {
    return state === 'over';
  }

  function finish(): void {
    if (state === 'over') return;
    release();
    controller?.close();
  }

  function release(): void {
    if (state === 'over') return;
    state = 'over';
    cancelBeat();
    for (const cancel of cancels) cancel();
    for (const reader of readers) reader.close();
    onEnd();
  }

  const tokenEndsInMs = options.tokenEndsInMs ?? Infinity;
  const reason = tokenEndsInMs < deadline.handoverInMs ? 'token' : 'deadline';
  after(Math.min(tokenEndsInMs, deadline.handoverInMs), () => handOver(reason, deadline.closesInMs));
  if (options.start instanceof Promise) {
    after(helloWithinMs, () => {
      if (state === 'silent') end(deadline.closesInMs * graceShare);
    });
    // A log that fails once the headers are out is told by an early end, with the time to come back.
    options.start.then(begin, () => end(deadline.closesInMs * graceShare));
  } else begin(options.start);

  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      pull() {
        // Asked again: what was given first has been written.
        hasBegun = pulls > 0;
        pulls += 1;
        want();
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );
  return { body, handOver, abandon: finish };
}

/** When a stream hands over, and when it must have ended; both in ms from now. */
type Deadline = {
  readonly handoverInMs: number;
  /** How long after the handover the server ends the stream. */
  readonly closesInMs: number;
};

/**
 * Plans a stream's end ahead of the platform's cut.
 * Margin a tenth of the limit, 1 to 10 s; jitter up to a fifth of it, at most 30 s, so
 * that readers that came together do not leave together.
 * @param limitSeconds seconds the platform leaves this request, from now.
 * @param random 0 ≤ x < 1, drawn per connection.
 */
export function planDeadline(limitSeconds: number, random: number): Deadline {
  const margin = Math.min(10, Math.max(1, limitSeconds / 10));
  const jitter = random * Math.min(30, limitSeconds / 5);
  return {
    handoverInMs: Math.max(0, (limitSeconds - margin - jitter) * 1_000),
    // A limit below the least margin still holds.
    closesInMs: 600 * Math.min(margin, limitSeconds),
  };
}

/** `retry:` in ms at a planned end: 250 to 1,000. */
export function plannedRetryMs(random: number): number {
  return Math.round(250 + random * 750);
}

/** `retry:` in ms in hello, for an end nobody planned: 1,000 to 5,000. */
export function unplannedRetryMs(random: number): number {
  return Math.round(1_000 + random * 4_000);
}

/**
 * Seconds that the platform leaves the request that is being handled: its own word for it where it gives one, else the
 * limit. Ask at the request's start.
 * @param now Unix time in ms.
 */
export function secondsLeft(limitSeconds: number, now: number): number {
  const deadline = getDeadline();
  return deadline === undefined ? limitSeconds : Math.max(0, (deadline.getTime() - now) / 1_000);
}

const lineEnd = Buffer.from('\r\n');

/** The chunk that was framed last: streams at the same cursor write the same, one after the other. */
let last: { readonly chunk: Uint8Array; readonly framed: Buffer } | null = null;

/**
 * Writes to a connection whose headers are out, past the layers that a framework puts around it.
 * @param onDrain called when it takes more again, where it does not now; never once it is closed.
 * @returns whether it takes more at once.
 */
export function writeChunk(
  { response, socket }: OwnConnection,
  chunk: Uint8Array,
  onDrain: () => void,
): boolean {
  // A reader that has gone: the end of its request is on its way to whoever writes.
  if (socket.destroyed || response.writableEnded) return false;
  // To HTTP/1.0 the body goes as it is, up to the end of the connection.
  const bytes = response.chunkedEncoding ? framed(chunk) : chunk;
  if (socket.write(bytes)) return true;
  socket.once('drain', onDrain);
  return false;
}

/** A chunk of the chunked transfer coding (RFC 9112, 7.1), in one piece: Node's own would write it in three. */
function framed(chunk: Uint8Array): Buffer {
  if (last?.chunk !== chunk) {
    const size = Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1');
    last = { chunk, framed: Buffer.concat([size, chunk, lineEnd]) };
  }
  return last.framed;
}
