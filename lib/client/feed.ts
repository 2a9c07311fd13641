import { type ConnectionSettings, defaultSettings } from '../config/client-timing.ts';
import { basePath, pathEnd } from '../config/routes.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { FeedEvent } from '../core/event.ts';
import { defaultChannel } from '../core/ids.ts';
import { advance } from './connection/reducer.ts';
import { readerAt, writeCursor } from './connection/sequencer.ts';
import type { CreateShare, ShareView } from './connection/share.ts';
import {
  type Connection,
  newConnection,
  nextTimerAt,
  type PlainSignal,
  type Signal,
} from './connection/state.ts';
import { readingOf } from './connection/status.ts';
import { createDelivery } from './delivery.ts';
import type { Feed, FeedEntry, FeedOptions, FeedSnapshot, FeedStart } from './feed-options.ts';
import { createFeedStore, entryOf, eventEntry, type FeedView, gapEntry } from './feed-store.ts';
import { createHistory } from './history.ts';
import { createFeedTimer, watchPage } from './page-lifecycle.ts';
import { createRequestRunner } from './requests.ts';
import { createSavedPlace } from './saved-place.ts';
import { type BackPressure, createBackPressure, guard } from './transport/back-pressure.ts';
import type { FeedQuery } from './transport/http.ts';
import { readCursorOf } from './transport/wire.ts';

/** The part of a feed that `polls.ts` needs to drive its polls from outside. */
export type PollHost = {
  readonly clock: Clock;
  /** Holds up what comes from other feeds while the app is busy. */
  readonly app: BackPressure;
  connection(): Connection;
  dispatch(signals: readonly Signal[]): void;
  /** Calls `listener` after each change, with the signals that made it. */
  onSignals(listener: (signals: readonly Signal[]) => void): void;
};

/**
 * A feed that reads nothing until `setEnabled(true)`. Making it has no effect outside, so React may do so while rendering.
 * @param createShare how feeds share a connection (`createTabShare` for the tabs of a browser); null: this feed never does.
 * @param hasPollDriver whether something outside starts the polls, by `pollHost`. Default: the feed does.
 * @throws FeedError `bad-request` when `after` or the initial cursor is none.
 */
export function createFeed<const T extends string = string>(
  options: FeedOptions<T>,
  createShare: CreateShare | null,
  hasPollDriver?: boolean,
): Feed<T> & { readonly pollHost: PollHost };
// Nothing here looks into an event's data. The server sends only events of the types that were asked for.
export function createFeed(
  options: FeedOptions,
  createShare: CreateShare | null,
  hasPollDriver = false,
): Feed & { readonly pollHost: PollHost } {
  const clock = options.clock ?? systemClock;
  const query = queryOf(options);
  const { channels } = query;
  const initial: FeedStart | undefined =
    typeof options.initial === 'string' ? JSON.parse(options.initial) : options.initial;
  const start = options.after ?? initial?.cursor;
  const cursor = start === undefined ? new Map() : readCursorOf(channels, start, 'after');
  const reader = readerAt(cursor, { channels, isFiltered: query.types.length > 0 });
  const { limit = 1_000 } = options;
  const store = createFeedStore(limit);
  store.add(initialEntries(initial));

  let lag: number | null = null;
  let isScheduled = false;
  let onSignals: Parameters<PollHost['onSignals']>[0] | null = null;
  let unwatch: (() => void) | null = null;

  // Called without an object: a browser's `fetch` throws when it is the method of one.
  const ask: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const saved = options.persist === 'session' && start === undefined ? createSavedPlace(query) : null;
  const app = createBackPressure(clock);
  const delivery = createDelivery(options, clock, app);
  const requests = createRequestRunner({
    query,
    clock,
    fetch: ask,
    getToken: options.getToken === undefined ? null : () => newToken(options.getToken),
    app,
    dispatch,
  });
  const hasToken = options.getToken !== undefined;
  const token = () => requests.token(connection.tokenVersion);
  const share =
    createShare?.({
      query,
      wish: options.share,
      hasToken,
      clock,
      app,
      token,
      wake: () => dispatch([]),
      newToken: () => requests.newToken(connection.tokenVersion),
    }) ?? null;
  let connection = newConnection(settingsOf(options, hasPollDriver), reader, share !== null);
  const onChange = () => snapshots.change(false);
  const history = createHistory({ query, clock, fetch: ask, store, token, onChange });
  const snapshots = createSnapshots(options, clock, {
    connection: () => connection,
    view: () => share?.view(connection) ?? unshared(connection),
    entries: store.view,
    rest: () => ({ ...history.state(), lag }),
  });
  const initialSnapshot = snapshots.current();
  const timer = createFeedTimer(clock, (hasSlept) => dispatch(hasSlept ? [{ kind: 'woke' }] : []));

  /** The only way anything changes: signals make the next state. Then come I/O, the timer, callbacks and listeners, once for all. */
  function dispatch(signals: readonly Signal[]): void {
    const now = clock.elapsed();
    const all = [...signals, ...dueAt(now)];
    const advanced = (share?.advance ?? advance)(connection, all, now, clock.random);
    const { accepted } = advanced;
    connection = advanced.connection;
    store.add(accepted.map(entryOf));
    timer.set(timerAt());
    scheduleRequests();
    onSignals?.(signals);
    const last = accepted.findLast((item) => item.kind === 'event');
    if (last?.kind === 'event') lag = Math.max(0, clock.now() - last.event.time);
    delivery.deliver(accepted);
    snapshots.change(accepted.some(({ kind }) => kind === 'gap'));
  }

  function timerAt(): number | null {
    const times = [nextTimerAt(connection), share?.nextTimerAt() ?? null].filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /**
   * The signal `timer` if it is due. Before it, a sign of life from the streams that wait for the app: they are silent only
   * because of it. Checked with every signal: a browser may run a hidden page's timers once a minute, while bytes still come.
   */
  function dueAt(now: number): readonly Signal[] {
    const at = timerAt();
    if (at === null || at > now) return [];
    return [
      ...[...requests.heldStreams].map((stream) => ({ kind: 'delayed', stream }) as const),
      { kind: 'timer' },
    ];
  }

  /** Requests start in a microtask. One that is opened and closed again in the same turn is never sent. */
  function scheduleRequests(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      requests.reconcile(connection);
      share?.reconcile();
    });
  }

  /** Whose the token is decides with whom the feed may share. */
  async function newToken(getToken: FeedOptions['getToken']): Promise<string | null> {
    const token = (await getToken?.()) ?? null;
    await share?.admit(token);
    await saved?.identify(token);
    return token;
  }

  const signal = (kind: PlainSignal['kind']) => void dispatch([{ kind }]);

  /** Whether the feed is where it begins: there is no place to look for, or it was looked for. */
  let isPlaced = saved === null;
  /** Counts `setEnabled` and `close`, so that a search for the place that was overtaken has no effect. */
  let turns = 0;

  function begin(): void {
    signal('enabled');
    if (initial?.ended && initial.cursor === writeCursor(connection.reader)) signal('end');
    const watching = [watchPage(signal), saved?.whenLeaving(savePlace)];
    unwatch = () => {
      for (const end of watching) end?.();
    };
  }

  async function beginAtPlace(): Promise<void> {
    const turn = turns;
    // A token that cannot be had is the first request's to report.
    await (hasToken ? token() : saved?.identify(null))?.catch(() => undefined);
    if (turn !== turns) return;
    isPlaced = true;
    const place = saved?.find() ?? null;
    if (place !== null) {
      const positions = readCursorOf(channels, place.cursor, 'after');
      connection = { ...connection, reader: readerAt(positions, connection.reader.subscription) };
      void history.restore(positions, place.oldest);
    }
    begin();
  }

  function savePlace(): void {
    // After a reload the app gets nothing from before this place, so it must have all of that now.
    delivery.flush();
    const at = writeCursor(connection.reader);
    if (at !== null) saved?.save(at, store.view().entries.slice(-limit));
  }

  function leave(): void {
    turns += 1;
    unwatch?.();
    unwatch = null;
    savePlace();
  }

  return {
    subscribe: snapshots.subscribe,
    getSnapshot: snapshots.current,
    getInitialSnapshot: () => initialSnapshot,
    older: history.older,
    retry: () => signal('retry'),
    setEnabled(isEnabled) {
      leave();
      if (isEnabled) return void (isPlaced ? begin() : beginAtPlace());
      signal('disabled');
    },
    pollHost: {
      clock,
      app,
      dispatch,
      connection: () => connection,
      onSignals(listener) {
        onSignals = listener;
      },
    },
    close() {
      leave();
      signal('close');
    },
  };
}

/** The query of a feed's requests, with the defaults. */
export function queryOf(options: FeedOptions): FeedQuery {
  const { url, channels = [defaultChannel], types = [], rewind = '' } = options;
  // Of another app nothing is known: it may redirect.
  const where = url ? { url, pathEnd: '' } : { url: basePath, pathEnd };
  return { ...where, channels: [...new Set(channels)], types, rewind };
}

/** A connection's settings: the app's, or the defaults. */
export function settingsOf(options: FeedOptions, hasPollDriver: boolean): ConnectionSettings {
  const tunables = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in defaultSettings && value !== undefined),
  );
  // React Native's `fetch` returns when the whole body has come, so a stream cannot be read with it.
  const canStream = options.fetch !== undefined || 'body' in Response.prototype;
  return {
    ...defaultSettings,
    transport: canStream ? 'auto' : 'poll',
    ...tunables,
    hasPollDriver,
    hasToken: options.getToken !== undefined,
  };
}

/** What the page shows of a connection that is not shared. */
function unshared({ handovers, reconnects }: Connection): ShareView {
  return { role: 'alone', reading: null, handovers, reconnects };
}

/** What a snapshot is made of. */
type SnapshotParts = {
  connection(): Connection;
  view(): ShareView;
  /** It copies all entries, so it is called only when a snapshot is wanted. */
  entries(): FeedView;
  rest(): Pick<FeedSnapshot, 'hasOlder' | 'isLoadingOlder' | 'lag'>;
};

/** What each event changes. */
type Arrived = FeedView & Pick<FeedSnapshot, 'cursor' | 'lag'>;

/** Makes snapshots, each when it is asked for, and tells of new ones. */
function createSnapshots(options: FeedOptions, clock: Clock, parts: SnapshotParts) {
  const { throttleMs = 0 } = options;
  const listeners = new Set<() => void>();
  const wallOf = createWallTime(clock);
  let snapshot: FeedSnapshot | null = null;
  let isOutdated = false;
  /** The last snapshot that the listeners heard of. `at`: when they last heard of events alone, by the clock's elapsed ms. */
  let told = { snapshot: current(), at: Number.NEGATIVE_INFINITY };
  let cancelLater: (() => void) | null = null;
  const isUnheard = () => listeners.size === 0 && options.onStatus === undefined;

  function state(): Omit<FeedSnapshot, keyof Arrived> {
    const connection = parts.connection();
    const { role, reading, handovers, reconnects } = parts.view();
    const { status, transport, retryAt, problem, pollingReason } = reading ?? readingOf(connection);
    const { hasOlder, isLoadingOlder } = parts.rest();
    return {
      ...{ status, transport, role, handovers, reconnects, problem, pollingReason, hasOlder, isLoadingOlder },
      retryAt: wallOf(retryAt),
      discontinuities: connection.reader.discontinuities,
      isPolling: connection.mode === 'polling',
    };
  }

  /** The same object while nothing changes. */
  function current(): FeedSnapshot {
    if (snapshot !== null && !isOutdated) return snapshot;
    const { lag } = parts.rest();
    const next = { ...parts.entries(), ...state(), cursor: writeCursor(parts.connection().reader), lag };
    if (snapshot === null || !hasValues(snapshot, next)) snapshot = next;
    isOutdated = false;
    return snapshot;
  }

  function stopWaiting(): void {
    cancelLater?.();
    cancelLater = null;
  }

  function tell(): void {
    stopWaiting();
    const before = told.snapshot;
    const after = current();
    if (after === before) return;
    told = { snapshot: after, at: hasValues(before, state()) ? clock.elapsed() : told.at };
    if (after.status !== before.status) guard(() => options.onStatus?.(after.status, after));
    for (const listener of listeners) guard(listener);
  }

  return {
    current,
    subscribe(listener: () => void): () => void {
      if (isUnheard()) told = { ...told, snapshot: current() };
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (isUnheard()) stopWaiting();
      };
    },
    /** Something may have changed. Tells the listeners now, or a little later if only events have arrived. */
    change(hasGap: boolean): void {
      isOutdated = true;
      if (isUnheard()) return;
      const waitMs = told.at + throttleMs - clock.elapsed();
      if (waitMs <= 0 || hasGap || !hasValues(told.snapshot, state())) tell();
      else cancelLater ??= clock.after(waitMs, tell);
    },
  };
}

/** Whether `snapshot` has these values. */
function hasValues(snapshot: FeedSnapshot, values: Partial<FeedSnapshot>): boolean {
  const names = Object.keys(values) as (keyof FeedSnapshot)[];
  return names.every((name) => snapshot[name] === values[name]);
}

/** Makes Unix times of a clock's elapsed times: the same for the same time, although the two clocks drift apart. */
function createWallTime(clock: Clock): (elapsed: number | null) => number | null {
  let last: { readonly elapsed: number; readonly wall: number } | null = null;
  return (elapsed) => {
    if (elapsed === null) return null;
    if (last?.elapsed !== elapsed) {
      last = { elapsed, wall: Math.round(clock.now() + elapsed - clock.elapsed()) };
    }
    return last.wall;
  };
}

/** The first entries of a feed. A gap of the rendered page is placed before the event at which the log continues. */
function initialEntries(initial: FeedStart | undefined): FeedEntry[] {
  if (initial === undefined) return [];
  const gaps = initial.gaps ?? [];
  const isAt = (event: FeedEvent) =>
    gaps.filter((gap) => gap.channel === event.channel && gap.resumesAt === event.id);
  const placed = initial.events.flatMap((event) => [...isAt(event).map(gapEntry), eventEntry(event)]);
  const rest = gaps.filter((gap) => !placed.some((entry) => entry.kind === 'gap' && entry.gap === gap));
  return [...placed, ...rest.map(gapEntry)];
}
