import { isPublic } from '../../config/access.ts';
import type { Clock } from '../../core/clock.ts';
import { type BackPressure, report } from '../transport/back-pressure.ts';
import type { FeedQuery } from '../transport/http.ts';
import type { Sharing } from './leader-election.ts';
import type { TabSignal } from './tab.ts';
import { openTabChannel, type TabChannel } from './tab-channel.ts';
import { readTold, type TabMessage, type Told } from './tab-message.ts';

/** The other tabs that read the same. */
export type TabGroup = {
  /** Takes part, or ceases to, and asks for the lock that is wanted. */
  reconcile(sharing: Sharing): void;
  post(messages: readonly TabMessage[]): void;
  /** Goes to the tabs that may hear what is read with this token, or to none. A request with it is made only after. */
  belong(token: string | null): Promise<void>;
};

export type TabGroupOptions = {
  readonly query: FeedQuery;
  /** The app's wish. */
  readonly share?: boolean | undefined;
  readonly clock: Clock;
  /** Holds up what is heard. */
  readonly app: BackPressure;
  /** The token to read with, as a request would get it; null without one. */
  token(): Promise<string | null>;
  /** The same, asked for anew. */
  newToken(): Promise<string | null>;
  tell(signals: readonly TabSignal[]): void;
};

/** Time in ms by which a server's clock may be behind this one: only then is a token surely of no use to it. */
const tokenToleranceMs = 30_000;

/** An app that is busy for longer, in ms, is slow: the tab that leads must not be its. */
const slowMs = 1_000;

/** Least time in ms from one giving way to the next: where all apps are slow, the lead does not go round and round. */
const giveWayMs = 10_000;

/**
 * Whether every reader of these channels may hear what another one reads without a token of its own. Of channels that
 * are not public a cookie may be the key, and it does not tell here whose it is.
 */
const arePublic = (channels: readonly string[]) => channels.every(isPublic);

/**
 * Whether a feed can be shared here: a browser's page, over a secure connection, and readers that may hear each other.
 * @param wish the app's; without one, channels that may be private are shared only where a token says whose they are.
 */
export function canShare(wish: boolean | undefined, channels: readonly string[], hasToken: boolean): boolean {
  if (wish === false || (wish === undefined && !hasToken && !arePublic(channels))) return false;
  if (typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return false;
  return Boolean(navigator.locks) && typeof crypto.subtle === 'object';
}

export function createTabGroup(options: TabGroupOptions): TabGroup {
  const { query, clock, app, tell } = options;
  let channel: { readonly name: string; readonly way: TabChannel } | null = null;
  let part: Sharing | null = null;
  /** The session of taking part that the channel is for; 0: none. */
  let current = 0;
  /** Counts goings and comings, so that one that was overtaken ends without effect. */
  let turn = 0;
  /** Unix time in ms from which a new token is asked for ahead of hearing more. */
  let renewAt = Number.POSITIVE_INFINITY;
  let isGivingWay = false;
  let gaveWayAt = Number.NEGATIVE_INFINITY;
  const inbox = createInbox(app, (told) => tell([{ kind: 'heard', told }]));
  const isSlow = () => (app.busyMs() ?? 0) > slowMs;

  function close(): void {
    channel?.way.close();
    channel = null;
    inbox.clear();
  }

  function hear(message: TabMessage): void {
    try {
      if (message.kind === 'ask') tell([onAsked()]);
      if (message.kind !== 'told') return;
      const told = readTold(message, query.channels);
      if (told.isLeader && isGivingWay) {
        isGivingWay = false;
        gaveWayAt = clock.elapsed();
      }
      renew();
      // A tab whose app is slow does not take the lead, even from a hidden one.
      inbox.take(isSlow() ? { ...told, isVisible: true } : told);
    } catch (error) {
      // Another tab's mistake does not end this one's reading: what it should have told is in the log.
      report(error);
    }
  }

  /** A leader whose app holds it up lets the lock go, to stand in line again: there is a tab that has heard nothing. */
  function onAsked(): TabSignal {
    const lock = part?.role === 'leader' ? part.lock : null;
    if (lock === null || !isSlow() || clock.elapsed() < gaveWayAt + giveWayMs) return { kind: 'asked' };
    isGivingWay = true;
    return { kind: 'lost', lock: lock.key };
  }

  /** Looked for when something is heard, not by a timer: those of a hidden page, or of a machine that slept, are late. */
  function renew(): void {
    if (part?.role !== 'follower' || clock.now() < renewAt) return;
    renewAt = Number.POSITIVE_INFINITY;
    // What is heard meanwhile waits: it may be for another person.
    app.add([join(options.newToken())]);
  }

  function join(token: Promise<string | null>): Promise<void> {
    const wanted = current;
    return token.then(belong, () => {
      if (current === wanted) leave();
    });
  }

  /** The tab reads for itself: the server judges what it may read. */
  function leave(): void {
    close();
    tell([{ kind: 'unshared' }]);
  }

  async function belong(bearer: string | null): Promise<void> {
    if (current === 0) return;
    const mine = ++turn;
    try {
      const name = await nameWith(bearer);
      if (mine !== turn) return;
      if (name === null) return leave();
      if (name === channel?.name) return;
      close();
      const onLock = (kind: 'granted' | 'lost', lock: number) => tell([{ kind, lock }]);
      channel = { name, way: openTabChannel({ name, onMessage: hear, onLock, onFailure: leave }) };
      tell([{ kind: 'joined' }]);
    } catch {
      // Storage is switched off, or the origin has none.
      if (mine === turn) leave();
    }
  }

  /** The name to share under with a token; null: whose channels these are cannot be said here, or not any more. */
  async function nameWith(bearer: string | null): Promise<string | null> {
    const endsAt = bearer === null ? Number.POSITIVE_INFINITY : readClaims(bearer).endsAt;
    const uselessAt = endsAt + tokenToleranceMs;
    const now = clock.now();
    renewAt = now < endsAt ? endsAt : uselessAt;
    const isUnknown = bearer === null && options.share !== true && !arePublic(query.channels);
    if (isUnknown || now >= uselessAt) return null;
    return shareName(query, bearer, location.href);
  }

  return {
    belong,
    post: (messages) => {
      for (const message of messages) channel?.way.post(message);
    },
    reconcile(sharing) {
      part = sharing;
      const wanted = sharing.role === 'off' ? 0 : sharing.session;
      if (current !== wanted) {
        current = wanted;
        turn += 1;
        close();
        if (wanted > 0) void join(options.token());
      }
      channel?.way.want(sharing.lock);
    },
  };
}

/** What other tabs told, until this one's app can take it. */
export type Inbox = {
  take(told: Told): void;
  /** Forgets what waits. */
  clear(): void;
};

/** Most messages that wait. The oldest give way: the newest says what to fill from the log. */
const maxWaiting = 200;

/** Gives on what is heard one message at a time, in order. What a leader says of itself does not wait: it lives. */
export function createInbox(app: BackPressure, tell: (told: Told) => void): Inbox {
  let waiting: readonly Told[] = [];
  let leader: Told | null = null;
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) await app.whenFree(give);
    isRunning = false;
  }

  function give(): void {
    const [told, ...rest] = waiting;
    waiting = rest;
    if (told === undefined) return;
    // Only the stretch of the log is from then; what the leader has said of itself since stays true.
    const { hasGap, from, cursor, items } = told;
    tell(told.isLeader ? { ...(leader ?? told), hasGap, from, cursor, items } : told);
  }

  return {
    clear() {
      waiting = [];
    },
    take(told) {
      if (!isRunning && app.busyMs() === null) return tell(told);
      waiting = [...waiting, told].slice(-maxWaiting);
      if (!isRunning) void run();
      if (!told.isLeader) return;
      leader = told;
      tell({ ...told, hasGap: false, from: new Map(), cursor: new Map(), items: [] });
    },
  };
}

/** Version of what tabs say to each other: tabs of another deployment that speak otherwise are not heard. */
const version = 1;

/**
 * The name under which tabs share: the same for those that read the same with a token of the same subject that allows
 * the same channels. It is a digest, so that neither token nor subject can be read from it.
 * @param token null without one.
 * @param base the page's own address.
 */
export async function shareName(query: FeedQuery, token: string | null, base: string): Promise<string> {
  const url = new URL(query.url || '/', base).href;
  const subject = token === null ? [] : readClaims(token).subject;
  const text = JSON.stringify([url, query.channels.toSorted(), query.types.toSorted(), subject]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const hex = [...new Uint8Array(digest, 0, 16)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `steadfeed ${version} ${hex.join('')}`;
}

/** What a token says of itself. Nobody here checks its signature: the server does. */
export type TokenClaims = {
  /** Who may hear the same. A token without the claim `sub`, or that is no JWT, is its own subject. */
  readonly subject: readonly unknown[];
  /** Unix time in ms at which it expires; infinite where it does not say. */
  readonly endsAt: number;
};

/** Reads a token: the claims `sub` and `channels` say whose it is, and what may be heard with it. */
function readClaims(token: string): TokenClaims {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const { sub, channels, exp } = JSON.parse(new TextDecoder().decode(bytes));
    const allowed = Array.isArray(channels) ? channels.toSorted() : channels;
    return {
      subject: typeof sub === 'string' ? ['sub', sub, allowed] : ['token', token],
      endsAt: typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY,
    };
  } catch {
    return { subject: ['token', token], endsAt: Number.POSITIVE_INFINITY };
  }
}
