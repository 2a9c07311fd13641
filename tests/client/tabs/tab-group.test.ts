import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { reportOf } from '../../../lib/client/tabs/following.ts';
import { elect, newElection } from '../../../lib/client/tabs/leader-election.ts';
import { mayShareWithoutToken } from '../../../lib/client/tabs/share.ts';
import { createTabGroup } from '../../../lib/client/tabs/tab-group.ts';
import { buildTabUpdate, type TabSignal } from '../../../lib/client/tabs/tab-message.ts';
import { createBackPressure } from '../../../lib/client/transport/back-pressure.ts';
import { streamingTab } from '../../support/client/tab-reader.ts';
import { eventually } from '../../support/node/eventually.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

beforeAll(() => vi.stubGlobal('location', { href: 'http://page.example/' }));
afterAll(() => vi.unstubAllGlobals());

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Setting = {
  readonly channels?: readonly string[];
  readonly token?: string | null;
  readonly wish?: boolean | undefined;
};

/** A tab's group, and the signals it emits. It begins to take part at once. */
function begin({ channels = ['feed'], token = null, wish }: Setting = {}) {
  const signals: TabSignal[] = [];
  const clock = createManualClock();
  const app = createBackPressure(clock);
  const group = createTabGroup({
    ...{ query: { url: '', pathEnd: '', channels, types: [], rewind: '' }, clock, app },
    mayShareWithoutToken: mayShareWithoutToken(wish, channels),
    token: async () => token,
    newToken: async () => token,
    emit: (signal) => signals.push(signal),
  });
  closing.push(() => group.reconcile(newElection()));
  const started = elect(newElection(), { kind: 'started' }, 0, 0);
  group.reconcile(started);
  return { group, signals, clock, app, started, emits: (count: number) => becomes(signals, count) };
}

const becomes = (signals: readonly TabSignal[], count: number) =>
  eventually(`${count} signals`, 3_000, () => signals.length >= count);

/** The first signal of a tab that begins to take part. */
async function beginsWith(channels: readonly string[], token: string | null, wish?: boolean) {
  const { signals, emits } = begin({ channels, token, wish });
  await emits(1);
  return signals;
}

test('channels that may be private are not shared where no token says whose they are', async () => {
  expect(await beginsWith(['feed', 'staff'], null)).toEqual([{ kind: 'unavailable' }]);
});

test.each([
  ['channels that are public', ['feed', 'public:news'], null, undefined],
  ['channels that the app calls one person’s', ['staff'], null, true],
  ['channels that a token makes one person’s', ['staff'], 'token', undefined],
] as const)('%s are shared', async (_, channels, token, wish) => {
  expect(await beginsWith(channels, token, wish)).toEqual([{ kind: 'joined' }]);
});

/** A tab that leads beside another one, and whose app is stuck. */
async function slowLeader() {
  const it = begin();
  const other = begin();
  await it.emits(1);
  await other.emits(1);
  const lock = { key: 1, how: 'queue', isHandover: false, isRequested: false } as const;
  it.group.reconcile({ ...it.started, role: 'leader', lock });
  await it.emits(2);
  it.app.add([new Promise(() => {})]);
  const { tab, state } = streamingTab();
  const leads = () => {
    const sender = { tab: 'other', isLeader: true };
    const report = reportOf(tab().following, { ...state, isHidden: true }, 0);
    other.group.post([buildTabUpdate(sender, report, state.reader, state.reader, [])]);
  };
  return { ...it, leads, asks: () => other.group.post([{ kind: 'ask' }]) };
}

test('a leader whose app is slow releases the lock when it is asked', async () => {
  const { signals, emits, clock, asks } = await slowLeader();
  asks();
  await emits(3);
  await clock.advance(1_001);
  asks();
  await emits(4);
  expect(signals.slice(2)).toEqual([{ kind: 'asked' }, { kind: 'lost', lock: 1 }]);
});

test('it does so until another tab leads, then not again for 10 s', async () => {
  const { signals, emits, clock, asks, leads } = await slowLeader();
  await clock.advance(1_001);
  for (const say of [asks, asks, leads, asks]) say();
  await emits(6);
  await clock.advance(10_000);
  asks();
  await emits(7);
  expect(signals.slice(2).map(({ kind }) => kind)).toEqual(['lost', 'lost', 'update', 'asked', 'lost']);
});

test('a tab whose app is slow does not take the lead back from a hidden tab', async () => {
  const { signals, emits, clock, leads } = await slowLeader();
  leads();
  await emits(3);
  await clock.advance(1_001);
  leads();
  await emits(4);
  expect(signals.slice(2)).toMatchObject([{ update: { isVisible: false } }, { update: { isVisible: true } }]);
});
