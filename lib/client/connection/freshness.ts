import { hasReached } from './sequencer.ts';
import type { Connection, Stream } from './state.ts';

/*
 * Whether a live stream brings on time what the server sends. The server says when it sends: in hello, 1 s later, and then at
 * least once in a heartbeat. A stream whose times come late, or not at all, is checked by polls.
 */

/** The server says the time again this long after hello, in ms. A time that comes much sooner was sent with the hello. */
const firstTimeMs = 1_000;
const leastTimeMs = 800;

/** How late something may come, in ms, and how much later than the hello at least. */
const maxLateMs = 3_000;
const leastLateMs = 1_000;

/** When the stream must have brought a time at the latest; then a check that is answered shows that something holds it back. */
export function timeDueAt(stream: Stream, { settings }: Connection): number {
  const { freshAt, liveAt, heartbeatMs } = stream;
  return freshAt + (freshAt === liveAt ? firstTimeMs + settings.checkMs : 2.5 * heartbeatMs);
}

/**
 * Compares the age of what the stream brings with the least age so far. One late time may come from a pause of the network;
 * a second one, sent after the first had arrived, shows that the stream is late.
 * @param time of sending, by the server's clock.
 * @returns the stream, and what its time shows. `early`: it came with the hello, and shows nothing of what follows.
 */
export function judgeTime(
  stream: Stream,
  time: number,
  now: number,
): { readonly stream: Stream; readonly shows: 'early' | 'onTime' | 'late' | 'stillLate' } {
  const age = now - time;
  const leastAge = Math.min(stream.leastAge ?? age, age);
  const lateMs = age - leastAge;
  const read = { ...stream, leastAge };
  // The hello may have been late itself, by as much as it took to come.
  if (lateMs <= Math.max(leastLateMs, maxLateMs - (stream.liveAt - stream.sentAt))) {
    return { stream: read, shows: now - stream.liveAt < leastTimeMs ? 'early' : 'onTime' };
  }
  const { lateFrom } = stream;
  if (lateFrom !== null && time > lateFrom) return { stream: read, shows: 'stillLate' };
  return { stream: { ...read, lateFrom: lateFrom ?? time + lateMs }, shows: 'late' };
}

/** Whether a check has brought events more than 3 s ago that the stream still has not brought. */
export function isOverdue({ owed, source }: Stream, now: number): boolean {
  return owed !== null && now - owed.since >= maxLateMs && !hasReached(source, owed.positions);
}

/** A check was answered: what it has brought, the stream has to bring too. */
export function withOwed(stream: Stream, { reader, accepted }: Connection, now: number): Stream {
  const { owed, source } = stream;
  if (owed !== null && !hasReached(source, owed.positions)) return stream;
  return { ...stream, owed: accepted.length === 0 ? null : { positions: reader.positions, since: now } };
}
