import { expect, test } from 'vitest';
import { walkTabs } from '../../support/client/tab-walk.ts';
import { walkSeeds } from '../../support/client/walk-seeds.ts';

function expectCalm({ browser, tabs }: ReturnType<typeof walkTabs>) {
  const roles = tabs.map((tab) => tab.state().election.role);
  expect(roles.filter((role) => role === 'leader')).toHaveLength(1);
  expect(roles.filter((role) => role !== 'leader' && role !== 'follower')).toEqual([]);
  const leader = tabs.find((tab) => tab.state().election.role === 'leader');
  expect(leader?.state().election.isHidden).toBe(false);
  expect(browser.streams()).toBe(1);
  for (const tab of tabs) expect(browser.isAtEnd(tab), `${tab.name} is at the end`).toBe(true);
}

function expectOver({ browser, tabs }: ReturnType<typeof walkTabs>) {
  for (const tab of tabs) {
    expect(tab.state().connection.mode, tab.name).toBe('ended');
    expect(browser.isAtEnd(tab), `${tab.name} is at the end`).toBe(true);
  }
  const requests = browser.asked + browser.pages;
  browser.passes(600_000);
  expect(browser.asked + browser.pages).toBe(requests);
  expect([browser.streams(), browser.locks(), browser.listeners()]).toEqual([0, 0, 0]);
}

/** Ten seeds, and those that once showed a fault. */
const seedsFrom = (first: number, ...shown: readonly number[]) =>
  walkSeeds([...Array.from({ length: 10 }, (_, index) => first + index * 17), ...shown]);
const honest = { hangs: false, trims: false, restarts: false };
const rough = { loss: 0.1, twice: 0.1, late: 0.2, hangs: true };

test.each(seedsFrom(1_001))(
  'in a calm world a visible tab leads within 1 s, and no event is lost or doubled (seed %i)',
  (seed) => {
    const end = walkTabs(seed, 250, honest);
    expectCalm(end);
    expect(end.spells.without.longestMs()).toBeLessThan(1_000);
    expect(end.spells.many.longestMs()).toBeLessThan(10);
    for (const tab of end.tabs) expect(tab.ids().filter((id) => id.startsWith('gap'))).toEqual([]);
  },
);

test.each(seedsFrom(2_001, 400_004, 400_019))(
  'where tabs hang and messages are lost, late or doubled, each history is the log, or has a gap (seed %i)',
  (seed) => {
    const end = walkTabs(seed, 250, { ...rough, trims: true, restarts: false });
    expectCalm(end);
    expect(end.spells.without.longestMs()).toBeLessThan(2_000);
    expect(end.spells.many.longestMs()).toBeLessThan(10);
  },
);

test.each(seedsFrom(3_001))(
  'where the log is lost and begins again too, no tab reports more restarts than there were (seed %i)',
  (seed) => {
    const end = walkTabs(seed, 250, { ...rough, trims: true, restarts: true });
    expectCalm(end);
    expect(end.reported).toBeLessThanOrEqual(end.restarts);
  },
);

test.each(seedsFrom(4_001, 300_011))(
  'with a type filter, where numbers jump, each tab still gets every event of its type once (seed %i)',
  (seed) => {
    const end = walkTabs(seed, 250, { ...rough, trims: false, restarts: false, isFiltered: true });
    expectCalm(end);
    for (const tab of end.tabs) {
      const seqs = tab.ids().map((id) => Number(id.split('-')[1]));
      const [first = 0] = seqs;
      expect(seqs).toEqual(seqs.map((_, index) => first + 2 * index));
    }
  },
);

test.each(seedsFrom(5_001))(
  'where the channel ends and begins anew, each tab is over at its end, and keeps no request and no lock (seed %i)',
  (seed) => {
    const end = walkTabs(seed, 250, { ...rough, trims: true, restarts: true, ends: true });
    expectOver(end);
    expect(end.reported).toBeLessThanOrEqual(end.restarts);
  },
);
