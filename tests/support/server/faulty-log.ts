import { type Clock, wait } from '../../../lib/core/clock.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { EventLog, FollowSignal } from '../../../lib/log/event-log.ts';

/** A log that misbehaves on demand, and counts every call. Publishing through it works unless `isDown`. */
export type FaultyLog = EventLog & {
  /** Calls of each method. */
  readonly calls: { append: number; read: number; latest: number; ends: number; follow: number };
  /** All calls together, without appends. */
  asked(): number;
  /** Whether every call fails. */
  isDown: boolean;
  /** The time that a failure names, in seconds; null: none. */
  retryAfterSeconds: number | null;
  /** How late an answer arrives, in ms; it says what was true when the log was asked. */
  answerMs: number;
  /** How late a subscription is acknowledged, in ms. */
  acknowledgeMs: number;
  /** What happens to a new subscription. */
  following: 'works' | 'fails' | 'hangs';
  /** How late each copy of an announcement arrives, in ms: no copy is a loss, two are a duplicate. */
  fate: () => readonly number[];
  /** How many subscriptions get announcements. */
  followers(): number;
  /** Breaks every subscription, and each reports it. */
  cut(): void;
  /** Every open subscription stops announcing, without a report. */
  silence(): void;
};

type Follower = {
  readonly tell: (signal: FollowSignal) => void;
  readonly end: () => void;
  isSilent: boolean;
};

const inTime: readonly number[] = [0];

/** Wraps `inner` with faults. */
export function createFaultyLog(inner: EventLog, clock: Clock): FaultyLog {
  const open = new Set<Follower>();
  const calls = { append: 0, read: 0, latest: 0, ends: 0, follow: 0 };

  async function answer<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const { answerMs, isDown } = log;
    const asked = isDown ? null : await call();
    if (answerMs > 0) await wait(clock, answerMs);
    if (asked === null) throw failure();
    return asked;
  }

  function failure(): FeedError {
    const { retryAfterSeconds } = log;
    const named = retryAfterSeconds === null ? {} : { retryAfterSeconds };
    return new FeedError('log-unavailable', 'the log is down', named);
  }

  function hear(follower: Follower, signal: FollowSignal): void {
    if (follower.isSilent) return;
    for (const ms of signal.kind === 'events' ? log.fate() : inTime) {
      if (ms === 0) follower.tell(signal);
      else clock.after(ms, () => open.has(follower) && !follower.isSilent && follower.tell(signal));
    }
  }

  const log: FaultyLog = {
    kind: inner.kind,
    mayEvict: () => inner.mayEvict(),
    calls,
    asked: () => calls.read + calls.latest + calls.ends + calls.follow,
    isDown: false,
    retryAfterSeconds: null,
    answerMs: 0,
    acknowledgeMs: 0,
    following: 'works',
    fate: () => inTime,
    append(request) {
      calls.append += 1;
      return answer(() => inner.append(request));
    },
    read(channel, from, limit) {
      calls.read += 1;
      return answer(() => inner.read(channel, from, limit));
    },
    latest(channel, afterSeq, limit) {
      calls.latest += 1;
      return answer(() => inner.latest(channel, afterSeq, limit));
    },
    forget: (channel) => answer(() => inner.forget(channel)),
    ends(channels) {
      calls.ends += 1;
      return answer(() => inner.ends(channels));
    },
    follow(channel, onSignal, signal) {
      calls.follow += 1;
      const ended = new AbortController();
      const over = AbortSignal.any([signal, ended.signal]);
      const follower: Follower = {
        tell: (signal) => over.aborted || onSignal(signal),
        end: () => ended.abort(),
        isSilent: false,
      };
      if (log.following === 'hangs') return;
      if (log.following === 'fails' || log.isDown) {
        queueMicrotask(() =>
          follower.tell({ kind: 'lost', cause: log.isDown ? failure() : new Error('refused') }),
        );
        return;
      }
      open.add(follower);
      over.addEventListener('abort', () => open.delete(follower), { once: true });
      const begin = () => inner.follow(channel, (signal) => hear(follower, signal), over);
      if (log.acknowledgeMs === 0) begin();
      else clock.after(log.acknowledgeMs, begin);
    },
    close: () => inner.close(),
    followers: () => open.size,
    cut() {
      for (const follower of [...open]) {
        follower.tell({ kind: 'lost', cause: new Error('cut') });
        follower.end();
      }
    },
    silence() {
      for (const follower of open) follower.isSilent = true;
    },
  };
  return log;
}
