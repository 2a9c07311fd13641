import { parseCursor } from '../core/cursor.ts';
import { newConnection, type PlainSignal, type Signal } from './connection.ts';
import type { FeedEntry } from './feed-entry.ts';
import type { Feed, FeedOptions, FeedSnapshot } from './feed-options.ts';
import { queryOf, settingsOf } from './feed-settings.ts';
import { retryAtOf, statusOf, transportOf } from './feed-status.ts';
import { createFeedStore } from './feed-store.ts';
import { guard, report } from './guard.ts';
import { createHistory } from './history.ts';
import { initialEntries } from './initial-entries.ts';
import { watchPage } from './page-signals.ts';
import { progressAt, writeCursor } from './place.ts';
import { createRequestRunner } from './run-requests.ts';
import { step } from './step.ts';
import { systemClock } from './system-clock.ts';
import { nextTimerAt } from './timers.ts';
import { createWakeUp } from './wake-up.ts';

/**
 * Reads a feed: every event once, in order, over any number of connections; a loss is told as a gap.
 * Works in browsers and in Node.
 * @throws FeedError `bad-request` when `after` or the initial cursor is none.
 */
export function connectFeed(options: FeedOptions = {}): Feed {
  const feed = createFeed(options);
  if (options.enabled !== false) feed.setEnabled(true);
  return feed;
}

/** A feed that reads nothing until `setEnabled(true)`: making one has no effect outside, as rendering needs it. */
export function createFeed(options: FeedOptions = {}): Feed {
  const clock = options.clock ?? systemClock;
  const query = queryOf(options);
  const { channels } = query;
  const start = options.after ?? options.initial?.cursor;
  const progress = progressAt(start === undefined ? new Map() : parseCursor(start, channels, 'after'));
  const store = createFeedStore(options.limit ?? 1_000);
  store.add(initialEntries(options.initial));

  let state = newConnection(settingsOf(options, query), progress);
  let lag: number | null = null;
  let isDirty = false;
  let isScheduled = false;
  let poller: { readonly key: number; end(): void } | null = null;
  let unwatch: (() => void) | null = null;
  const listeners = new Set<() => void>();

  // Called as a function of its own: a browser's `fetch` refuses to be a method of something else.
  const ask: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const requests = createRequestRunner({
    query,
    clock,
    fetch: ask,
    getToken: options.getToken ?? null,
    tell: dispatch,
  });
  const history = createHistory({
    query,
    clock,
    fetch: ask,
    store,
    token: () => requests.token(state.token),
    onChange: change,
  });
  const wakeUp = createWakeUp(clock, (hasSlept) => {
    const signals: Signal[] = [...requests.held].map((stream) => ({ kind: 'bytes', stream }));
    dispatch([...(hasSlept ? [{ kind: 'woke' } as const] : []), ...signals, { kind: 'timer' }]);
  });

  /** The one way anything changes: signals in, state; then I/O, timers, callbacks, listeners, once for all of them. */
  function dispatch(signals: readonly Signal[]): void | Promise<void> {
    const now = clock.elapsed();
    const taken: FeedEntry[] = [];
    for (const signal of signals) {
      state = step(state, signal, now, clock.random());
      for (const entry of state.taken) taken.push(entry);
    }
    store.add(taken);
    wakeUp.set(nextTimerAt(state));
    scheduleRequests();
    endPoller();
    const pending = tellApp(taken);
    change();
    return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
  }

  /** Requests follow in a microtask: what is opened and closed again within one turn is never sent. */
  function scheduleRequests(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      requests.reconcile(state);
    });
  }

  function tellApp(taken: readonly FeedEntry[]): readonly Promise<void>[] {
    const pending: Promise<void>[] = [];
    for (const entry of taken) {
      if (entry.kind === 'gap') {
        guard(() => options.onGap?.(entry.gap));
        continue;
      }
      lag = Math.max(0, clock.now() - entry.event.time);
      const held = guard(() => options.onEvent?.(entry.event));
      if (held instanceof Promise) pending.push(held.catch(report));
    }
    return pending;
  }

  function change(): void {
    isDirty = true;
    const before = snapshot;
    if (listeners.size === 0 && options.onStatus === undefined) return;
    const after = getSnapshot();
    if (after === before) return;
    if (after.status !== before.status) guard(() => options.onStatus?.(after.status, after));
    for (const listener of listeners) guard(listener);
  }

  function getSnapshot(): FeedSnapshot {
    if (isDirty) snapshot = keep(snapshot, compute());
    isDirty = false;
    return snapshot;
  }

  let retryAt: { readonly elapsed: number; readonly wall: number } | null = null;

  function wallOf(elapsed: number | null): number | null {
    if (elapsed === null) return null;
    if (retryAt?.elapsed !== elapsed) {
      retryAt = { elapsed, wall: Math.round(clock.now() + elapsed - clock.elapsed()) };
    }
    return retryAt.wall;
  }

  function compute(): FeedSnapshot {
    return {
      ...store.view(),
      ...history.state(),
      status: statusOf(state),
      transport: transportOf(state),
      cursor: writeCursor(state.progress.places, channels),
      lag,
      retryAt: wallOf(retryAtOf(state)),
      handovers: state.handovers,
      reconnects: state.reconnects,
      holes: state.holes,
      problem: state.problem,
      isPolling: state.mode === 'polling',
    };
  }

  function endPoller(): void {
    if (poller === null || poller.key === state.poll?.key) return;
    const { end } = poller;
    poller = null;
    end();
  }

  let snapshot = compute();
  const initialSnapshot = snapshot;
  const signal = (kind: PlainSignal['kind']) => void dispatch([{ kind }]);

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot,
    getInitialSnapshot: () => initialSnapshot,
    older: history.older,
    retry: () => signal('retry'),
    setEnabled(isEnabled) {
      unwatch?.();
      unwatch = null;
      signal(isEnabled ? 'enabled' : 'disabled');
      if (isEnabled) unwatch = watchPage(signal);
    },
    poll() {
      signal('pollDue');
      const { poll } = state;
      if (poll === null) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const end = () => (state.pollFailures === 0 ? resolve() : reject(new Error('poll failed')));
        poller = { key: poll.key, end };
      });
    },
    pollDelayMs: () => Math.max(1, Math.ceil((state.pollAt ?? clock.elapsed() + 1_000) - clock.elapsed())),
    close() {
      unwatch?.();
      unwatch = null;
      signal('close');
    },
  };
}

/** The old snapshot where the new one says the same. */
function keep(old: FeedSnapshot, next: FeedSnapshot): FeedSnapshot {
  const names = Object.keys(next) as (keyof FeedSnapshot)[];
  return names.every((name) => old[name] === next[name]) ? old : next;
}
