import type { Clock } from '../../core/clock.ts';
import { type BackPressure, report } from '../transport/back-pressure.ts';
import type { FeedQuery } from '../transport/http.ts';
import { readClaims, readerName } from '../transport/reader-name.ts';
import type { Election } from './leader-election.ts';
import { openTabChannel, type TabChannel } from './tab-channel.ts';
import { parseTabUpdate, type TabMessage, type TabSignal, type TabUpdate } from './tab-message.ts';

/** The other tabs that read the same. */
export type TabGroup = {
  /** Joins or leaves the group, and asks for the lock that the election wants. */
  reconcile(election: Election): void;
  post(messages: readonly TabMessage[]): void;
  /** Joins the tabs that may get what is read with this token, or none. No request may use the token before. */
  admit(token: string | null): Promise<void>;
};

export type TabGroupOptions = {
  readonly query: FeedQuery;
  /** Without a token: whether all tabs that read the same belong together. */
  readonly mayShareWithoutToken: boolean;
  readonly clock: Clock;
  /** Holds up updates while the app is busy. */
  readonly app: BackPressure;
  /** The token to read with, as a request would get it; null without one. */
  token(): Promise<string | null>;
  /** Asks the app for a new one. */
  newToken(): Promise<string | null>;
  emit(signal: TabSignal): void;
};

/** The server's clock may be behind this one by this many ms. Only then is an expired token surely of no use to it. */
const tokenToleranceMs = 30_000;

/** An app that is busy for longer than this many ms is slow. Its tab should not be the leader. */
const slowMs = 1_000;

/** Least time in ms between two times that a tab gives up the lead. Where all apps are slow, it must not go in circles. */
const giveUpMs = 10_000;

export function createTabGroup(options: TabGroupOptions): TabGroup {
  const { query, clock, app, emit } = options;
  let channel: { readonly name: string; readonly way: TabChannel } | null = null;
  let election: Election | null = null;
  /** The election's session that the channel is for; 0: none. */
  let session = 0;
  /** Counts calls of `admit`, so that one that was overtaken has no effect. */
  let admissions = 0;
  /** Unix time in ms from which a new token is needed before another update is applied. */
  let renewAt = Number.POSITIVE_INFINITY;
  const slowApp = createSlowAppRule(clock, app);
  const mailbox = createMailbox(app, (update) => emit({ kind: 'update', update }));

  function close(): void {
    channel?.way.close();
    channel = null;
    mailbox.clear();
  }

  function receive(message: TabMessage): void {
    try {
      if (message.kind === 'ask') emit(onAsked());
      if (message.kind !== 'update') return;
      const update = parseTabUpdate(message, query.channels);
      if (update.isLeader) slowApp.onLeader();
      renewToken();
      // A tab whose app is slow does not take the lead, even from a hidden tab.
      mailbox.add(slowApp.isSlow() ? { ...update, isVisible: true } : update);
    } catch (error) {
      // Another tab's mistake must not end this tab's reading. The log has the events of its message.
      report(error);
    }
  }

  /** A leader whose app is slow lets the lock go and queues for it again: there is a tab that got nothing from it. */
  function onAsked(): TabSignal {
    const lock = election?.role === 'leader' ? election.lock : null;
    return lock !== null && slowApp.mustGiveUp() ? { kind: 'lost', lock: lock.key } : { kind: 'asked' };
  }

  /** Checked with each update, not by a timer: timers are late in a hidden page, and after a machine's sleep. */
  function renewToken(): void {
    if (election?.role !== 'follower' || clock.now() < renewAt) return;
    renewAt = Number.POSITIVE_INFINITY;
    // Updates wait meanwhile: they may be for another person.
    app.add([join(options.newToken())]);
  }

  function join(token: Promise<string | null>): Promise<void> {
    const wanted = session;
    return token.then(admit, () => {
      if (session === wanted) leave();
    });
  }

  /** The tab reads by itself, and the server judges what it may read. */
  function leave(): void {
    close();
    emit({ kind: 'unavailable' });
  }

  async function admit(token: string | null): Promise<void> {
    if (session === 0) return;
    admissions += 1;
    const own = admissions;
    try {
      const name = await nameWith(token);
      if (own !== admissions) return;
      if (name === null) return leave();
      if (name === channel?.name) return;
      close();
      const onLock = (kind: 'granted' | 'lost', lock: number) => emit({ kind, lock });
      channel = { name, way: openTabChannel({ name, onMessage: receive, onLock, onFailure: leave }) };
      emit({ kind: 'joined' });
    } catch {
      // Storage is switched off, or the origin has none.
      if (own === admissions) leave();
    }
  }

  /** The group's name with a token; null: nobody can say whose these channels are, or not any more. */
  async function nameWith(token: string | null): Promise<string | null> {
    const endsAt = token === null ? Number.POSITIVE_INFINITY : readClaims(token).endsAt;
    const uselessAt = endsAt + tokenToleranceMs;
    const now = clock.now();
    renewAt = now < endsAt ? endsAt : uselessAt;
    const isUnknown = token === null && !options.mayShareWithoutToken;
    if (isUnknown || now >= uselessAt) return null;
    return readerName(query, token, location.href);
  }

  return {
    admit,
    post: (messages) => {
      for (const message of messages) channel?.way.post(message);
    },
    reconcile(state) {
      election = state;
      const wanted = state.role === 'off' ? 0 : state.session;
      if (session !== wanted) {
        session = wanted;
        admissions += 1;
        close();
        if (wanted > 0) void join(options.token());
      }
      channel?.way.want(state.lock);
    },
  };
}

/** When a leader gives up the lead because its app is slow. It does so again and again until another tab leads. */
function createSlowAppRule(clock: Clock, app: BackPressure) {
  let isGivingUp = false;
  let gaveUpAt = Number.NEGATIVE_INFINITY;
  const isSlow = () => (app.busyMs() ?? 0) > slowMs;
  return {
    isSlow,
    mustGiveUp() {
      if (!isSlow() || clock.elapsed() < gaveUpAt + giveUpMs) return false;
      isGivingUp = true;
      return true;
    },
    /** Another tab leads. */
    onLeader() {
      if (isGivingUp) gaveUpAt = clock.elapsed();
      isGivingUp = false;
    },
  };
}

/** The updates of other tabs, until this tab's app is free. */
export type Mailbox = {
  add(update: TabUpdate): void;
  /** Drops what waits. */
  clear(): void;
};

/** Most updates that wait. The oldest give way: the newest has the cursor up to which the log is asked. */
const maxWaiting = 200;

/**
 * Delivers updates one at a time, in order, each when the app is free. What a leader reports about itself does not wait,
 * so that it counts as alive.
 */
export function createMailbox(app: BackPressure, deliver: (update: TabUpdate) => void): Mailbox {
  let waiting: readonly TabUpdate[] = [];
  let latest: TabUpdate | null = null;
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) await app.whenFree(deliverNext);
    isRunning = false;
  }

  function deliverNext(): void {
    const [update, ...rest] = waiting;
    waiting = rest;
    if (update === undefined) return;
    // Only the stretch of the log is the old one. What the leader has reported about itself since stays true.
    const { hasGap, from, cursor, items } = update;
    deliver(update.isLeader ? { ...(latest ?? update), hasGap, from, cursor, items } : update);
  }

  return {
    clear() {
      waiting = [];
    },
    add(update) {
      if (!isRunning && app.busyMs() === null) return deliver(update);
      waiting = [...waiting, update].slice(-maxWaiting);
      if (!isRunning) void run();
      if (!update.isLeader) return;
      latest = update;
      deliver({ ...update, hasGap: false, from: new Map(), cursor: new Map(), items: [] });
    },
  };
}
