import type { ConnectionSettings } from '../config/client-timing.ts';
import type { EventOf } from '../config/event-types.ts';
import type { Clock } from '../core/clock.ts';
import type { Gap } from '../core/continuity.ts';
import type { FeedEvent } from '../core/event.ts';
import type { Problem } from '../core/sse-frames.ts';
import type { PollingReason } from './connection/state.ts';
import type { FeedStatus } from './connection/status.ts';

export type { PollingReason } from './connection/state.ts';
export type { FeedStatus } from './connection/status.ts';

/** Times and limits of the connection that an app may set. Each has its reason and default in `config/client-timing.ts`. */
export type FeedTunables = Partial<Omit<ConnectionSettings, 'transport' | 'hasPollDriver' | 'hasToken'>>;

/** What to read, and how. `T`: the event types that are asked for, so that an event's type tells what its data is. */
export type FeedOptions<T extends string = string> = FeedTunables & {
  /** The address of the app: its origin, and its `basePath` if it has one. Default: this app. In Node it must be given. */
  readonly url?: string;
  /** 1 to 20 channel names. Default: `feed`. */
  readonly channels?: readonly string[];
  /** The server sends only events of these types. Default: all types. */
  readonly types?: readonly T[];
  /**
   * What a server has rendered: the `initial` of `readFirstPage`, or events and their cursor. The feed begins with these
   * events and continues from their cursor. Default: none.
   */
  readonly initial?: FeedStart | string;
  /** Continue from this cursor, for example one that the app has stored. Default: the cursor of `initial`. */
  readonly after?: string;
  /** Where to begin without a cursor: `50` events back, `10m` back, or `all`. Default: only new events. */
  readonly rewind?: string;
  /**
   * `session`: after a reload the feed continues where it was, and shows again what its list had, at most the newest 1,000
   * events. It stores its cursor in `sessionStorage`, which a tab keeps until it is closed, and no events: it reads the list
   * again, so that the server decides who gets it. Another user, channel or server has another place. No effect with `after` or
   * `initial`, outside of a browser's page, and without HTTPS (localhost needs none). Default: none.
   */
  readonly persist?: 'session';
  /**
   * How many entries the feed keeps, the newest. Default 1,000. Raise it for a page that shows more; pages of history that
   * the user loads come on top.
   */
  readonly limit?: number;
  /**
   * While events arrive, the feed calls its listeners once in this many ms at most. It calls them at once for the first event
   * after a pause, for a gap, and for all other changes. `onEvent`, `onEvents` and `onGap` do not wait. Default 0: it calls them
   * for each change. Set it, for example to 250, where many events arrive and to render a list is work.
   */
  readonly throttleMs?: number;
  /**
   * Called once for each new event, in order. If it returns a promise, the feed reads on when that is fulfilled
   * (back-pressure). The events that arrived together with this one do not wait for it: for one after the other use
   * `onEvents`. A tab that reads for others and waits for longer than 1 s lets another tab read.
   */
  readonly onEvent?: (event: EventOf<T>) => void | Promise<void>;
  /**
   * Called once for all events that arrive together, in order, such as those of a page; never with none. If it returns a
   * promise, the next call waits until that is fulfilled. A gap in the middle makes it two calls: the events before the gap,
   * then `onGap`, then the events after it. If an app sets both, `onEvent` gets the events of a call before `onEvents`.
   */
  readonly onEvents?: (events: readonly EventOf<T>[]) => void | Promise<void>;
  /** Called once for each gap, in order with the events: events that are gone, with the number missing. */
  readonly onGap?: (gap: Gap) => void;
  /** Called when the status has changed. */
  readonly onStatus?: (status: FeedStatus, snapshot: FeedSnapshot<T>) => void;
  /** Default true. While false the feed reads nothing, and keeps what it has and its cursor. */
  readonly enabled?: boolean;
  /**
   * `auto` (default) streams, falls back to polling where streams do not come through, and tries streams again. `stream`
   * never polls. `poll` never streams: set it where long responses are known not to work. In React Native the default is
   * `poll`, unless `fetch` is given: its own `fetch` cannot read a stream.
   */
  readonly transport?: 'auto' | 'stream' | 'poll';
  /**
   * Returns the token to read with; needed for private channels. Called before the first request, and again when the
   * server refuses the token, or when it expires. If it fails, the snapshot has a problem with the error's text, and the
   * feed calls it again after a wait, like a failed request. Default: no token.
   */
  readonly getToken?: () => string | null | Promise<string | null>;
  /**
   * Whether tabs of a browser that read the same share one connection. In Node it has no effect. Default: they do where
   * all channels are public (`feed`, `public:…`), or where `getToken` returns a token: then with tabs whose token has the
   * same `sub` and `channels`, while it is valid. Set `true` to share other channels without a token: right where every
   * tab of a browser reads as the same person, for example by a cookie. Set `false` for a connection of each tab's own.
   */
  readonly share?: boolean;
  /** Makes all requests. Default: the global `fetch`. Replace it to add headers, or in tests. */
  readonly fetch?: typeof fetch;
  /** Tells the time and sets timers. Default: the machine's. Replace it in tests. */
  readonly clock?: Clock;
};

/** A feed's first entries, and the cursor after them. */
export type FeedStart = {
  readonly events: readonly FeedEvent[];
  readonly cursor: string;
  readonly gaps?: readonly Gap[];
  /** All channels have ended at the cursor: the feed asks for nothing. */
  readonly ended?: boolean;
};

/** One line of a feed as a page shows it: an event, or a place where events are missing. `key` is unique within a feed. */
export type FeedEntry<E extends FeedEvent = FeedEvent> =
  | { readonly kind: 'event'; readonly key: string; readonly event: E }
  | { readonly kind: 'gap'; readonly key: string; readonly gap: Gap };

/** What a feed shows at one moment. The same object while nothing changes. */
export type FeedSnapshot<T extends string = string> = {
  /** Events and gaps in display order, oldest first. */
  readonly entries: readonly FeedEntry<EventOf<T>>[];
  /** The events of `entries`, oldest first. For a list with the newest on top, use `events.toReversed()`. */
  readonly events: readonly EventOf<T>[];
  /** The last of `events`; null while there is none. */
  readonly newest: EventOf<T> | null;
  readonly gaps: readonly Gap[];
  readonly status: FeedStatus;
  /** How events arrive now; null while nothing brings them. */
  readonly transport: 'stream' | 'poll' | null;
  /** `alone`: this tab reads for itself. `leader`: for all tabs that read the same. `follower`: another tab reads for it. */
  readonly role: 'alone' | 'leader' | 'follower';
  /** The cursor after the last event; null before the server's first answer. */
  readonly cursor: string | null;
  /** Time in ms from the newest event's time in the log to its arrival here, by this machine's clock; null before the first. */
  readonly lag: number | null;
  /** Unix time in ms of the next try; null while none is planned. */
  readonly retryAt: number | null;
  /** How often one stream took over from another as planned, without a pause of the feed. */
  readonly handovers: number;
  /** How often a stream was lost. The feed resumed from its cursor each time. */
  readonly reconnects: number;
  /** How often events were missing in what arrived. Each time the feed read them again from the log. */
  readonly discontinuities: number;
  /** Why the server refused the last request; null once it serves the feed again. */
  readonly problem: Problem | null;
  /**
   * Why streams do not work here, so that the feed polls: something holds them back (`held`), they bring events seconds later
   * than polls (`late`), other answers come in their place (`refused`), or they disconnect again and again (`disconnected`).
   * Null while they work.
   */
  readonly pollingReason: PollingReason | null;
  /** Whether the feed polls, with or without success. */
  readonly isPolling: boolean;
  /** Whether the log may have events before the oldest one here. */
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
};

/** A feed. */
export type Feed<T extends string = string> = {
  /** Calls `listener` after each change of the snapshot. @returns a function that ends the subscription. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): FeedSnapshot<T>;
  /** The snapshot the feed was made with, for rendering on a server. */
  getInitialSnapshot(): FeedSnapshot<T>;
  /** Loads one page of history before the oldest event. @returns false when a request failed; call it again to retry. */
  older(): Promise<boolean>;
  /** Tries now, whatever the feed waits for, and also what the server has refused. */
  retry(): void;
  /** Switches reading on or off. The entries stay, and the feed resumes from its cursor. */
  setEnabled(isEnabled: boolean): void;
  /** Ends the feed for good. */
  close(): void;
};
