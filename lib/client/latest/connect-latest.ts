import type { EventOf } from '../../config/event-types.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { Gap } from '../../core/continuity.ts';
import type { FeedEvent } from '../../core/event.ts';
import { defaultChannel } from '../../core/ids.ts';
import type { Problem } from '../../core/sse-frames.ts';
import type { Signal } from '../connection/state.ts';
import { createFeed, type PollHost, queryOf, settingsOf } from '../feed.ts';
import type { Feed, FeedOptions, FeedStatus, FeedTunables } from '../feed-options.ts';
import { createTabShare } from '../tabs/share.ts';
import { guard } from '../transport/back-pressure.ts';
import type { FeedQuery } from '../transport/http.ts';
import { LatestFold, type Taken } from './latest-fold.ts';
import { StateLoader } from './state-loader.ts';
import { parseStatePage, type StatePage } from './state-page.ts';

/** The first page of a state, as `readFirstLatest` gives it. */
export type LatestStart = {
  readonly events: readonly FeedEvent[];
  readonly cursor: string;
  readonly more?: boolean;
  readonly next?: string;
  readonly ended?: boolean;
};

/** What to read, and how. `T`: the event types that are asked for, so that an event's type tells what its data is. */
export type LatestOptions<T extends string = string> = FeedTunables &
  Pick<FeedOptions<T>, 'url' | 'enabled' | 'transport' | 'getToken' | 'share' | 'fetch' | 'clock'> & {
    /** The channel whose subjects are read. Default: `feed`. */
    readonly channel?: string;
    /** Only events of these types. Right only if all events of a subject have the same type. Default: all types. */
    readonly types?: readonly T[];
    /** What a server has rendered: the `initial` of `readFirstLatest`. Default: the client reads the state itself. */
    readonly initial?: LatestStart | string;
  };

/** The state of a channel at one moment. The same object while nothing changes. */
export type LatestSnapshot<T extends string = string> = {
  /**
   * Subject → its latest event, without subjects that were removed or whose event has expired. The same object while nothing
   * changes, and a new one for all events that arrive together. The order says nothing: sort what you show.
   */
  readonly latest: ReadonlyMap<string, EventOf<T>>;
  /** Whether the state is being read: at first, and again after a gap. `latest` has what was known before. */
  readonly isLoading: boolean;
  /** How often the channel began anew, in an empty log. `latest` began empty then too. */
  readonly restarts: number;
  readonly status: FeedStatus;
  /** Why the server refused the last request; null once it serves again. */
  readonly problem: Problem | null;
  /** Unix time in ms of the next try; null while none is planned. */
  readonly retryAt: number | null;
};

/** The latest events of a channel's subjects, kept up to date. */
export type Latest<T extends string = string> = {
  /** Calls `listener` after each change of the snapshot. @returns a function that ends the subscription. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): LatestSnapshot<T>;
  /** The snapshot that it was made with, for rendering on a server. */
  getInitialSnapshot(): LatestSnapshot<T>;
  /** Tries now, whatever it waits for, and also what the server has refused. */
  retry(): void;
  /** Switches reading on or off. What is known stays. While it is off, no timer runs and nothing expires. */
  setEnabled(isEnabled: boolean): void;
  /** Ends it for good. */
  close(): void;
};

/**
 * Reads the latest event of each subject of a channel, and keeps them up to date: by the one feed that `connectFeed` makes, with
 * its rules. After a gap it reads the state again.
 * @throws FeedError `bad-request` when `initial` is no page of a state.
 */
export function connectLatest<const T extends string = string>(options: LatestOptions<T> = {}): Latest<T> {
  const latest = createLatest(options);
  if (options.enabled !== false) latest.setEnabled(true);
  return latest;
}

/** The same, but it reads nothing until `setEnabled(true)`. Making it has no effect outside. */
export function createLatest<const T extends string = string>(options: LatestOptions<T>): Latest<T> {
  // The server sends only events of the types that were asked for.
  return new LatestReader(options) as Latest<string> as Latest<T>;
}

/** A timer of a browser can wait for 24 days, an event for 30: it looks again after this many ms. */
const maxTimerMs = 3_600_000;

/** The feed, and what it lets others see of its connection. */
type HostedFeed = Feed & { readonly pollHost: PollHost };

class LatestReader {
  readonly #options: LatestOptions;
  readonly #clock: Clock;
  readonly #query: FeedQuery;
  readonly #fold = new LatestFold();
  readonly #loader: StateLoader;
  readonly #listeners = new Set<() => void>();
  readonly #initial: LatestSnapshot;
  /** Null until the state is there: the feed goes on from its cursor. */
  #feed: HostedFeed | null = null;
  /** The state has to be read, from its beginning or on. */
  #mustLoad = true;
  #life: 'new' | 'on' | 'off' | 'closed' = 'new';
  #restarts = 0;
  /** How far this clock is ahead of the server's, in ms: the smallest value so far. Null: the server has not sent its time. */
  #aheadMs: number | null = null;
  #snapshot: LatestSnapshot | null = null;
  #cancelExpiry = () => {};

  constructor(options: LatestOptions) {
    const { channel = defaultChannel, types = [], initial, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#query = queryOf({ ...options, channels: [channel], types });
    const { getToken } = options;
    this.#loader = new StateLoader({
      query: this.#query,
      clock,
      settings: settingsOf(options, false),
      // Called without an object: a browser's `fetch` throws when it is the method of one.
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
      getToken: getToken === undefined ? null : () => getToken(),
      wanted: () => this.#fold.wanted,
      takePage: (page, time) => this.#takePage(page, time),
      onChange: () => this.#change(),
    });
    if (initial !== undefined) this.#begin(initial);
    this.#initial = this.getSnapshot();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  getInitialSnapshot = (): LatestSnapshot => this.#initial;

  getSnapshot = (): LatestSnapshot => {
    const next = this.#describe();
    const names = Object.keys(next) as (keyof LatestSnapshot)[];
    const old = this.#snapshot;
    if (old === null || names.some((name) => old[name] !== next[name])) this.#snapshot = next;
    return this.#snapshot ?? next;
  };

  retry = (): void => {
    if (this.#life !== 'on') return;
    if (this.#mustLoad) this.#loader.start();
    this.#feed?.retry();
  };

  setEnabled = (isEnabled: boolean): void => {
    if (this.#life === 'closed') return;
    this.#life = isEnabled ? 'on' : 'off';
    this.#feed?.setEnabled(isEnabled);
    if (isEnabled && this.#mustLoad) this.#loader.start();
    if (!isEnabled) this.#loader.stop();
    this.#show();
  };

  close = (): void => {
    this.#life = 'closed';
    this.#feed?.close();
    this.#loader.stop();
    this.#show();
  };

  /** Begins with what a server has rendered. */
  #begin(initial: LatestStart | string): void {
    const value: unknown = typeof initial === 'string' ? JSON.parse(initial) : initial;
    const page = parseStatePage(value, this.#query.channels);
    const taken = this.#fold.takePage(page);
    this.#fold.showPages();
    this.#fold.show(null);
    if (taken === 'complete') this.#complete(page);
  }

  #takePage(page: StatePage, time: number): Taken {
    this.#heard(time);
    const taken = this.#fold.takePage(page);
    if (taken === 'complete') this.#complete(page);
    return taken;
  }

  /** The state is there. The feed goes on from it, or goes on. */
  #complete({ cursor, hasEnded }: StatePage): void {
    this.#mustLoad = false;
    if (this.#feed === null) {
      const feed = this.#createFeed(cursor, hasEnded);
      this.#feed = feed;
      feed.subscribe(() => this.#change());
      if (this.#life === 'on') feed.setEnabled(true);
    }
    this.#show();
  }

  #createFeed(cursor: string, ended: boolean): HostedFeed {
    const { channels, types } = this.#query;
    const feed = createFeed(
      {
        ...this.#options,
        ...{ channels, types, limit: 1 },
        initial: { events: [], cursor, ended },
        onEvents: (events) => this.#follow(events),
        onGap: (gap) => this.#lose(gap),
      },
      createTabShare,
    );
    feed.pollHost.onSignals((signals) => this.#listen(signals));
    return feed;
  }

  #follow(events: readonly FeedEvent[]): void {
    if (!this.#fold.follow(events)) this.#readAgain('trimmed');
    this.#show();
  }

  #lose({ reason }: Gap): void {
    if (reason === 'restarted') this.#restarts += 1;
    this.#readAgain(reason);
    this.#show();
  }

  /** Reads the state as it is where the feed is now, or later. */
  #readAgain(reason: Gap['reason']): void {
    const [channel = ''] = this.#query.channels;
    // Not that of the snapshot, which is made after the callbacks.
    const at = this.#feed?.pollHost.connection().reader.positions.get(channel);
    this.#fold.lose(reason, at?.position ?? null);
    this.#load();
  }

  #load(): void {
    this.#mustLoad = true;
    if (this.#life === 'on') this.#loader.start();
  }

  /** A stream says the server's time: in hello, in heartbeats and in comments. */
  #listen(signals: readonly Signal[]): void {
    for (const signal of signals)
      if (signal.kind === 'frame' && 'time' in signal.frame && signal.frame.time !== null)
        this.#heard(signal.frame.time);
  }

  #heard(time: number): void {
    this.#aheadMs = Math.min(this.#aheadMs ?? Number.POSITIVE_INFINITY, this.#clock.elapsed() - time);
  }

  /**
   * Brings the map up to date, and sets the one timer: to the next event that expires. A state that is on its way will say the
   * server's time.
   */
  #show(): void {
    const now = this.#aheadMs === null ? null : this.#clock.elapsed() - this.#aheadMs;
    this.#fold.show(now);
    this.#cancelExpiry();
    const at = this.#fold.expiresAt;
    const isUnknown = now === null && this.#mustLoad;
    if (at !== null && this.#life === 'on' && !isUnknown) {
      const waitMs = Math.max(0, at - (now ?? this.#clock.now()));
      this.#cancelExpiry = this.#clock.after(Math.min(waitMs, maxTimerMs), () => this.#expire(at));
    }
    this.#change();
  }

  /** By a clock that may be wrong nothing expires: the server says its time with the state. */
  #expire(at: number): void {
    if (this.#aheadMs === null && this.#clock.now() >= at) this.#load();
    this.#show();
  }

  #change(): void {
    if (this.#snapshot === null) return;
    const before = this.#snapshot;
    if (this.getSnapshot() !== before) for (const listener of this.#listeners) guard(listener);
  }

  #describe(): LatestSnapshot {
    const load = this.#loader.state;
    const feed = this.#feed?.getSnapshot() ?? null;
    const problem = 'problem' in load ? load.problem : null;
    return {
      latest: this.#fold.shown as LatestSnapshot['latest'],
      isLoading: this.#mustLoad,
      restarts: this.#restarts,
      status: feed?.status ?? this.#statusOfLoad(),
      problem: feed?.problem ?? problem,
      retryAt: feed?.retryAt ?? ('retryAt' in load ? load.retryAt : null),
    };
  }

  /** The status until there is a feed. */
  #statusOfLoad(): FeedStatus {
    if (this.#life === 'closed') return 'stopped';
    if (this.#life === 'off') return 'paused';
    switch (this.#loader.state.kind) {
      case 'waiting':
        return 'waiting';
      case 'refused':
        return 'stopped';
      case 'idle':
      case 'loading':
        return 'connecting';
    }
  }
}
