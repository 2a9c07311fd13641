import { describe, expect, test } from 'vitest';
import {
  type Election,
  type ElectionSignal,
  elect,
  newElection,
} from '../../../lib/client/tabs/leader-election.ts';
import { manyTabs, type OpenTab } from '../../support/client/many-tabs.ts';
import { refusalOf } from '../../support/client/reader.ts';
import { streamingTab, tabReader } from '../../support/client/tab-reader.ts';

/** The first tab leads and is hidden; the second, opened then, has just the lead, or a stream of its own. */
function hiddenAndShown(until: (second: OpenTab) => boolean) {
  const browser = manyTabs();
  const first = browser.open();
  browser.passes(5_000);
  first.hide();
  const second = browser.open();
  for (let ms = 0; ms < 3_000 && !until(second); ms += 1) browser.passes(1);
  expect(until(second)).toBe(true);
  return { browser, first, second };
}

const leads = (tab: OpenTab) => tab.state().election.role === 'leader';
const modeOf = (tab: OpenTab) => tab.state().connection.mode;

describe('a hidden tab that leads again before it has closed its stream', () => {
  test('closes it after a minute', () => {
    const it = streamingTab();
    it.happens('hidden');
    it.losesLock();
    it.isGranted();
    for (let beat = 0; beat < 4; beat += 1) {
      it.heartbeat('30-3~aaaaaa');
      it.passes(15_000);
    }
    expect(it.state.mode).toBe('paused');
  });

  test('closes it after a minute where the other tab was closed at once', () => {
    const { browser, first, second } = hiddenAndShown(leads);
    second.close();
    browser.passes(600_000);
    expect(modeOf(first)).toBe('paused');
  });

  test('closes it after a minute where the server refused the other tab for good', () => {
    const { browser, first, second } = hiddenAndShown((tab) => tab.state().connection.streams.length > 0);
    const stream = second.state().connection.streams[0]?.key ?? -1;
    second.dispatch({ kind: 'refused', stream, refusal: refusalOf(403) });
    browser.passes(600_000);
    expect([leads(first), modeOf(first)]).toEqual([true, 'paused']);
  });
});

describe('a Retry-After', () => {
  const held = {
    status: 'waiting',
    transport: null,
    isReading: false,
    retryInMs: 60_000,
    notBeforeInMs: 60_000,
    isVisible: false,
  } as const;

  function takesOver(more: object = {}) {
    const it = tabReader();
    it.losesLock();
    it.receives('30-3~aaaaaa', [], '30-3~aaaaaa', { ...held, ...more });
    // It takes the lock from a leader that is hidden.
    it.passes(100);
    it.isGranted();
    return it;
  }

  test('holds for the tab that takes over', () => {
    const it = takesOver();
    it.passes(59_899);
    expect(it.state.streams).toHaveLength(0);
    it.passes(1);
    expect(it.state.streams).toHaveLength(1);
  });

  test('of a check holds too, while the stream of the tab that led goes on', () => {
    const it = takesOver({ status: 'streaming', transport: 'stream', retryInMs: null });
    expect(it.state.streams).toHaveLength(0);
    it.passes(59_899);
    expect(it.state.streams).toHaveLength(0);
    it.passes(1);
    expect(it.state.streams).toHaveLength(1);
  });

  test('holds, but a random wait does not: a tab that is shown tries at once', () => {
    expect(takesOver({ notBeforeInMs: 0 }).state.streams).toHaveLength(1);
  });

  test('holds however often tabs are switched, until the reader asks to retry', () => {
    const browser = manyTabs();
    const [first, second] = [browser.open(), browser.open()];
    browser.passes(5_000);
    const refuse = () => {
      for (const tab of [first, second])
        for (const { key } of tab.state().connection.streams) {
          const refusal = { status: 429, retryAfterMs: 60_000, problem: null };
          tab.dispatch({ kind: 'refused', stream: key, refusal });
        }
    };
    refuse();
    for (let turn = 0; turn < 20; turn += 1) {
      const [from, to] = turn % 2 === 0 ? [first, second] : [second, first];
      from.hide();
      to.show();
      browser.passes(1_000);
      expect(browser.streams()).toBe(0);
    }
    const follower = leads(first) ? second : first;
    follower.show();
    follower.dispatch({ kind: 'retry' });
    browser.passes(500);
    expect([leads(follower), browser.streams()]).toEqual([true, 1]);
  });
});

describe('a tab that takes the lock', () => {
  function tab() {
    let now = 0;
    let state: Election = newElection();
    const it = {
      role: () => state.role,
      tell: (...signals: readonly ElectionSignal[]) => {
        for (const signal of signals) state = elect(state, signal, now, 0.5);
      },
      passes: (ms: number) => {
        now += ms;
        it.tell({ kind: 'timer' });
      },
    };
    it.tell({ kind: 'started' }, { kind: 'joined' });
    return it;
  }

  test('and slept meanwhile waits for the lock once more', () => {
    const it = tab();
    it.tell({ kind: 'leaderReported', isVisible: true }, { kind: 'retry' });
    it.passes(3_600_000);
    it.tell({ kind: 'granted', lock: 2 });
    expect(it.role()).toBe('leader');
  });

  test('waits its full time for it, whatever it is sent meanwhile', () => {
    const it = tab();
    it.tell({ kind: 'leaderReported', isVisible: false });
    it.passes(60);
    it.tell({ kind: 'leaderReported', isVisible: true }, { kind: 'woke' }, { kind: 'visible' });
    it.passes(900);
    it.passes(1_000);
    it.tell({ kind: 'granted', lock: 2 });
    expect(it.role()).toBe('leader');
  });
});
