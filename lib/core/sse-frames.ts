import type { Gap } from './continuity.ts';
import { escapeLineEnds } from './safe-text.ts';

/*
 * The only module that writes Server-Sent Events (HTML standard, section "Server-sent events"). Every value is one line:
 * a cursor consists of validated names and ids, and `dataField` escapes the line ends of all readers.
 */

const paddingBytes = 2_048;

/** A comment line of 2 KiB: WebKit and some proxies hold back a body until they have about that much of it. */
export const paddingFrame = `:${' '.repeat(paddingBytes - 3)}\n\n`;

/** Says that the log has answered and the stream is live. `retryMs`: how long an `EventSource` waits before it reconnects. */
export function helloFrame(hello: Hello, retryMs: number): string {
  return `retry: ${retryMs}\nid: ${hello.cursor}\nevent: hello\n${dataField(JSON.stringify(hello))}\n\n`;
}

/**
 * Carries one event. It has no `event:` field, so that `onmessage` gets events of every type.
 * @param cursor the reader's cursor after the event.
 * @param json the event as JSON.
 */
export function eventFrame(cursor: string, json: string): string {
  return `id: ${cursor}\n${dataField(json)}\n\n`;
}

/**
 * Carries the latest event of one subject, before hello. It has no id: a reader that is cut off here gets all of the state again.
 * @param json the event as JSON.
 */
export function stateFrame(json: string): string {
  return `event: state\n${dataField(json)}\n\n`;
}

/** Says that a channel has ended: nothing follows the event `id` in it. `cursor` is the reader's cursor. */
export function endFrame(cursor: string, end: ChannelEnd): string {
  return `id: ${cursor}\nevent: end\n${dataField(JSON.stringify(end))}\n\n`;
}

/**
 * Reports lost events; `cursor` is the reader's cursor after the gap. An empty one deletes the reader's cursor, also that of an
 * `EventSource`: it comes back without one.
 */
export function gapFrame(cursor: string, gap: Gap): string {
  return `id: ${cursor}\nevent: gap\n${dataField(JSON.stringify(gap))}\n\n`;
}

/**
 * Shows that a quiet stream is alive, and how late it is. It has data, because Firefox ignores the id of a block without data.
 * @param time Unix time in ms at which the server sends it.
 */
export function heartbeatFrame(cursor: string, time: number): string {
  return `id: ${cursor}\nevent: heartbeat\ndata: {"time":${time}}\n\n`;
}

/**
 * Goes out alone, some time after other frames. A filter that passes a message on when the next one comes then passes them on.
 * @param time Unix time in ms at which the server sends it: it shows how late the stream is.
 */
export function loneComment(time: number): string {
  return `: ${time}\n\n`;
}

/** Announces the planned end of the stream. */
export function handoverFrame(cursor: string, handover: Handover): string {
  return `id: ${cursor}\nevent: handover\n${dataField(JSON.stringify(handover))}\n\n`;
}

/** Ends a stream as planned: how long an `EventSource` waits before it reconnects. Never 0: browsers then reconnect in a loop. */
export function lastFrame(retryMs: number): string {
  return `retry: ${Math.max(1, retryMs)}\n\n`;
}

/** Carries a refusal inside a 200, for an `EventSource`, which gives up for ever after any other status. */
export function refusedFrame(problem: Problem, retryMs: number): string {
  return `retry: ${Math.max(1, retryMs)}\nevent: refused\n${dataField(JSON.stringify(problem))}\n\n`;
}

function dataField(json: string): string {
  return `data: ${escapeLineEnds(json)}`;
}

/** The data of the `hello` frame. */
export type Hello = {
  /** The reader's cursor at the start of the live stream. */
  readonly cursor: string;
  /** The longest silence of this stream, in ms. After 2.5 times as long without a byte, a client takes it as broken. */
  readonly heartbeatMs: number;
  /** The time in ms from this frame to the planned end of the stream. */
  readonly deadlineMs: number;
  /**
   * Unix time in ms at which the server sends hello. A server that sends it says the time again 1 s later, and then at least
   * every `heartbeatMs`, so that its reader notices a stream that is held back or late. Absent: a server that does not.
   */
  readonly time?: number;
  /** The server's version, `major.minor.patch`. */
  readonly version: string;
};

/** The data of the `end` frame. */
export type ChannelEnd = {
  readonly channel: string;
  /** The id of the channel's last event. */
  readonly id: string;
};

/** The data of the `handover` frame: this stream ends soon, as planned; open the next one now. */
export type Handover = {
  readonly reason: 'deadline' | 'stopping' | 'token' | 'quiet';
  /** The time in ms after which the server ends the stream. */
  readonly closesInMs: number;
  /** Only with the reason `quiet`: open no stream, but poll after this time in ms. */
  readonly everyMs?: number;
};

/** The JSON that explains a refused request (RFC 9457). */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
};

/** The version of this server, in `hello` and in the health route. A test holds it equal to `package.json`. */
export const version = '0.1.0';
