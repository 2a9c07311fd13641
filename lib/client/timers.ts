import type { Connection } from './connection.ts';

/** A time at which the connection wants to be told `timer`. */
export type Timer = {
  readonly name:
    | 'firstByte'
    | 'hello'
    | 'watchdog'
    | 'retry'
    | 'poll'
    | 'pollTimeout'
    | 'probe'
    | 'hidden'
    | 'yield';
  readonly at: number;
};

/** All timers of a connection. */
export function timersOf(state: Connection): readonly Timer[] {
  const timers: Timer[] = state.streams.map((stream) => stream.deadline);
  const add = (name: Timer['name'], at: number | null) => at !== null && timers.push({ name, at });
  add('retry', state.retryAt);
  // A fill is the connection's own affair, whoever drives the polls.
  if (state.settings.polls === 'timer' || state.mode === 'following') add('poll', state.pollAt);
  add('pollTimeout', state.poll?.deadlineAt ?? null);
  add('probe', state.probeAt);
  add('hidden', state.hideAt);
  add('yield', state.yieldAt);
  return timers;
}

/** The time of the next one; null when none runs. */
export function nextTimerAt(state: Connection): number | null {
  const timers = timersOf(state);
  return timers.length === 0 ? null : Math.min(...timers.map((timer) => timer.at));
}
