import { isPublic } from '../../config/public-channels.ts';
import type { CreateShare } from '../connection/share.ts';
import { advanceTab, newTab, nextTabTimerAt, viewOf } from './tab.ts';
import { createTabGroup } from './tab-group.ts';
import type { TabMessage, TabSignal } from './tab-message.ts';

/**
 * Whether all tabs that read these channels without a token may get the same. A cookie may be the key to channels that are
 * not public, and nobody here can say whose it is: then the app must say so.
 * @param wish the app's option `share`; undefined where it did not decide.
 */
export function mayShareWithoutToken(wish: boolean | undefined, channels: readonly string[]): boolean {
  return wish === true || (wish === undefined && channels.every(isPublic));
}

/** Whether a feed can be shared here: in a browser's page, over a secure connection, between readers that may get the same. */
export function canShare(wish: boolean | undefined, channels: readonly string[], hasToken: boolean): boolean {
  if (wish === false || !(hasToken || mayShareWithoutToken(wish, channels))) return false;
  if (typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return false;
  return Boolean(navigator.locks) && typeof crypto.subtle === 'object';
}

/** Shares one connection between the tabs of a browser: one tab reads for all that read the same. */
export const createTabShare: CreateShare = (port) => {
  const { wish, hasToken, query } = port;
  if (!canShare(wish, query.channels, hasToken)) return null;
  let tab = newTab(port.clock.random().toString(36).slice(2));
  let received: readonly TabSignal[] = [];
  let outbox: readonly TabMessage[] = [];
  const group = createTabGroup({
    ...port,
    mayShareWithoutToken: mayShareWithoutToken(wish, query.channels),
    emit(signal) {
      received = [...received, signal];
      port.wake();
    },
  });
  return {
    advance(connection, signals, now, random) {
      const all = [...received, ...signals];
      received = [];
      const advanced = advanceTab(tab, connection, all, now, random);
      tab = advanced.tab;
      outbox = [...outbox, ...tab.outbox];
      return advanced;
    },
    nextTimerAt: () => nextTabTimerAt(tab),
    view: (connection) => viewOf(tab, connection),
    reconcile() {
      group.post(outbox);
      outbox = [];
      group.reconcile(tab.election);
    },
    admit: group.admit,
  };
};
