import { readingOf } from '../../../lib/client/connection/status.ts';
import { advanceTab, newTab, nextTabTimerAt, viewOf } from '../../../lib/client/tabs/tab.ts';
import {
  parseTabUpdate,
  type TabSignal,
  type TabUpdate,
  type UpdateMessage,
} from '../../../lib/client/tabs/tab-message.ts';
import { eventItem } from './feed-items.ts';
import { reader } from './reader.ts';

type Head = Omit<UpdateMessage, 'kind' | 'from' | 'cursor' | 'events'>;

/** The head of an update of a leader that streams. */
const head: Head = {
  ...{ tab: 'a', isLeader: true, isVisible: true, isReading: true, hasGap: false },
  ...{ status: 'streaming', transport: 'stream', retryInMs: null, problem: null },
  ...{ pollingReason: null, restMs: 0, notBeforeInMs: 0, handovers: 0, reconnects: 0 },
};

/** Another tab's update: the events with these seqs are all there are after `from` up to `cursor`. */
export function tabUpdate(
  from: string,
  seqs: readonly number[],
  cursor: string,
  more: Partial<Head> = {},
): TabUpdate {
  const events = seqs
    .map((seq) => eventItem(seq))
    .flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  return parseTabUpdate({ kind: 'update', ...head, ...more, from, cursor, events }, ['feed']);
}

/**
 * A tab that has just begun, its time moved by hand, and has read up to event 3. A leader that has sent it an update answers
 * whenever it is asked.
 */
export function newTabReader(settings: Parameters<typeof reader>[0] = {}, after?: string) {
  let tab = newTab('b');
  let received: readonly TabSignal[] = [];
  let leader: TabUpdate | null = null;
  const it = reader(settings, after, {
    advance(connection, signals, now, random) {
      const advanced = advanceTab(tab, connection, [...received, ...signals], now, random);
      tab = advanced.tab;
      const isAsked = tab.outbox.some(({ kind }) => kind === 'ask');
      const answer = isAsked &&
        leader !== null && { ...leader, from: leader.cursor, items: [], hasGap: false };
      received = answer ? [{ kind: 'update', update: answer }] : [];
      return advanced;
    },
    nextTimerAt: () => (received.length > 0 ? it.now : nextTabTimerAt(tab)),
  });
  const gets = (signal: TabSignal) => {
    received = [...received, signal];
    it.tell();
  };
  const lock = () => tab.election.lock?.key ?? -1;
  const tabIt = Object.assign(it, {
    tab: () => tab,
    shows: () => viewOf(tab, it.state).reading ?? readingOf(it.state),
    /** Its channel to the other tabs is open. */
    joins: () => gets({ kind: 'joined' }),
    /** The browser gives it the lock that it wants; or another tab has taken it. */
    isGranted: () => gets({ kind: 'granted', lock: lock() }),
    losesLock: () => gets({ kind: 'lost', lock: lock() }),
    /** Another tab, the leader unless `more` says otherwise, sends what it has read. */
    receives(...update: Parameters<typeof tabUpdate>) {
      const parsed = tabUpdate(...update);
      if (parsed.isLeader) leader = parsed;
      gets({ kind: 'update', update: parsed });
    },
  });
  return tabIt;
}

/** A tab that leads: its stream is on its way. */
export function tabReader(...options: Parameters<typeof newTabReader>) {
  const it = newTabReader(...options);
  it.joins();
  it.isGranted();
  return it;
}

/** A tab that leads, and whose stream is live. */
export function streamingTab(settings: Parameters<typeof reader>[0] = {}, after?: string) {
  const it = tabReader(settings, after);
  it.goesLive();
  return it;
}

/** A tab that leads behind a proxy that buffers: no byte came in time. */
export function pollingTab() {
  const it = tabReader();
  it.sends();
  it.passes(4_000);
  return it;
}

/** A tab at event 3 that follows a leader which is there too. */
export function followingTab(more: Partial<Head> = {}) {
  const it = streamingTab();
  it.losesLock();
  it.receives('30-3~aaaaaa', [], '30-3~aaaaaa', more);
  return it;
}
