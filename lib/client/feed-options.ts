import type { ConnectionSettings } from '../config/client-timing.ts';
import type { EventOf } from '../config/event-types.ts';
import type { Clock } from '../core/clock.ts';
import type { Gap } from '../core/continuity.ts';
import type { FeedEvent } from '../core/event.ts';
import type { Problem } from '../core/sse-frames.ts';
import type { FeedStatus } from './connection/status.ts';
import type { FeedEntry } from './transport/feed-items.ts';

/** The tunables of a connection that an app may set. */
export type FeedTunables = Partial<Omit<ConnectionSettings, 'transport' | 'polls' | 'hasToken'>>;

/** What to read, and how. `T`: the types that are asked for, so that an event is known by its type. */
export type FeedOptions<T extends string = string> = FeedTunables & {
  /** Where the server is: an origin. Default: the page's own; in Node it must be given. */
  readonly url?: string;
  /** 1 to 20 channels. Default: `feed`. */
  readonly channels?: readonly string[];
  /** Only events of these types. Default: all. */
  readonly types?: readonly T[];
  /** What a server rendered: the feed begins with these and goes on from their cursor. */
  readonly initial?: FeedStart;
  /** A cursor to go on from. */
  readonly after?: string;
  /** Where to begin without a cursor: `50` events back, `10m` back, or `all`. Default: from now on. */
  readonly rewind?: string;
  /** Most entries kept, the newest. Default 1,000. */
  readonly limit?: number;
  /**
   * Called once for each new event, in order. A promise it gives back holds up reading, and hearing: back-pressure. Of
   * several tabs, one that is held up for longer than 1 s lets another one read.
   */
  readonly onEvent?: (event: EventOf<T>) => void | Promise<void>;
  /** Called once for each loss. */
  readonly onGap?: (gap: Gap) => void;
  /** Called when the status changes. */
  readonly onStatus?: (status: FeedStatus, snapshot: FeedSnapshot<T>) => void;
  /** Default true. While false nothing is read, and nothing is forgotten. */
  readonly enabled?: boolean;
  /** `auto` (default) streams, falls to polling where streams do not come through, and climbs back. */
  readonly transport?: 'auto' | 'stream' | 'poll';
  /**
   * Gives the token to read with. Called before the first request, and again when that one is refused or expires; a tab
   * that hears another one looks at the token's `exp` itself.
   */
  readonly getToken?: () => string | null | Promise<string | null>;
  /** Who drives the polls: a timer (default), or a caller by `poll()`. */
  readonly polls?: 'timer' | 'caller';
  /**
   * Whether tabs of a browser that read the same share one connection; in Node it means nothing. Default: where all
   * channels are public (`feed`, `public:…`), or `getToken` gives a token: it is shared with tabs whose token has the
   * same `sub` and `channels`, while it is valid. `true` shares other channels without a token too: right where every
   * tab of a browser reads as the same person, by whatever cookie.
   */
  readonly share?: boolean;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
};

/** A feed's first entries, and the cursor after them. */
export type FeedStart = {
  readonly events: readonly FeedEvent[];
  readonly cursor: string;
  readonly gaps?: readonly Gap[];
};

/** What a feed is at one moment. The same object for as long as nothing changes. */
export type FeedSnapshot<T extends string = string> = {
  /** Events and gaps in display order, oldest first. */
  readonly entries: readonly FeedEntry<EventOf<T>>[];
  readonly events: readonly EventOf<T>[];
  readonly gaps: readonly Gap[];
  readonly status: FeedStatus;
  /** What brings events now; null while nothing does. */
  readonly transport: 'stream' | 'poll' | null;
  /** Whether this tab reads for itself, for all tabs that read the same, or hears one that does. */
  readonly role: 'alone' | 'leader' | 'follower';
  /** Where the reader is; null before the log's first answer. */
  readonly cursor: string | null;
  /** Time in ms from the log's taking the newest event to its arrival here, by this machine's clock; null before the first. */
  readonly lag: number | null;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  /** Planned changes from one stream to the next so far, none of which paused the feed. */
  readonly handovers: number;
  /** Streams that were lost so far, and resumed from their cursor. */
  readonly reconnects: number;
  /** Times a source skipped an event without a word so far; each was read again. */
  readonly holes: number;
  /** Why the server refused; null while it does not. */
  readonly problem: Problem | null;
  /** Whether polls are what reads now, or is tried. */
  readonly isPolling: boolean;
  /** Whether the log may hold events ahead of the oldest held here. */
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
};

/** A feed that is read. */
export type Feed<T extends string = string> = {
  /** Calls `listener` after each change of the snapshot. @returns ends it. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): FeedSnapshot<T>;
  /** The snapshot the feed was made with, for rendering on a server. */
  getInitialSnapshot(): FeedSnapshot<T>;
  /** Loads one page of history ahead of the oldest event. @returns false when the server could not be asked; try again. */
  older(): Promise<boolean>;
  /** Tries now what is waited for, and again what was refused. */
  retry(): void;
  /** Reads or does not; what is held stays, and reading goes on from its cursor. */
  setEnabled(isEnabled: boolean): void;
  /** With `polls: 'caller'`: polls if a poll is due. Resolves when it is over; rejects when it failed. */
  poll(): Promise<void>;
  /** With `polls: 'caller'`: time in ms until the next poll is due, at least 1. */
  pollDelayMs(): number;
  /** Ends the feed for good. */
  close(): void;
};
