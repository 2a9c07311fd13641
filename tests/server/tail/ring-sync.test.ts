import { describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { beforeFirst } from '../../../lib/core/ids.ts';
import {
  type Announcement,
  dueAt,
  emptyRing,
  isInDoubt,
  isReady,
  type RingEffect,
  type RingSignal,
  type RingState,
  step,
} from '../../../lib/server/tail/ring-sync.ts';
import { range } from '../../support/log/log-steps.ts';
import { epoch, makeEntries, positionAt, timeOf } from '../../support/server/entries.ts';

const now = 100_000;

/** Read up to event 3, and equal to the log's end. */
const resting: RingState = {
  ...emptyRing,
  end: positionAt(3),
  trust: 'verified',
  isConnected: true,
  newestAnnounced: positionAt(3).id,
};
const unverified: RingState = { ...resting, trust: 'unverified' };
const bridging: RingState = { ...resting, isConnected: false, readAt: now };
const outage = { since: now - 10_000, failures: 4, isReported: false };
const failing: RingState = { ...resting, readAt: now + 2_000, work: { kind: 'failing', outage } };
const lagging: RingState = {
  ...resting,
  readAt: now + 200,
  work: { kind: 'lagging', since: now - 1_000, outage: null },
};

/** `state` with a read under way that was asked for 100 ms ago. */
function reading(
  state: RingState,
  work: Partial<Extract<RingState['work'], { kind: 'reading' }>> = {},
): RingState {
  const begun = { readAgain: null, isOutdated: false, laggingSince: null, outage: null };
  return { ...state, readAt: Infinity, work: { kind: 'reading', askedAt: now - 100, ...begun, ...work } };
}

/** Events `first` to `last`, announced together. */
function announcement(first: number, last: number, inEpoch = epoch): Announcement {
  const events = range(first, last).map((seq) => ({
    id: { time: timeOf(seq), seq },
    type: 'message',
    data: '1',
  }));
  return { kind: 'events', epoch: inEpoch, events };
}

const announced = (first: number, last = first, inEpoch = epoch): RingSignal => ({
  kind: 'announced',
  announcement: announcement(first, last, inEpoch),
});

/** What a read after `base` found, up to event `last`. */
function page(base: number, last: number, more = false): RingSignal {
  const segment = { base: positionAt(base), entries: makeEntries(base + 1, last) };
  return { kind: 'loaded', found: { kind: 'segment', segment, more, hasEnded: false } };
}

function newest(base: number, last: number): RingSignal {
  const segment = { base: positionAt(base), entries: makeEntries(base + 1, last) };
  return { kind: 'loaded', found: { kind: 'newest', segment } };
}

const loss = {
  kind: 'gap',
  reason: 'restarted',
  missed: null,
  resume: positionAt(1),
  resumesAt: null,
} as const;
const stale: RingSignal = {
  kind: 'loaded',
  found: { kind: 'stale', until: positionAt(9).id, otherwise: loss },
};
const failure = new FeedError('log-unavailable', 'down');
const namedFailure = new FeedError('log-unavailable', 'over the limit', { retryAfterSeconds: 60 });
const failed: RingSignal = { kind: 'failed', failure, random: 1 };
const requested: RingSignal = { kind: 'requested', isUrgent: false };
const urgent: RingSignal = { kind: 'requested', isUrgent: true };
const checked = (seq: number): RingSignal => ({
  kind: 'checked',
  log: { epoch, first: positionAt(1).id, last: positionAt(seq).id },
});

const wake: RingEffect = { kind: 'wake' };
const settle: RingEffect = { kind: 'settle', failure: null };
const askEndNow: RingEffect = { kind: 'ask-end', when: 'now' };
const askEndLater: RingEffect = { kind: 'ask-end', when: 'later' };
const dropPages: RingEffect = { kind: 'drop-pages' };
const append = (first: number, last: number): RingEffect => ({
  kind: 'append',
  entries: makeEntries(first, last),
});
const encode = (first: number, last = first): RingEffect => ({
  kind: 'encode',
  epoch,
  events: announcement(first, last).events,
});
const readAfter = (seq: number, upTo: number | null = 3): RingEffect => ({
  kind: 'read',
  from: positionAt(seq),
  newestAnnounced: upTo === null ? null : positionAt(upTo).id,
});
const readNewest = (upTo: number | null = 3): RingEffect => ({
  kind: 'read',
  from: 'newest',
  newestAnnounced: upTo === null ? null : positionAt(upTo).id,
});

/** Work of a read that begins now. */
const begun = reading(resting, { askedAt: now }).work;
const idle = { kind: 'idle' } as const;

type Row = readonly [
  title: string,
  from: RingState,
  signal: RingSignal,
  changes: Partial<RingState>,
  effects: readonly RingEffect[],
];

/** Each row: the state changes by these fields and no others, and these effects follow, in this order. */
function table(rows: readonly Row[]): void {
  test.each(rows)('%s', (_, from, signal, changes, effects) => {
    expect(step(from, signal, now)).toEqual({ state: { ...from, ...changes }, effects });
  });
}

describe('a subscription', () => {
  table([
    [
      'that is asked for is waited for 700 ms, then the log is read',
      emptyRing,
      { kind: 'subscribing' },
      { readAt: now + 700 },
      [],
    ],
    [
      'that is asked for anew no longer counts as connected',
      resting,
      { kind: 'subscribing' },
      { isConnected: false, readAt: now + 700 },
      [],
    ],
    [
      'that is asked for puts off no read that comes sooner',
      lagging,
      { kind: 'subscribing' },
      { isConnected: false },
      [],
    ],
    [
      'that is acknowledged for the first time has the newest page read, and the end verified after it',
      { ...emptyRing, readAt: now + 700 },
      { kind: 'connected' },
      { isConnected: true, mustVerify: true, readAt: Infinity, work: begun },
      [readNewest(null)],
    ],
    [
      'that is acknowledged again has only the end verified, and the bridging read is called off',
      bridging,
      { kind: 'connected' },
      { isConnected: true, trust: 'unverified', readAt: Infinity },
      [askEndNow],
    ],
    [
      'that is acknowledged during a read has the log read again after it',
      reading({ ...resting, isConnected: false }),
      { kind: 'connected' },
      {
        isConnected: true,
        trust: 'unverified',
        mustVerify: true,
        work: reading(resting, { readAgain: 'acknowledged' }).work,
      },
      [],
    ],
    [
      'that is acknowledged during a read that somebody wants to be repeated changes nothing about that',
      reading({ ...resting, isConnected: false }, { readAgain: 'requested' }),
      { kind: 'connected' },
      { isConnected: true, trust: 'unverified', mustVerify: true },
      [],
    ],
    [
      'that is acknowledged during an outage has the log read at once',
      { ...failing, isConnected: false },
      { kind: 'connected' },
      {
        isConnected: true,
        trust: 'unverified',
        mustVerify: true,
        readAt: Infinity,
        work: reading(resting, { askedAt: now, outage }).work,
      },
      [readAfter(3)],
    ],
    [
      'that is acknowledged while a replica lags adds no read to those that follow anyway',
      { ...lagging, isConnected: false },
      { kind: 'connected' },
      { isConnected: true, trust: 'unverified', mustVerify: true },
      [],
    ],
    [
      'that is lost is bridged by a read a second later',
      resting,
      { kind: 'lost' },
      { isConnected: false, readAt: now + 1_000 },
      [],
    ],
    [
      'that is lost leaves nothing to verify: the next one is verified itself',
      { ...resting, mustVerify: true },
      { kind: 'lost' },
      { isConnected: false, mustVerify: false, readAt: now + 1_000 },
      [],
    ],
    [
      'that is lost during a read is bridged 250 ms later: the read may have been too early',
      reading(resting),
      { kind: 'lost' },
      { isConnected: false, readAt: now + 250 },
      [],
    ],
  ]);
});

describe('an announcement', () => {
  table([
    [
      'that continues the ring is appended, and wakes the readers',
      resting,
      announced(4, 5),
      { end: positionAt(5), newestAnnounced: positionAt(5).id },
      [encode(4, 5), wake],
    ],
    [
      'of a first event gives the ring its epoch',
      { ...resting, end: emptyRing.end, newestAnnounced: null },
      announced(1),
      { end: positionAt(1), newestAnnounced: positionAt(1).id },
      [{ kind: 'reset', base: { id: beforeFirst, epoch } }, encode(1), wake],
    ],
    ['that arrives twice changes nothing', resting, announced(2, 3), {}, []],
    [
      'of which a part is known adds the other part',
      resting,
      announced(2, 4),
      { end: positionAt(4), newestAnnounced: positionAt(4).id },
      [encode(4), wake],
    ],
    [
      'after a hole waits for the log, which is read at once',
      resting,
      announced(5),
      { newestAnnounced: positionAt(5).id, pending: [announcement(5, 5)], work: begun },
      [readAfter(3, 5)],
    ],
    [
      'of another epoch waits for the log, which is read at once',
      resting,
      announced(4, 4, 'other1'),
      { newestAnnounced: positionAt(4).id, pending: [announcement(4, 4, 'other1')], work: begun },
      [readAfter(3, 4)],
    ],
    [
      'to a ring that is not verified waits for the log, which is read at once',
      unverified,
      announced(4),
      { newestAnnounced: positionAt(4).id, pending: [announcement(4, 4)], work: begun },
      [readAfter(3, 4)],
    ],
    [
      'during a read waits for it',
      reading(resting),
      announced(4),
      { newestAnnounced: positionAt(4).id, pending: [announcement(4, 4)] },
      [],
    ],
    [
      'while a replica lags waits for the next read',
      lagging,
      announced(4),
      { newestAnnounced: positionAt(4).id, pending: [announcement(4, 4)] },
      [],
    ],
    [
      'during an outage is appended where it continues the ring',
      failing,
      announced(4),
      { end: positionAt(4), newestAnnounced: positionAt(4).id },
      [encode(4), wake],
    ],
    [
      'during an outage that leaves a hole waits for the retry',
      failing,
      announced(5),
      { newestAnnounced: positionAt(5).id, pending: [announcement(5, 5)] },
      [],
    ],
    [
      'beyond a thousand that wait leaves the newest alone',
      reading({ ...resting, pending: range(1, 1_000).map(() => announcement(5, 5)) }),
      announced(6),
      { newestAnnounced: positionAt(6).id, pending: [announcement(6, 6)] },
      [],
    ],
  ]);
});

describe('a request to read', () => {
  table([
    ['begins a read', resting, requested, { work: begun }, [readAfter(3)]],
    [
      'before the ring was ever read takes the newest page',
      emptyRing,
      requested,
      { work: begun },
      [readNewest(null)],
    ],
    [
      'during a read has the log read again after it',
      reading(resting),
      requested,
      { work: reading(resting, { readAgain: 'requested' }).work },
      [],
    ],
    ['while a replica lags adds nothing', lagging, requested, {}, []],
    ['during an outage waits for the retry', failing, requested, {}, []],
    [
      'during an outage reads at once where it is urgent',
      failing,
      urgent,
      { readAt: Infinity, work: reading(resting, { askedAt: now, outage }).work },
      [readAfter(3)],
    ],
  ]);
});

describe('the time of a scheduled read', () => {
  table([
    ['begins it', bridging, { kind: 'due' }, { readAt: Infinity, work: begun }, [readAfter(3)]],
    [
      'changes nothing where the timer goes off early',
      { ...bridging, readAt: now + 1 },
      { kind: 'due' },
      {},
      [],
    ],
    [
      'during a read has the log read again after it',
      { ...reading(resting), readAt: now },
      { kind: 'due' },
      { readAt: Infinity, work: reading(resting, { readAgain: 'requested' }).work },
      [],
    ],
    [
      'of a replica that lags reads again, with the patience that is left',
      { ...lagging, readAt: now },
      { kind: 'due' },
      { readAt: Infinity, work: reading(resting, { askedAt: now, laggingSince: now - 1_000 }).work },
      [readAfter(3)],
    ],
    [
      'of a retry reads, and the outage lasts',
      { ...failing, readAt: now },
      { kind: 'due' },
      { readAt: Infinity, work: reading(resting, { askedAt: now, outage }).work },
      [readAfter(3)],
    ],
  ]);
});

describe('an answer', () => {
  const wasEmpty = reading({ ...emptyRing, isConnected: true, mustVerify: true });
  table([
    [
      'with the newest page fills the ring, wakes the readers, and has the end verified a second later',
      wasEmpty,
      newest(4, 6),
      { end: positionAt(6), trust: 'verified', mustVerify: false, work: idle },
      [{ kind: 'reset', base: positionAt(4) }, dropPages, append(5, 6), settle, askEndLater, wake],
    ],
    [
      'that the log is empty leaves the ring empty, and verified',
      wasEmpty,
      { kind: 'loaded', found: { kind: 'newest', segment: { base: emptyRing.end, entries: [] } } },
      { trust: 'verified', mustVerify: false, work: idle },
      [{ kind: 'reset', base: emptyRing.end }, dropPages, settle, askEndLater, wake],
    ],
    [
      'with all that follows is appended, and verifies the ring',
      reading({ ...unverified, newestAnnounced: null }),
      page(3, 5),
      { end: positionAt(5), trust: 'verified', work: idle },
      [append(4, 5), settle, wake],
    ],
    [
      'with the first events of a channel gives the ring its epoch',
      reading({ ...resting, end: emptyRing.end, newestAnnounced: null }),
      page(0, 2),
      { end: positionAt(2), work: idle },
      [{ kind: 'reset', base: positionAt(0) }, append(1, 2), settle, wake],
    ],
    [
      'with a newest page that ends before what was announced may be stale, too',
      reading({ ...resting, trust: 'empty', newestAnnounced: positionAt(7).id }),
      newest(4, 6),
      {
        end: positionAt(6),
        trust: 'verified',
        readAt: now + 250,
        work: { kind: 'lagging', since: now - 100, outage: null },
      },
      [{ kind: 'reset', base: positionAt(4) }, dropPages, append(5, 6), settle, wake],
    ],
    [
      'that nothing follows verifies the ring, and wakes nobody',
      reading(unverified),
      page(3, 3),
      { trust: 'verified', work: idle },
      [settle],
    ],
    [
      'with more behind it has the next page read at once',
      reading(unverified),
      page(3, 5, true),
      { end: positionAt(5), work: begun },
      [append(4, 5), readAfter(5), wake],
    ],
    [
      'to a read before the last request verifies nothing, and the log is read again',
      reading(unverified, { readAgain: 'requested' }),
      page(3, 5),
      { end: positionAt(5), work: begun },
      [append(4, 5), readAfter(5), wake],
    ],
    [
      'to a read before the acknowledgement lets readers start, verifies nothing, and the log is read again',
      reading(unverified, { readAgain: 'acknowledged' }),
      page(3, 5),
      { end: positionAt(5), work: begun },
      [append(4, 5), settle, readAfter(5), wake],
    ],
    [
      'to a read before the acknowledgement ends an outage',
      reading(unverified, { readAgain: 'acknowledged', outage }),
      page(3, 3),
      { work: begun },
      [settle, readAfter(3)],
    ],
    [
      'with more behind it, to a read before the acknowledgement, lets nobody start yet',
      reading(unverified, { readAgain: 'acknowledged' }),
      page(3, 5, true),
      { end: positionAt(5), work: begun },
      [append(4, 5), readAfter(5), wake],
    ],
    [
      'to a read before the last reset of the ring is dropped, and the log is read again',
      reading({ ...emptyRing, isConnected: true }, { isOutdated: true }),
      page(3, 5),
      { work: begun },
      [readNewest(null)],
    ],
    [
      'is continued by what was announced meanwhile; the readers are woken once',
      reading({
        ...resting,
        newestAnnounced: positionAt(7).id,
        pending: [announcement(6, 6), announcement(7, 7)],
      }),
      page(3, 5),
      { end: positionAt(7), pending: [], work: idle },
      [append(4, 5), encode(6), encode(7), settle, wake],
    ],
    [
      'that ends before what was announced may be stale: the rest waits 250 ms',
      reading({ ...resting, newestAnnounced: positionAt(7).id, pending: [announcement(7, 7)] }),
      page(3, 5),
      { end: positionAt(5), readAt: now + 250, work: { kind: 'lagging', since: now - 100, outage: null } },
      [append(4, 5), settle, wake],
    ],
    [
      'that may be stale is asked for again 250 ms later',
      reading(resting),
      stale,
      { readAt: now + 250, work: { kind: 'lagging', since: now - 100, outage: null } },
      [],
    ],
    [
      'that may be stale is asked for again for as long as patience lasts',
      reading(resting, { laggingSince: now - 5_099 }),
      stale,
      { readAt: now + 250, work: { kind: 'lagging', since: now - 5_099, outage: null } },
      [],
    ],
    [
      'that may be stale is believed after 5 s: the newest page replaces what the log does not have',
      reading({ ...resting, pending: [announcement(9, 9)] }, { laggingSince: now - 5_100 }),
      stale,
      { trust: 'empty', newestAnnounced: null, pending: [], work: begun },
      [readNewest(null)],
    ],
    [
      'with a gap has the newest page read: a ring has no room for a hole',
      reading(resting),
      { kind: 'loaded', found: loss },
      { trust: 'empty', work: begun },
      [readNewest()],
    ],
    [
      'during a break of the subscription is followed by the next bridging read a second later',
      reading({ ...resting, isConnected: false }),
      page(3, 3),
      { readAt: now + 1_000, work: idle },
      [settle],
    ],
    ['with all there is ends an outage', reading(resting, { outage }), page(3, 3), { work: idle }, [settle]],
    [
      'with a part of what there is does not end an outage',
      reading(resting, { outage }),
      page(3, 5, true),
      { end: positionAt(5), work: reading(resting, { askedAt: now, outage }).work },
      [append(4, 5), readAfter(5), wake],
    ],
  ]);
});

describe('a read that fails', () => {
  const first = { since: now, failures: 1, isReported: false };
  table([
    [
      'begins an outage; it is tried again with a growing, random pause, and who waits is told',
      reading(resting),
      failed,
      { readAt: now + 1_000, work: { kind: 'failing', outage: first } },
      [{ kind: 'settle', failure }],
    ],
    [
      'again lengthens the outage that there is; the pause is at most 5 s',
      reading(resting, { outage }),
      failed,
      { readAt: now + 5_000, work: { kind: 'failing', outage: { ...outage, failures: 5 } } },
      [{ kind: 'settle', failure }],
    ],
    [
      'with a time that the log has named is tried again after that time',
      reading(resting),
      { kind: 'failed', failure: namedFailure, random: 1 },
      { readAt: now + 61_000, work: { kind: 'failing', outage: first } },
      [{ kind: 'settle', failure: namedFailure }],
    ],
    [
      'for 30 s has the readers woken, so that they can give up',
      { ...failing, work: { kind: 'failing', outage: { ...outage, since: now - 30_000 } } },
      { kind: 'due' },
      { work: { kind: 'failing', outage: { ...outage, since: now - 30_000, isReported: true } } },
      [wake],
    ],
    [
      'for 30 s has them woken during a read, too',
      reading(resting, { outage: { ...outage, since: now - 30_000 } }),
      { kind: 'due' },
      { work: reading(resting, { outage: { ...outage, since: now - 30_000, isReported: true } }).work },
      [wake],
    ],
    [
      'for 30 s just when a retry is due has both: the retry, then the readers woken',
      { ...failing, readAt: now, work: { kind: 'failing', outage: { ...outage, since: now - 30_000 } } },
      { kind: 'due' },
      {
        readAt: Infinity,
        work: reading(resting, { askedAt: now, outage: { ...outage, since: now - 30_000, isReported: true } })
          .work,
      },
      [readAfter(3), wake],
    ],
  ]);

  test('is due again at the retry, or when the readers can give up, whichever comes first', () => {
    const since = now - 29_000;
    expect(dueAt(failing)).toBe(now + 2_000);
    expect(dueAt({ ...failing, work: { kind: 'failing', outage: { ...outage, since } } })).toBe(now + 1_000);
    expect(
      dueAt({ ...failing, work: { kind: 'failing', outage: { ...outage, since, isReported: true } } }),
    ).toBe(now + 2_000);
  });
});

describe("a report of the log's end", () => {
  table([
    ['that is the same verifies the ring', unverified, checked(3), { trust: 'verified' }, [settle]],
    ['that is another has the log read', unverified, checked(4), { work: begun }, [readAfter(3)]],
    [
      'that there is no log has the log read',
      unverified,
      { kind: 'checked', log: null },
      { work: begun },
      [readAfter(3)],
    ],
    [
      'that there is no log verifies a ring that found none',
      { ...unverified, end: emptyRing.end },
      { kind: 'checked', log: null },
      { trust: 'verified' },
      [settle],
    ],
    ['that is the same proves nothing during a read', reading(unverified), checked(3), {}, []],
    [
      'that is another during a read has the log read again after it',
      reading(unverified),
      checked(4),
      { work: reading(resting, { readAgain: 'requested' }).work },
      [],
    ],
    [
      'that is another during an outage has the log read at once: it answers again',
      failing,
      checked(4),
      { readAt: Infinity, work: reading(resting, { askedAt: now, outage }).work },
      [readAfter(3)],
    ],
  ]);
});

describe('a process that was frozen', () => {
  table([
    [
      'no longer trusts its ring, and reads the log within 700 ms',
      resting,
      { kind: 'invalidated' },
      { trust: 'unverified', readAt: now + 700 },
      [],
    ],
    [
      'has nothing to invalidate before it has read',
      emptyRing,
      { kind: 'invalidated' },
      { readAt: now + 700 },
      [],
    ],
    [
      'trusts no answer that was asked for before',
      reading(resting),
      { kind: 'invalidated' },
      { trust: 'unverified', readAt: now + 700, work: reading(resting, { readAgain: 'requested' }).work },
      [],
    ],
  ]);
});

describe('a ring that holds what the log has lost', () => {
  const disproved: RingSignal = { kind: 'disproved', resume: positionAt(1) };
  const reset: RingEffect = { kind: 'reset', base: positionAt(1) };
  table([
    [
      'is emptied, with the pages, and the newest page is read',
      resting,
      disproved,
      { end: positionAt(1), trust: 'empty', work: begun },
      [dropPages, reset, readNewest()],
    ],
    [
      'is emptied during a read, whose answer is dropped',
      reading(resting),
      disproved,
      {
        end: positionAt(1),
        trust: 'empty',
        work: reading(resting, { readAgain: 'requested', isOutdated: true }).work,
      },
      [dropPages, reset],
    ],
    [
      'is emptied while a replica lags, and read when that is due',
      lagging,
      disproved,
      { end: positionAt(1), trust: 'empty' },
      [dropPages, reset],
    ],
  ]);
});

test.each([
  ['verified', resting, true],
  ['bridged by reads', bridging, true],
  ['verified, and read again', reading(resting), true],
  ['verified, while a replica lags', lagging, true],
  ['not verified', unverified, false],
  ['never read', emptyRing, false],
  ['of a log that fails', failing, false],
  ['read after a failure', reading(resting, { outage }), false],
])('a ring that is %s can be relied on: %#', (_, state, expected) => {
  expect(isReady(state)).toBe(expected);
});

test.each([
  ['while a replica lags, for a reader behind its end', lagging, lagging.end.id.seq - 1, true],
  ['while a replica lags, but not for a reader at its end', lagging, lagging.end.id.seq, false],
  [
    'while a lagging log is read again',
    reading(resting, { laggingSince: now - 1_000 }),
    lagging.end.id.seq - 1,
    true,
  ],
  ['never while the log answers', resting, lagging.end.id.seq - 1, false],
])('a ring is in doubt %s', (_, state, seq, expected) => {
  expect(isInDoubt(state, positionAt(seq))).toBe(expected);
});
