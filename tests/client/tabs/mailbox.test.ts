import { expect, test } from 'vitest';
import { createMailbox } from '../../../lib/client/tabs/tab-group.ts';
import type { TabUpdate } from '../../../lib/client/tabs/tab-message.ts';
import { createBackPressure } from '../../../lib/client/transport/back-pressure.ts';
import { eventItem } from '../../support/client/feed-items.ts';
import { createManualClock, settle } from '../../support/server/manual-clock.ts';

/** A tab’s update with event `seq`; `handovers` is what it reports about itself. */
function updateOf(seq: number, more: Partial<TabUpdate> = {}): TabUpdate {
  const item = eventItem(seq);
  const at = (position: typeof item.position) => new Map([['feed', position]]);
  return {
    ...{
      tab: 'a',
      isLeader: true,
      isVisible: true,
      isReading: true,
      hasGap: false,
      pollingReason: null,
      restMs: 0,
    },
    notBeforeInMs: 0,
    ...{
      status: 'streaming',
      transport: 'stream',
      retryInMs: null,
      problem: null,
      handovers: 0,
      reconnects: 0,
    },
    ...{ from: at(eventItem(seq - 1).position), cursor: at(item.position), items: [item] },
    ...more,
  };
}

/** An mailbox whose app is busy with each event until it is released. */
function setUp({ isBusy }: { readonly isBusy: boolean }) {
  const app = createBackPressure(createManualClock());
  let release = () => {};
  const work = () => {
    app.add([
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    ]);
  };
  const given: TabUpdate[] = [];
  const mailbox = createMailbox(app, (each) => {
    given.push(each);
    if (each.items.length > 0) work();
  });
  if (isBusy) work();
  const stretches = () => given.filter(({ items }) => items.length > 0);
  const done = async () => {
    release();
    await settle();
  };
  return { mailbox, given, stretches, done };
}

test('an update that arrives while the app is free is delivered at once', () => {
  const { mailbox, given } = setUp({ isBusy: false });
  mailbox.add(updateOf(4));
  expect(given).toEqual([updateOf(4)]);
});

test('updates that arrive while the app is busy are delivered one by one, in order', async () => {
  const { mailbox, stretches, done } = setUp({ isBusy: true });
  for (const seq of [4, 5, 6]) mailbox.add(updateOf(seq));
  expect(stretches()).toEqual([]);
  await done();
  expect(stretches()).toEqual([updateOf(4)]);
  await done();
  mailbox.add(updateOf(7));
  for (const _ of [6, 7]) await done();
  expect(stretches()).toEqual([4, 5, 6, 7].map((seq) => updateOf(seq)));
});

test('a leader’s report about itself does not wait, and the latest one counts', async () => {
  const { mailbox, given, stretches, done } = setUp({ isBusy: true });
  mailbox.add(updateOf(4, { hasGap: true }));
  mailbox.add(updateOf(5, { handovers: 1, status: 'handing over' }));
  mailbox.add(updateOf(6, { tab: 'b', isLeader: false }));
  expect(given.map(({ handovers, hasGap, cursor }) => [handovers, hasGap, cursor.size])).toEqual([
    [0, false, 0],
    [1, false, 0],
  ]);
  for (const _ of [4, 5, 6]) await done();
  const last = { handovers: 1, status: 'handing over' } as const;
  expect(stretches()).toEqual([
    updateOf(4, { ...last, hasGap: true }),
    updateOf(5, last),
    updateOf(6, { tab: 'b', isLeader: false }),
  ]);
});

test('of more than 200 updates that wait, the oldest are dropped', async () => {
  const { mailbox, stretches, done } = setUp({ isBusy: true });
  for (let seq = 1; seq <= 205; seq += 1) mailbox.add(updateOf(seq));
  for (let count = 0; count < 205; count += 1) await done();
  expect([stretches().length, stretches()[0]]).toEqual([200, updateOf(6)]);
});

test('updates that waited when the tab left the group are dropped', async () => {
  const { mailbox, stretches, done } = setUp({ isBusy: true });
  mailbox.add(updateOf(4));
  mailbox.clear();
  await done();
  mailbox.add(updateOf(5));
  expect(stretches()).toEqual([updateOf(5)]);
});
