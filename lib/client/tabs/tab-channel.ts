import type { WantedLock } from './leader-election.ts';
import type { TabMessage } from './tab-message.ts';

/** The way to the other tabs, and the lock that one of them holds. */
export type TabChannel = {
  /** Sends a message to all other tabs. Events that cannot be sent this way, they read from the log. */
  post(message: TabMessage): void;
  /** Asks for the lock, or lets it go, until the tab has what it wants. */
  want(lock: WantedLock | null): void;
  close(): void;
};

export type TabChannelOptions = {
  /** Tabs with the same name share. */
  readonly name: string;
  onMessage(message: TabMessage): void;
  onLock(kind: 'granted' | 'lost', lock: number): void;
  /** The browser gives no locks here. */
  onFailure(): void;
};

/**
 * Opens the way to the other tabs: a BroadcastChannel (HTML standard, "Broadcasting to other browsing contexts") and
 * a lock (W3C, "Web Locks API"), which the browser releases when a tab is closed or crashes.
 * @throws DOMException or TypeError where the browser does not allow it.
 */
export function openTabChannel({ name, onMessage, onLock, onFailure }: TabChannelOptions): TabChannel {
  const { locks } = navigator;
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => onMessage(data as TabMessage);
  let held: { readonly key: number; release(): void } | null = null;

  function request({ key, how }: WantedLock): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const queueing = new AbortController();
    let isReleased = false;
    let isGranted = false;
    const grant = () => {
      if (isReleased) return;
      isGranted = true;
      onLock('granted', key);
      return promise;
    };
    const options = how === 'steal' ? { steal: true } : { signal: queueing.signal };
    const asked = async () => locks.request(name, options, grant);
    asked().catch(() => {
      if (isReleased) return;
      if (isGranted) onLock('lost', key);
      else onFailure();
    });
    return () => {
      isReleased = true;
      resolve();
      queueing.abort();
    };
  }

  function want(lock: WantedLock | null): void {
    if (held?.key === lock?.key) return;
    const before = held;
    held = lock === null ? null : { key: lock.key, release: request(lock) };
    before?.release();
  }

  return {
    want,
    post(message) {
      try {
        channel.postMessage(message);
      } catch {
        // The browser cannot copy it, for example JSON that is nested too deeply. The others read it from the log.
        if (message.kind === 'update') channel.postMessage({ ...message, from: message.cursor, events: [] });
      }
    },
    close() {
      want(null);
      channel.close();
    },
  };
}
