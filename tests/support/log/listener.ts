import { expect, vi } from 'vitest';
import type { EventLog, FollowSignal, LogEvent } from '../../../lib/log/event-log.ts';

/** Follows a channel and writes down what it is told. */
export type Listener = {
  readonly signals: readonly FollowSignal[];
  /** All events told, in the order told. */
  events(): LogEvent[];
  /** Waits until at least `count` events were told. */
  hears(count: number): Promise<void>;
  /** Waits until a signal of this kind was told. */
  isTold(kind: FollowSignal['kind']): Promise<void>;
  stop(): void;
};

const boundMs = 10_000;

/** Begins to follow; comes back once the log has acknowledged. */
export async function listen(log: EventLog, channel: string): Promise<Listener> {
  const signals: FollowSignal[] = [];
  const abort = new AbortController();
  const events = () => signals.flatMap((signal) => (signal.kind === 'events' ? signal.events : []));
  const until = (check: () => boolean, what: string) =>
    vi.waitFor(() => expect(check(), what).toBe(true), { timeout: boundMs, interval: 5 });
  const listener: Listener = {
    signals,
    events,
    hears: (count) => until(() => events().length >= count, `hears ${count} events`),
    isTold: (kind) => until(() => signals.some((signal) => signal.kind === kind), `is told ${kind}`),
    stop: () => abort.abort(),
  };
  log.follow(channel, (signal) => signals.push(signal), abort.signal);
  await listener.isTold('connected');
  return listener;
}
