import { expect, vi } from 'vitest';
import type { EventLog, FollowSignal, LogEvent } from '../../../lib/log/event-log.ts';

/** Follows a channel and records its signals. */
export type Listener = {
  readonly signals: readonly FollowSignal[];
  /** All reported events, in the order of the reports. */
  events(): LogEvent[];
  /** Waits until at least `count` events were reported. */
  receives(count: number): Promise<void>;
  /** Waits until a signal of this kind was reported. */
  gets(kind: FollowSignal['kind']): Promise<void>;
  stop(): void;
};

const timeoutMs = 10_000;

/** Starts to follow; resolves when the log has acknowledged. */
export async function listen(log: EventLog, channel: string): Promise<Listener> {
  const signals: FollowSignal[] = [];
  const abort = new AbortController();
  const events = () => signals.flatMap((signal) => (signal.kind === 'events' ? signal.events : []));
  const until = (check: () => boolean, what: string) =>
    vi.waitFor(() => expect(check(), what).toBe(true), { timeout: timeoutMs, interval: 5 });
  const listener: Listener = {
    signals,
    events,
    receives: (count) => until(() => events().length >= count, `receives ${count} events`),
    gets: (kind) => until(() => signals.some((signal) => signal.kind === kind), `gets ${kind}`),
    stop: () => abort.abort(),
  };
  log.follow(channel, (signal) => signals.push(signal), abort.signal);
  await listener.gets('connected');
  return listener;
}
