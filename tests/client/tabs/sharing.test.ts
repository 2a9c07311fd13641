import { describe, expect, test } from 'vitest';
import { manyTabs, type OpenTab } from '../../support/client/many-tabs.ts';

const roleOf = (tab: OpenTab) => tab.state().election.role;
const modeOf = (tab: OpenTab) => tab.state().connection.mode;
const rolesOf = (tabs: readonly OpenTab[]) => tabs.map(roleOf);

/** A browser with `count` visible tabs, of which the first leads. */
function openTabs(count: number, options: Parameters<typeof manyTabs>[0] = {}) {
  const browser = manyTabs(options);
  browser.publish(3);
  const tabs: OpenTab[] = [];
  for (let each = 0; each < count; each += 1) {
    tabs.push(browser.open());
    browser.passes(100);
  }
  const [first, second, third] = tabs as [OpenTab, OpenTab, OpenTab];
  return { browser, tabs, first, second, third };
}

const upTo = (last: number) =>
  Array.from({ length: last }, (_, index) => `${1_010 + index * 10}-${index + 1}`);

describe('ten tabs', () => {
  test('hold one stream, and each tab gets every event once, in order', () => {
    const { browser, tabs } = openTabs(10);
    for (let count = 0; count < 20; count += 1) {
      browser.publish(2);
      browser.passes(37);
    }
    expect(browser.streams()).toBe(1);
    expect(rolesOf(tabs).filter((role) => role === 'leader')).toHaveLength(1);
    for (const tab of tabs) expect(tab.ids()).toEqual(upTo(43));
  });

  test('that are opened at the same time hold one stream', () => {
    const browser = manyTabs();
    const tabs = Array.from({ length: 10 }, () => browser.open());
    browser.passes(1_000);
    expect(browser.streams()).toBe(1);
    expect(rolesOf(tabs).filter((role) => role === 'follower')).toHaveLength(9);
  });

  test('keep their roles and their stream while nothing happens', () => {
    const { browser, tabs } = openTabs(10);
    const before = rolesOf(tabs);
    const keys = tabs.map((tab) => tab.state().connection.nextKey);
    browser.passes(120_000);
    expect(rolesOf(tabs)).toEqual(before);
    expect(tabs.map((tab) => tab.state().connection.nextKey)).toEqual(keys);
  });
});

describe('a tab that joins', () => {
  test('reads pages of the log up to the leader’s cursor, and keeps the updates that arrive meanwhile', () => {
    const { browser } = openTabs(1);
    browser.publish(12);
    browser.passes(100);
    const late = browser.open();
    for (let count = 0; count < 10; count += 1) {
      browser.publish(1);
      browser.passes(11);
    }
    browser.passes(200);
    expect(late.ids()).toEqual(upTo(25));
    expect(browser.streams()).toBe(1);
  });

  test('asks for no page when it is where the leader is', () => {
    const { browser } = openTabs(1);
    const { pages } = browser;
    const late = browser.open({ after: '1030-3~aaaaaa' });
    browser.passes(100);
    browser.publish(1);
    browser.passes(100);
    expect(late.ids()).toEqual(['1040-4']);
    expect(browser.pages).toBe(pages);
  });

  test('and has no cursor begins at the log’s end', () => {
    const { browser } = openTabs(1);
    const late = browser.open({ after: null });
    browser.passes(200);
    browser.publish(2);
    browser.passes(100);
    expect(late.ids()).toEqual(['1040-4', '1050-5']);
  });

  test('in the background, or ahead of the leader, gets each event once', () => {
    const { browser, first } = openTabs(1);
    const hidden = browser.open({ isHidden: true });
    first.hang();
    browser.publish(4);
    browser.passes(50);
    const ahead = browser.open({ after: '1070-7~aaaaaa', isHidden: true });
    first.wake();
    browser.passes(500);
    browser.publish(1);
    browser.passes(500);
    expect(hidden.ids()).toEqual(upTo(8));
    expect(ahead.ids()).toEqual(['1080-8']);
  });

  test('reads by itself within 1 s where nobody answers', () => {
    const { browser, first } = openTabs(1);
    first.hang();
    const late = browser.open();
    browser.passes(1_000);
    expect(roleOf(late)).toBe('leader');
    expect(late.ids()).toEqual(upTo(3));
  });
});

describe('a leader', () => {
  const endings = ['close', 'crash', 'freeze'] as const;
  test.each(endings)('that is gone by %s has a successor within 1 s, without a loss', (ending) => {
    const { browser, tabs, first } = openTabs(4);
    first[ending]();
    browser.publish(2);
    browser.passes(1_000);
    const rest = tabs.slice(1);
    expect(rolesOf(rest).filter((role) => role === 'leader')).toHaveLength(1);
    for (const tab of rest) expect(tab.ids()).toEqual(upTo(5));
    expect(browser.streams()).toBe(1);
  });

  test('that hangs has a successor within 1 s, and follows when it comes back', () => {
    const { browser, tabs, first } = openTabs(4);
    first.hang();
    browser.publish(2);
    browser.passes(1_000);
    for (const tab of tabs.slice(1)) expect(tab.ids()).toEqual(upTo(5));
    first.wake();
    browser.passes(1_000);
    expect(first.ids()).toEqual(upTo(5));
    expect(rolesOf(tabs).filter((role) => role === 'leader')).toHaveLength(1);
    expect(browser.streams()).toBe(1);
  });

  test('that is hidden gives the lead to a visible tab, and reads on until that one reads', () => {
    const { browser, tabs, first } = openTabs(4);
    let fewest = 9;
    browser.observe(() => {
      const live = tabs
        .flatMap((tab) => tab.state().connection.streams)
        .filter(({ phase }) => phase === 'live');
      fewest = Math.min(fewest, live.length);
    });
    first.hide();
    browser.passes(1_000);
    expect(fewest).toBe(1);
    expect(roleOf(first)).toBe('follower');
    expect(rolesOf(tabs).filter((role) => role === 'leader')).toHaveLength(1);
    expect(browser.streams()).toBe(1);
  });

  test('that is hidden reports it: a visible tab takes over before it would have asked', () => {
    const { browser, tabs, first } = openTabs(4);
    browser.passes(10);
    first.hide();
    browser.passes(150);
    expect(rolesOf(tabs.slice(1))).toContain('leader');
  });

  test('that is hidden reads on while all tabs are hidden', () => {
    const { browser, tabs, first } = openTabs(3);
    for (const tab of tabs.slice(1)) tab.hide();
    first.hide();
    browser.passes(30_000);
    browser.publish(1);
    browser.passes(100);
    for (const tab of tabs) expect(tab.ids()).toEqual(upTo(4));
    expect(roleOf(first)).toBe('leader');
  });

  test('keeps the lead when it is silent for less than its followers wait', () => {
    const { browser, first, second } = openTabs(2);
    first.hang();
    browser.passes(350);
    first.wake();
    browser.passes(1_000);
    expect([roleOf(first), roleOf(second)]).toEqual(['leader', 'follower']);
  });

  test('does not lose the lead to a tab that was itself held up', () => {
    const { browser, first, second } = openTabs(2);
    second.hang();
    browser.passes(5_000);
    second.wake();
    browser.passes(1_000);
    expect([roleOf(first), roleOf(second)]).toEqual(['leader', 'follower']);
  });

  test('that is switched off has a successor, and follows when it is switched on', () => {
    const { browser, first, second } = openTabs(2);
    first.dispatch({ kind: 'disabled' });
    browser.passes(500);
    expect([roleOf(first), roleOf(second)]).toEqual(['off', 'leader']);
    browser.publish(2);
    first.dispatch({ kind: 'enabled' });
    browser.passes(500);
    expect(roleOf(first)).toBe('follower');
    expect(first.ids()).toEqual(upTo(5));
  });
});

describe('hidden tabs', () => {
  test('pause only when all are hidden for 60 s, and any that is shown resumes at once', () => {
    const { browser, tabs, second } = openTabs(3);
    for (const tab of tabs) tab.hide();
    browser.passes(59_000);
    expect(browser.streams()).toBe(1);
    browser.passes(2_500);
    expect(browser.streams()).toBe(0);
    expect(tabs.map((tab) => tab.shows().status)).toEqual(['paused', 'paused', 'paused']);
    browser.publish(2);
    second.show();
    browser.passes(1_000);
    expect(roleOf(second)).toBe('leader');
    for (const tab of tabs) expect(tab.ids()).toEqual(upTo(5));
  });

  test('that have paused do not connect when their leader is closed', () => {
    const { browser, tabs, first } = openTabs(3);
    for (const tab of tabs) tab.hide();
    browser.passes(62_000);
    first.close();
    browser.passes(10_000);
    expect(browser.streams()).toBe(0);
  });

  test('do not pause while one tab is visible', () => {
    const { browser, tabs, first, second } = openTabs(3);
    first.hide();
    second.hide();
    browser.passes(300_000);
    browser.publish(1);
    browser.passes(100);
    for (const tab of tabs) expect(tab.ids()).toEqual(upTo(4));
  });

  test('pause after 60 s where none was ever visible', () => {
    const browser = manyTabs();
    const tabs = [browser.open({ isHidden: true }), browser.open({ isHidden: true })];
    browser.passes(59_000);
    expect(browser.streams()).toBe(1);
    browser.passes(3_000);
    expect(browser.streams()).toBe(0);
    expect(tabs.map((tab) => tab.shows().status)).toEqual(['paused', 'paused']);
  });

  test('cost little: one of them asks the leader in half a minute', () => {
    const { browser, tabs } = openTabs(5);
    for (const tab of tabs.slice(1)) tab.hide();
    browser.passes(1_000);
    const { sent } = browser;
    browser.passes(300_000);
    expect(browser.sent - sent).toBeLessThan(50);
  });

  test('with late timers do not take the lead from each other', () => {
    const { browser, tabs, first } = openTabs(5);
    for (const tab of tabs.slice(1)) tab.hide();
    browser.passes(300_000);
    expect(roleOf(first)).toBe('leader');
    expect(first.state().connection.streams[0]?.key).toBe(1);
  });
});

describe('what a follower shows', () => {
  test('is what its leader does', () => {
    const { browser, first, second } = openTabs(2);
    expect(second.shows().status).toBe('streaming');
    browser.server(false);
    browser.passes(60);
    const { retryAt } = first.state().connection;
    expect([modeOf(first), modeOf(second)]).toEqual(['waiting', 'standby']);
    expect(second.shows().status).toBe('waiting');
    expect(second.shows().retryAt).toBeCloseTo(retryAt ?? 0, -1);
    expect(second.shows().reconnects).toBe(1);
    browser.server(true);
    browser.passes(2_000);
    expect(second.shows().status).toBe('streaming');
  });

  test('is a handover while it takes over the lead', () => {
    const { browser, first, second } = openTabs(2);
    const statuses = new Set<string>();
    browser.observe(() => statuses.add(second.shows().status));
    first.hide();
    browser.passes(1_000);
    expect([...statuses]).toEqual(['streaming', 'handing over']);
  });

  test('retries when its reader asks for it, by reading itself', () => {
    const { browser, second } = openTabs(2);
    browser.server(false);
    browser.passes(60);
    browser.server(true);
    second.dispatch({ kind: 'retry' });
    browser.passes(100);
    expect(roleOf(second)).toBe('leader');
    expect(modeOf(second)).toBe('streaming');
  });
});

describe('a leader that falls to polling', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('passes that on: the next leader polls at once (seed %i)', (seed) => {
    const { browser, first, second } = openTabs(2, { seed });
    browser.blockStreams();
    browser.passes(3_000);
    expect(modeOf(first)).toBe('polling');
    const { pages } = browser;
    first.crash();
    browser.passes(20);
    expect(second.state().connection).toMatchObject({ mode: 'polling', pollingReason: 'refused' });
    expect(browser.pages).toBe(pages + 1);
  });
});

describe('a loss', () => {
  test('is reported to each tab as its own gap, by the log', () => {
    const { browser, tabs, first } = openTabs(3);
    first.hang();
    browser.publish(6);
    browser.log.trim(7);
    first.wake();
    browser.passes(1_500);
    for (const tab of tabs) expect(tab.ids().at(-1)).toBe('1090-9');
    const late = browser.open();
    browser.passes(200);
    expect(late.ids()).toEqual(['gap trimmed', '1080-8', '1090-9']);
  });

  test('of the whole log lets each tab begin again, once', () => {
    const { browser, tabs } = openTabs(3);
    browser.log.replace();
    browser.news();
    browser.passes(500);
    for (const tab of tabs) expect(tab.ids().slice(3)).toEqual(['gap restarted', '1040-1']);
  });
});

describe('without tabs to share with', () => {
  test('a tab whose channel does not open reads by itself', () => {
    const { browser, first } = openTabs(1);
    first.dispatch({ kind: 'unavailable' });
    browser.passes(100);
    expect([roleOf(first), modeOf(first)]).toEqual(['alone', 'streaming']);
  });
});
