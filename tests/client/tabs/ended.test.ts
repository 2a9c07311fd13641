import { expect, test } from 'vitest';
import { manyTabs, type OpenTab } from '../../support/client/many-tabs.ts';

const modesOf = (tabs: readonly OpenTab[]) => tabs.map((tab) => tab.state().connection.mode);

/** A browser with `count` tabs that have all events, of which one leads. */
function openTabs(count: number, options: Parameters<typeof manyTabs>[0] = {}) {
  const browser = manyTabs(options);
  browser.publish(3);
  const tabs = Array.from({ length: count }, () => {
    const tab = browser.open();
    browser.passes(100);
    return tab;
  });
  return { browser, tabs, requests: () => browser.asked + browser.pages };
}

type World = ReturnType<typeof openTabs>;

/** Every tab has the last event, no request was sent since, and nothing is left that could send one. */
function expectOver({ browser, tabs, requests }: World, before: number) {
  expect(modesOf(tabs)).toEqual(tabs.map(() => 'ended'));
  for (const tab of tabs) expect(tab.ids().at(-1)).toBe('1040-4');
  browser.passes(600_000);
  expect(requests()).toBe(before);
  expect([browser.streams(), browser.locks(), browser.listeners()]).toEqual([0, 0, 0]);
  expect(tabs.map((tab) => tab.nextTimerAt())).toEqual(tabs.map(() => null));
}

test('ten tabs of a channel that ends are over together; only a tab that gets the lock before the message asks', () => {
  const world = openTabs(10);
  const before = world.requests();
  const { sent } = world.browser;
  world.browser.finish();
  world.browser.passes(50);
  // One tab says it to all, not each to each.
  expect(world.browser.sent - sent).toBeLessThan(6);
  expect(world.requests() - before).toBeLessThanOrEqual(2);
  expectOver(world, world.requests());
});

test('a tab that has lost the message asks the server itself, and then it is over too', () => {
  const world = openTabs(3, { loss: 1 });
  world.browser.finish();
  world.browser.passes(30_000);
  expectOver(world, world.requests());
});

test('a tab whose scripts stood still meanwhile is over when they go on', () => {
  const world = openTabs(3);
  const [, second] = world.tabs as [OpenTab, OpenTab];
  second.hang();
  const before = world.requests();
  world.browser.finish();
  world.browser.passes(100);
  expect(modesOf(world.tabs)).toEqual(['ended', 'standby', 'ended']);
  second.wake();
  world.browser.passes(100);
  expectOver(world, before);
});

test.each([0, 1, 2, 3, 5, 8, 13, 21, 34])(
  'tabs are over, with the last event once, where the channel ends %i ms after the lead has begun to change',
  (ms) => {
    const world = openTabs(3);
    const { browser, tabs } = world;
    tabs[0]?.hide();
    browser.passes(ms);
    browser.finish();
    browser.passes(5_000);
    expectOver(world, world.requests());
    for (const tab of tabs) expect(tab.ids().filter((id) => id === '1040-4')).toHaveLength(1);
  },
);

test('a tab that is opened after the end asks once for a stream and once for a page', () => {
  const world = openTabs(1);
  world.browser.finish();
  world.browser.passes(100);
  const before = world.requests();
  const late = world.browser.open({ after: '1040-4~aaaaaa' });
  world.browser.passes(5_000);
  expect(late.state().connection.mode).toBe('ended');
  expect(world.requests()).toBe(before + 2);
});

test('a tab that is over shows it, and reads alone', () => {
  const { browser, tabs } = openTabs(2);
  browser.finish();
  browser.passes(50);
  for (const tab of tabs)
    expect(tab.shows()).toMatchObject({ status: 'ended', transport: null, retryAt: null });
});

test('the end of an epoch that a tab has left does not end that tab', () => {
  const { browser, tabs } = openTabs(2);
  const follower = tabs[1] as OpenTab;
  browser.log.replace();
  const before = follower.state().connection.reader;
  const head = { tab: 'late', isLeader: false, isVisible: true, isReading: true, hasGap: false } as const;
  const report = {
    status: 'ended',
    transport: null,
    retryInMs: null,
    problem: null,
    pollingReason: null,
  } as const;
  follower.dispatch({
    kind: 'update',
    update: {
      ...{ ...head, ...report, restMs: 0, notBeforeInMs: 0, handovers: 0, reconnects: 0 },
      ...{
        from: new Map(),
        items: [],
        cursor: new Map([['feed', { id: { time: 1_030, seq: 3 }, epoch: 'zzzzzz' }]]),
      },
    },
  });
  expect(follower.state().connection.reader).toBe(before);
  expect(follower.state().connection.mode).toBe('standby');
});
