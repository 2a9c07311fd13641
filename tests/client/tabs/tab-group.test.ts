import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { newSharing, share } from '../../../lib/client/tabs/leader-election.ts';
import type { TabSignal } from '../../../lib/client/tabs/tab.ts';
import { createTabGroup } from '../../../lib/client/tabs/tab-group.ts';
import { tell } from '../../../lib/client/tabs/tab-message.ts';
import { createBackPressure } from '../../../lib/client/transport/back-pressure.ts';
import { reader } from '../../support/client/reader.ts';
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

/** A tab's group, and what it tells. It begins to take part at once. */
function begin({ channels = ['feed'], token = null, wish }: Setting = {}) {
  const told: TabSignal[] = [];
  const clock = createManualClock();
  const app = createBackPressure(clock);
  const group = createTabGroup({
    ...{ query: { url: '', channels, types: [], rewind: '' }, share: wish, clock, app },
    token: async () => token,
    newToken: async () => token,
    tell: (signals) => told.push(...signals),
  });
  closing.push(() => group.reconcile(newSharing(true)));
  const started = share(newSharing(true), { kind: 'started' }, 0, 0);
  group.reconcile(started);
  return { group, told, clock, app, started, tells: (count: number) => becomes(told, count) };
}

const becomes = (told: readonly TabSignal[], count: number) =>
  eventually(`${count} signals`, 3_000, () => told.length >= count);

/** What a tab that begins to take part is told first. */
async function beginsWith(channels: readonly string[], token: string | null, wish?: boolean) {
  const { told, tells } = begin({ channels, token, wish });
  await tells(1);
  return told;
}

test('where no token says whose they are, channels that may be private are not shared', async () => {
  expect(await beginsWith(['feed', 'staff'], null)).toEqual([{ kind: 'unshared' }]);
});

test.each([
  ['channels that are public', ['feed', 'public:news'], null, undefined],
  ['what the app says is one person’s', ['staff'], null, true],
  ['what a token says is one person’s', ['staff'], 'token', undefined],
] as const)('%s are shared', async (_, channels, token, wish) => {
  expect(await beginsWith(channels, token, wish)).toEqual([{ kind: 'joined' }]);
});

/** A tab that leads beside another one, and whose app is stuck. */
async function slowLeader() {
  const it = begin();
  const other = begin();
  await it.tells(1);
  await other.tells(1);
  const lock = { key: 1, how: 'queue', isHandover: false, isWish: false } as const;
  it.group.reconcile({ ...it.started, role: 'leader', lock });
  await it.tells(2);
  it.app.add([new Promise(() => {})]);
  const { state } = reader();
  const leads = () => {
    const who = { tab: 'other', isLeader: true };
    other.group.post([tell({ ...state, isHidden: true }, state.reader, [], who, 0)]);
  };
  return { ...it, leads, asks: () => other.group.post([{ kind: 'ask' }]) };
}

test('a leader whose app is slow lets the lock go when it is asked', async () => {
  const { told, tells, clock, asks } = await slowLeader();
  asks();
  await tells(3);
  await clock.advance(1_001);
  asks();
  await tells(4);
  expect(told.slice(2)).toEqual([{ kind: 'asked' }, { kind: 'lost', lock: 1 }]);
});

test('it does so until another one leads; then not again for 10 s', async () => {
  const { told, tells, clock, asks, leads } = await slowLeader();
  await clock.advance(1_001);
  for (const say of [asks, asks, leads, asks]) say();
  await tells(6);
  await clock.advance(10_000);
  asks();
  await tells(7);
  expect(told.slice(2).map(({ kind }) => kind)).toEqual(['lost', 'lost', 'heard', 'asked', 'lost']);
});

test('a tab whose app is slow does not take the lead back from one that is hidden', async () => {
  const { told, tells, clock, leads } = await slowLeader();
  leads();
  await tells(3);
  await clock.advance(1_001);
  leads();
  await tells(4);
  expect(told.slice(2)).toMatchObject([{ told: { isVisible: false } }, { told: { isVisible: true } }]);
});
