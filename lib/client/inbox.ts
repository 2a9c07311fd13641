import type { BackPressure } from './back-pressure.ts';
import type { Told } from './tab-message.ts';

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
