/**
 * The options of `useFeed`. A change of `url`, `channels`, `types` or `transport` starts a new feed. `enabled` and the
 * callbacks are those of the latest render. The others count when a feed starts.
 */
export type UseFeedOptions<T extends string = string> = Pick<FeedOptions<T>, 'url' | 'channels' | 'types' | 'initial' | 'after' | 'rewind' | 'limit' | 'onEvent' | 'onEvents' | 'onGap' | 'onStatus' | 'enabled' | 'transport' | 'getToken' | 'share' | 'hiddenMs' | 'maxProbeMs' | 'fetch'>;
/** What to read, and how. `T`: the event types that are asked for, so that an event's type tells what its data is. */
export type FeedOptions<T extends string = string> = FeedTunables & {
    /** The address of the app: its origin, and its `basePath` if it has one. Default: this app. In Node it must be given. */
    readonly url?: string;
    /** 1 to 20 channel names. Default: `feed`. */
    readonly channels?: readonly string[];
    /** The server sends only events of these types. Default: all types. */
    readonly types?: readonly T[];
    /** What a server has rendered. The feed begins with these events and continues from their cursor. Default: none. */
    readonly initial?: FeedStart;
    /** Continue from this cursor, for example one that the app has stored. Default: the cursor of `initial`. */
    readonly after?: string;
    /** Where to begin without a cursor: `50` events back, `10m` back, or `all`. Default: only new events. */
    readonly rewind?: string;
    /**
     * How many entries the feed keeps, the newest. Default 1,000. Raise it for a page that shows more; pages of history that
     * the user loads come on top.
     */
    readonly limit?: number;
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
/** Times and limits of the connection that an app may set. Each has its reason and default in `config/client-timing.ts`. */
export type FeedTunables = Partial<Omit<ConnectionSettings, 'transport' | 'hasPollDriver' | 'hasToken'>>;
/**
 * How a connection behaves. All times are in ms. An app can set them for one feed in the options of `connectFeed`; `useFeed`
 * accepts `hiddenMs` and `maxProbeMs`. Edit `defaultSettings` to change them for all feeds.
 */
export type ConnectionSettings = {
    /** `auto` streams, falls back to polling, and returns to streaming. `stream` never polls. `poll` never streams. */
    readonly transport: 'auto' | 'stream' | 'poll';
    /** Whether something outside starts the polls that are due, as SWR does in React. Default: the connection starts them. */
    readonly hasPollDriver: boolean;
    /** Whether the client can ask for a new token after a 401. */
    readonly hasToken: boolean;
    /** Longest wait for the first byte of a stream. Then the client polls, because something holds bytes back. Default 4,000. */
    readonly firstByteMs: number;
    /** Longest wait for the hello of a stream that sends bytes. Then the log has failed: try again. Default 10,000. */
    readonly helloMs: number;
    /** The client polls once no stream has been live for this long, or a heartbeat is this late. Default 2,500. */
    readonly checkMs: number;
    /**
     * Longest silence that the client asks the server to keep on a stream: whole seconds, 2 at least. The server names the
     * silence that it keeps in hello. A stream that is silent for 2.5 times as long counts as lost. Default 5,000.
     */
    readonly heartbeatMs: number;
    /** First wait before the client, while it polls, tries to stream again. It doubles with each probe. Default 15,000. */
    readonly probeMs: number;
    /** Longest wait between two probes. Default 300,000. */
    readonly maxProbeMs: number;
    /** Range of the random wait after the first failure. It doubles with each failure. Default 500. */
    readonly backoffMs: number;
    /** Largest range of the random wait. Default 30,000. */
    readonly maxBackoffMs: number;
    /** Longest `Retry-After` that the client obeys. Default 600,000. */
    readonly maxRetryAfterMs: number;
    /** A page that is hidden for this long ends its connection. 0: never. Default 60,000. */
    readonly hiddenMs: number;
    /** Time for a poll beyond the time that the server may hold it; twice as long after a failure. Default 5,000. */
    readonly pollTimeoutMs: number;
    /** Least time between two polls where the server holds them: a server that answers at once must not make the client spin. Default 1,000. */
    readonly minPollMs: number;
    /** Least time from a hello to the next stream: a server that hands over at once must not make the client spin. Default 1,000. */
    readonly minStreamMs: number;
};
/** A feed's first entries, and the cursor after them. */
export type FeedStart = {
    readonly events: readonly FeedEvent[];
    readonly cursor: string;
    readonly gaps?: readonly Gap[];
};
/** One immutable fact, as every reader gets it. */
export type FeedEvent = {
    /** `<time>-<seq>`: unique, and increasing within an epoch of its channel. */
    readonly id: string;
    readonly channel: string;
    readonly type: string;
    /** Unix time in ms at which the log stored the event; the same as in the id. */
    readonly time: number;
    /** Any JSON value, equal to the published one. */
    readonly data: unknown;
};
/** A loss as a reader gets it: the JSON of a `gap` frame, and of a page's `gaps`. */
export type Gap = {
    readonly channel: string;
    /** `trimmed`: retention removed the events. `restarted`: the log was lost, all of it or its end, and started again. */
    readonly reason: 'trimmed' | 'restarted';
    /** The number of lost events; null when nobody can know it. With a type filter it counts events of all types. */
    readonly missed: number | null;
    /** Whether `missed` is exactly the number of events that this reader would have got. */
    readonly exact: boolean;
    /** The id of the last position before the gap. */
    readonly after: string;
    /** The id of the first event after the gap; null while there is none. */
    readonly resumesAt: string | null;
};
/**
 * An event of type `T`. Its data has the shape declared for the type, or is `unknown` if none is declared. The server
 * checked the shape when it stored the event, so an event that is older than your last edit has the shape of its time.
 */
export type EventOf<T extends string = string> = T extends DeclaredType ? FeedEvent & {
    readonly type: T;
    readonly data: DataOf<T>;
} : FeedEvent & {
    readonly type: T;
};
type DeclaredType = keyof EventTypes;
/** The data of each event type, as `lib/config/event-types.ts` declared it for this build. */
export interface EventTypes {
    machine: {
        load: number;
        memoryUsedPercent: number;
        diskUsedPercent: number;
        uptimeSeconds: number;
        eventLoopDelayMs: number;
    };
}
type DataOf<T extends DeclaredType> = EventTypes[T];
/** What a feed is doing, as the page shows it. */
export type FeedStatus = 'connecting' | 'streaming'
/** The next stream is being opened while this one goes on. */
 | 'handing over'
/** After a failure. The next attempt is at `retryAt`. */
 | 'waiting' | 'polling'
/** The page has been hidden for a while, or the app has switched the feed off. */
 | 'paused' | 'offline'
/** Closed, or refused by the server: `problem` says why. */
 | 'stopped';
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
/** One line of a feed as a page shows it: an event, or a place where events are missing. `key` is unique within a feed. */
export type FeedEntry<E extends FeedEvent = FeedEvent> = {
    readonly kind: 'event';
    readonly key: string;
    readonly event: E;
} | {
    readonly kind: 'gap';
    readonly key: string;
    readonly gap: Gap;
};
/** The JSON that explains a refused request (RFC 9457). */
export type Problem = {
    readonly type: string;
    readonly title: string;
    readonly status: number;
    readonly detail: string;
};
/** Why a client polls though it may stream. */
export type PollingReason = 
/** Something between server and client holds streams back. */
'held'
/** Streams bring events seconds later than polls. */
 | 'late'
/** Responses were no streams. */
 | 'refused'
/** Streams disconnected again and again. */
 | 'disconnected';
/** Time and randomness, passed in so that tests can move them by hand. */
export type Clock = {
    /** Unix time in ms. */
    now(): number;
    /** Time in ms that never goes back; only differences mean something. */
    elapsed(): number;
    /** Calls `run` once after `ms`; the returned function cancels that. */
    after(ms: number, run: () => void): () => void;
    /** A random number, 0 ≤ x < 1. */
    random(): number;
};
/** A feed's snapshot, and the actions of its user. */
export type UseFeed<T extends string = string> = FeedSnapshot<T> & Pick<Feed, 'older' | 'retry'>;
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
/**
 * Reads a live feed in a component. The feed has all rules and knows no React. Where streams do not work, SWR polls for it.
 * On a server, and during hydration, it returns `initial`. With `types`, an event's type tells what its data is.
 */
export declare function useFeed<const T extends string = string>(options?: UseFeedOptions<T>): UseFeed<T>;
export {};
