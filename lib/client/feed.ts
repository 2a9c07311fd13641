import { type ConnectionSettings, defaultSettings } from '../config/client-timing.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { FeedEvent } from '../core/event.ts';
import { defaultChannel } from '../core/ids.ts';
import { readerAt, writeCursor } from './connection/sequencer.ts';
import { newConnection, type PlainSignal } from './connection/state.ts';
import { problemOf, retryAtOf, statusOf, transportOf } from './connection/status.ts';
import type { Feed, FeedOptions, FeedSnapshot, FeedStart } from './feed-options.ts';
import { createFeedStore, type FeedView } from './feed-store.ts';
import { createHistory } from './history.ts';
import { createWakeUp, watchPage } from './page-lifecycle.ts';
import { createRequestRunner } from './requests.ts';
import { advance, newTab, nextTabTimerAt, type Tab, type TabSignal } from './tabs/tab.ts';
import { canShare, createTabGroup } from './tabs/tab-group.ts';
import { createBackPressure, guard, report } from './transport/back-pressure.ts';
import { eventEntry, type FeedEntry, gapEntry } from './transport/feed-items.ts';
import type { FeedQuery } from './transport/http.ts';
import { readCursorOf } from './transport/wire.ts';

/**
 * Reads a feed: every event once, in order, over any number of connections; a loss is told as a gap.
 * Works in browsers and in Node.
 * @throws FeedError `bad-request` when `after` or the initial cursor is none.
 */
export function connectFeed<const T extends string = string>(options: FeedOptions<T> = {}): Feed<T> {
  const feed = createFeed(options);
  if (options.enabled !== false) feed.setEnabled(true);
  return feed;
}

/** A feed that reads nothing until `setEnabled(true)`: making one has no effect outside, as rendering needs it. */
export function createFeed<const T extends string = string>(options?: FeedOptions<T>): Feed<T>;
// No rule asks what an event's data is; that only events of these types come, the server sees to.
export function createFeed(options: FeedOptions = {}): Feed {
  const clock = options.clock ?? systemClock;
  const query = queryOf(options);
  const { channels } = query;
  const start = options.after ?? options.initial?.cursor;
  const cursor = start === undefined ? new Map() : readCursorOf(channels, start, 'after');
  const reader = readerAt(cursor, { channels, isFiltered: query.types.length > 0 });
  const store = createFeedStore(options.limit ?? 1_000);
  store.add(initialEntries(options.initial));

  const isSharing = canShare(options.share, channels, options.getToken !== undefined);
  const name = clock.random().toString(36).slice(2);
  let tab = newTab(name, newConnection(settingsOf(options), reader, isSharing), isSharing);
  const snapshots = createSnapshots(clock);
  let lag: number | null = null;
  let isDirty = false;
  let isScheduled = false;
  let poller: { readonly key: number; end(): void } | null = null;
  let unwatch: (() => void) | null = null;
  const listeners = new Set<() => void>();

  // Called as a function of its own: a browser's `fetch` refuses to be a method of something else.
  const ask: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const app = createBackPressure(clock);
  const requests = createRequestRunner({
    query,
    clock,
    fetch: ask,
    getToken: options.getToken === undefined ? null : () => newToken(options.getToken),
    app,
    tell: dispatch,
  });
  const token = () => requests.token(tab.connection.token);
  const group = !isSharing
    ? null
    : createTabGroup({
        ...{ query, clock, app, token, tell: dispatch },
        share: options.share,
        newToken: () => requests.newToken(tab.connection.token),
      });
  const history = createHistory({ query, clock, fetch: ask, store, token, onChange: change });
  const wakeUp = createWakeUp(clock, (hasSlept) => dispatch(hasSlept ? [{ kind: 'woke' }] : []));

  /** The one way anything changes: signals in, state; then I/O, timers, callbacks, listeners, once for all of them. */
  function dispatch(signals: readonly TabSignal[]): void {
    const now = clock.elapsed();
    tab = advance(tab, [...signals, ...dueAt(now)], now, clock.random);
    const { taken, says } = tab;
    store.add(taken);
    group?.post(says);
    wakeUp.set(nextTabTimerAt(tab));
    scheduleRequests();
    endPoller();
    app.add(tellApp(taken));
    change();
  }

  /**
   * The timer that is due, if one is; ahead of it a sign of life from the streams that the app holds up. It is looked for
   * whatever happens: a browser may run the timers of a hidden page once a minute only, while bytes still come.
   */
  function dueAt(now: number): readonly TabSignal[] {
    const at = nextTabTimerAt(tab);
    if (at === null || at > now) return [];
    return [...[...requests.held].map((stream) => ({ kind: 'bytes', stream }) as const), { kind: 'timer' }];
  }

  /** Requests follow in a microtask: what is opened and closed again within one turn is never sent. */
  function scheduleRequests(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      requests.reconcile(tab.connection);
      group?.reconcile(tab.sharing);
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
    if (isDirty) snapshot = compute();
    isDirty = false;
    return snapshot;
  }

  function compute(): FeedSnapshot {
    return snapshots(tab, { ...store.view(), ...history.state(), lag });
  }

  /** Whose the token is decides who may hear what is read with it. */
  async function newToken(getToken: FeedOptions['getToken']): Promise<string | null> {
    const token = (await getToken?.()) ?? null;
    await group?.belong(token);
    return token;
  }

  function endPoller(): void {
    if (poller === null || poller.key === tab.connection.poll?.key) return;
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
      const { poll } = tab.connection;
      if (poll === null) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const end = () => (tab.connection.pollFailures === 0 ? resolve() : reject(new Error('poll failed')));
        poller = { key: poll.key, end };
      });
    },
    pollDelayMs: () =>
      Math.max(1, Math.ceil((tab.connection.pollAt ?? clock.elapsed() + 1_000) - clock.elapsed())),
    close() {
      unwatch?.();
      unwatch = null;
      signal('close');
    },
  };
}

/** What the requests of a feed ask for, defaults filled in. */
function queryOf(options: FeedOptions): FeedQuery {
  const { url = '', channels = [defaultChannel], types = [], rewind = '' } = options;
  return { url, channels: [...new Set(channels)], types, rewind };
}

/** A connection's tunables: the app's, else the defaults. */
function settingsOf(options: FeedOptions): ConnectionSettings {
  const tunables = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in defaultSettings && value !== undefined),
  );
  return {
    ...defaultSettings,
    ...tunables,
    hasToken: options.getToken !== undefined,
  };
}

/** What a feed holds beside its connection. */
export type Held = FeedView & Pick<FeedSnapshot, 'hasOlder' | 'isLoadingOlder' | 'lag'>;

/** Makes snapshots, one after the other: the same object for as long as nothing changes. */
function createSnapshots(clock: Clock): (tab: Tab, held: Held) => FeedSnapshot {
  let snapshot: FeedSnapshot | null = null;
  let retryAt: { readonly elapsed: number; readonly wall: number } | null = null;

  function wallOf(elapsed: number | null): number | null {
    if (elapsed === null) return null;
    if (retryAt?.elapsed !== elapsed) {
      retryAt = { elapsed, wall: Math.round(clock.now() + elapsed - clock.elapsed()) };
    }
    return retryAt.wall;
  }

  return ({ connection, sharing }, held) => {
    const { role } = sharing;
    const next: FeedSnapshot = {
      ...held,
      status: statusOf(connection),
      transport: transportOf(connection),
      role: role === 'leader' || role === 'follower' ? role : 'alone',
      cursor: writeCursor(connection.reader),
      retryAt: wallOf(retryAtOf(connection)),
      handovers: connection.handovers,
      reconnects: connection.reconnects,
      holes: connection.reader.discontinuities,
      problem: problemOf(connection),
      isPolling: connection.mode === 'polling',
    };
    snapshot = snapshot === null ? next : keep(snapshot, next);
    return snapshot;
  };
}

/** The old snapshot where the new one says the same. */
function keep(old: FeedSnapshot, next: FeedSnapshot): FeedSnapshot {
  const names = Object.keys(next) as (keyof FeedSnapshot)[];
  return names.every((name) => old[name] === next[name]) ? old : next;
}

/** What a feed begins with. Gaps of a first page stand ahead of the event where the log goes on. */
function initialEntries(initial: FeedStart | undefined): FeedEntry[] {
  if (initial === undefined) return [];
  const gaps = initial.gaps ?? [];
  const isAt = (event: FeedEvent) =>
    gaps.filter((gap) => gap.channel === event.channel && gap.resumesAt === event.id);
  const placed = initial.events.flatMap((event) => [...isAt(event).map(gapEntry), eventEntry(event)]);
  const rest = gaps.filter((gap) => !placed.some((entry) => entry.kind === 'gap' && entry.gap === gap));
  return [...placed, ...rest.map(gapEntry)];
}
