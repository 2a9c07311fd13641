import type { FeedQuery } from './feed-request.ts';
import { report } from './guard.ts';
import { arePublic, shareName } from './share-name.ts';
import type { Sharing } from './sharing.ts';
import type { TabSignal } from './tab.ts';
import { openTabChannel, type TabChannel } from './tab-channel.ts';
import { readTold, type TabMessage } from './tab-message.ts';

/** The other tabs that read the same. */
export type TabGroup = {
  /** Takes part, or ceases to, and asks for the lock that is wanted. */
  reconcile(sharing: Sharing): void;
  post(messages: readonly TabMessage[]): void;
  /** Goes to the tabs that read with a token of the same subject. A request with this token is made only after that. */
  belong(token: string | null): Promise<void>;
};

export type TabGroupOptions = {
  readonly query: FeedQuery;
  /** The token to read with, as a request would get it; null without one. */
  token(): Promise<string | null>;
  tell(signals: readonly TabSignal[]): void;
};

/**
 * Whether a feed can be shared here: a browser's page, over a secure connection, and readers that may hear each other.
 * @param wish the app's; without one, channels that may be private are shared only where a token says whose they are.
 */
export function canShare(wish: boolean | undefined, channels: readonly string[], hasToken: boolean): boolean {
  if (wish === false || (wish === undefined && !hasToken && !arePublic(channels))) return false;
  if (typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return false;
  return Boolean(navigator.locks) && typeof crypto.subtle === 'object';
}

export function createTabGroup({ query, token, tell }: TabGroupOptions): TabGroup {
  let channel: { readonly name: string; readonly way: TabChannel } | null = null;
  /** The session of taking part that the channel is for; 0: none. */
  let current = 0;
  /** Counts goings and comings, so that one that was overtaken ends without effect. */
  let turn = 0;

  function close(): void {
    channel?.way.close();
    channel = null;
  }

  function hear(message: TabMessage): void {
    const signal = read(message);
    if (signal !== null) tell([signal]);
  }

  function read(message: TabMessage): TabSignal | null {
    try {
      if (message.kind === 'ask') return { kind: 'asked' };
      return message.kind === 'told' ? { kind: 'heard', told: readTold(message, query.channels) } : null;
    } catch (error) {
      // Another tab's mistake does not end this one's reading: what it should have told is in the log.
      report(error);
      return null;
    }
  }

  async function belong(bearer: string | null): Promise<void> {
    if (current === 0) return;
    const mine = ++turn;
    try {
      const name = await shareName(query, bearer, location.href);
      if (mine !== turn || name === channel?.name) return;
      close();
      const onLock = (kind: 'granted' | 'lost', lock: number) => tell([{ kind, lock }]);
      const onFailure = () => tell([{ kind: 'unshared' }]);
      channel = { name, way: openTabChannel({ name, onMessage: hear, onLock, onFailure }) };
      tell([{ kind: 'joined' }]);
    } catch {
      // Storage is switched off, or the origin has none: the tab reads for itself.
      if (mine === turn) tell([{ kind: 'unshared' }]);
    }
  }

  return {
    belong,
    post: (messages) => {
      for (const message of messages) channel?.way.post(message);
    },
    reconcile({ role, session, lock }) {
      const wanted = role === 'off' ? 0 : session;
      if (current !== wanted) {
        current = wanted;
        turn += 1;
        close();
        if (wanted > 0) token().then(belong, () => current === wanted && tell([{ kind: 'unshared' }]));
      }
      channel?.way.want(lock);
    },
  };
}
