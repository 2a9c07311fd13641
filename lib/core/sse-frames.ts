import type { Gap } from './continuity.ts';

/*
 * The only module that writes Server-Sent Events. Every value is one line: JSON escapes line ends, and a cursor
 * is made of validated names and ids. The framing is that of the HTML standard, section "Server-sent events".
 */

const paddingBytes = 2_048;

/** A comment line of 2 KiB: WebKit and some proxies hold back a body until about that much has come. */
export const paddingFrame = `:${' '.repeat(paddingBytes - 3)}\n\n`;

/** First word of a live stream; `retryMs` is how long a native reader waits after a cut. */
export function helloFrame(hello: Hello, retryMs: number): string {
  return `retry: ${retryMs}\nid: ${hello.cursor}\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`;
}

/**
 * One event. No `event:` field, so that `onmessage` gets every type.
 * @param cursor the connection's position after it.
 * @param json the event as JSON, on one line.
 */
export function eventFrame(cursor: string, json: string): string {
  return `id: ${cursor}\ndata: ${json}\n\n`;
}

/** Tells of a loss; `cursor` is the position after it. */
export function gapFrame(cursor: string, gap: Gap): string {
  return `id: ${cursor}\nevent: gap\ndata: ${JSON.stringify(gap)}\n\n`;
}

/** Says that the stream lives. It carries data, because Firefox drops a block that has only an id. */
export function heartbeatFrame(cursor: string): string {
  return `id: ${cursor}\nevent: heartbeat\ndata: {}\n\n`;
}

/** Says that the stream will end as planned. */
export function handoverFrame(cursor: string, handover: Handover): string {
  return `id: ${cursor}\nevent: handover\ndata: ${JSON.stringify(handover)}\n\n`;
}

/** Last word of a planned end: how long a native reader waits before it comes back. Never 0: browsers then spin. */
export function lastFrame(retryMs: number): string {
  return `retry: ${Math.max(1, retryMs)}\n\n`;
}

/** A refusal told inside a 200, for a native reader that gives up for ever on any other status. */
export function refusedFrame(problem: Problem, retryMs: number): string {
  return `retry: ${Math.max(1, retryMs)}\nevent: refused\ndata: ${JSON.stringify(problem)}\n\n`;
}

/** Data of the `hello` frame: the log has answered, the stream is live. */
export type Hello = {
  /** This connection's position. */
  readonly cursor: string;
  /** Longest silence on this stream, in ms; a reader may take 2.5 times as much for a cut. */
  readonly heartbeatMs: number;
  /** Time in ms from this frame to the planned end of the stream. */
  readonly deadlineMs: number;
  /** The server's version, `major.minor.patch`. */
  readonly version: string;
};

/** Data of the `handover` frame: this stream ends soon, as planned; open the next one. */
export type Handover = {
  readonly reason: 'deadline' | 'stopping' | 'token';
  /** Time in ms after which the server ends the stream. */
  readonly closesInMs: number;
};

/** What a refused request is answered with (RFC 9457). */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
};

/** This server's version, told in `hello` and by the health route; a test holds it equal to `package.json`. */
export const version = '0.1.0';
