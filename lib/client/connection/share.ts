import type { Clock } from '../../core/clock.ts';
import type { BackPressure } from '../transport/back-pressure.ts';
import type { FeedQuery } from '../transport/http.ts';
import type { FeedItem } from '../transport/messages.ts';
import type { Connection, Signal } from './state.ts';
import type { ReadingState } from './status.ts';

/*
 * How a feed may share one connection with other feeds. The connection knows only that it can be on standby; who reads
 * for whom is decided behind this interface. `tabs/share.ts` implements it for the tabs of a browser.
 */

/** What a feed gives to the other side. */
export type SharePort = {
  readonly query: FeedQuery;
  /** The option `share`; undefined where the app did not decide. */
  readonly wish: boolean | undefined;
  readonly hasToken: boolean;
  readonly clock: Clock;
  /** Holds up what comes from other feeds while the app is busy. */
  readonly app: BackPressure;
  /** The token that the feed reads with; null without one. */
  token(): Promise<string | null>;
  /** Asks the app for a new one. */
  newToken(): Promise<string | null>;
  /** Something came from another feed: call `advance` now. */
  wake(): void;
};

/** A connection after an advance, and what was new to the reader, in order. */
export type Advanced = {
  readonly connection: Connection;
  readonly accepted: readonly FeedItem[];
};

/** What the page shows of a shared connection. */
export type ShareView = {
  readonly role: 'alone' | 'leader' | 'follower';
  /** What the feed that reads for this one does; null: the connection's own state counts. */
  readonly reading: ReadingState | null;
  /** Of all connections that have read for this feed. */
  readonly handovers: number;
  readonly reconnects: number;
};

/** One feed's part in sharing a connection. The connection begins on standby. */
export type Share = {
  /** What the connection becomes by these signals, and by what came from other feeds. */
  advance(connection: Connection, signals: readonly Signal[], now: number, random: () => number): Advanced;
  /** When `advance` is due at the latest, with the signal `timer`; null when no timer runs. */
  nextTimerAt(): number | null;
  view(connection: Connection): ShareView;
  /** Does the I/O that the last advances want. */
  reconcile(): void;
  /** Chooses with whom the feed shares when it reads with this token. No request may use the token before. */
  admit(token: string | null): Promise<void>;
};

/** Makes a feed's share; null where sharing is not possible, or not wanted. */
export type CreateShare = (port: SharePort) => Share | null;
