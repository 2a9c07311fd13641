import { describe, expect, test } from 'vitest';
import { LatestFold } from '../../../lib/client/latest/latest-fold.ts';
import type { StatePage } from '../../../lib/client/latest/state-page.ts';
import { checkContinuity, type LogState } from '../../../lib/core/continuity.ts';
import { formatPosition, type Position } from '../../../lib/core/cursor.ts';
import type { FeedEvent } from '../../../lib/core/event.ts';
import {
  beforeFirst,
  compareEventIds,
  type EventId,
  formatEventId,
  parseEventId,
} from '../../../lib/core/ids.ts';
import { applyToState, isExpired } from '../../../lib/core/latest.ts';
import type { LatestPage, LogEvent } from '../../../lib/log/event-log.ts';
import { walkSeeds } from '../../support/client/walk-seeds.ts';
import { seeded } from '../../support/seeded.ts';
import { createMemoryLog, type Stored } from '../../support/server/memory-log.ts';

const channel = 'hosts';

function toEvent({ id, type, data, attributes = {} }: LogEvent): FeedEvent {
  const { subject, remove, ttlMs } = attributes;
  return {
    ...{ id: formatEventId(id), channel, type, time: id.time, data: JSON.parse(data) },
    ...(subject !== undefined && { subject }),
    ...(remove && { remove }),
    ...(ttlMs !== undefined && { expiresAt: id.time + ttlMs }),
  };
}

describe('a fold', () => {
  const at = (seq: number, epoch = 'aaaaaa'): Position => ({ id: { time: seq * 10, seq }, epoch });
  const event = (seq: number, subject: string, more: Partial<FeedEvent> = {}): FeedEvent => ({
    ...{ id: `${seq * 10}-${seq}`, channel, type: 'message', subject, time: seq * 10, data: seq },
    ...more,
  });
  const page = (position: Position, events: readonly FeedEvent[], next: string | null = null): StatePage => ({
    ...{ events, position, cursor: formatPosition(position), next, hasEnded: false },
  });
  const shows = (fold: LatestFold, now: number | null = 0) => {
    fold.show(now);
    return [...fold.shown].map(([subject, { data }]) => `${subject} ${data}`).sort();
  };
  const loaded = (...pages: readonly StatePage[]) => {
    const fold = new LatestFold();
    for (const each of pages) fold.takePage(each);
    return fold;
  };

  test('has the events of all pages, and asks for each with the cursor of the first', () => {
    const fold = loaded(page(at(9), [event(3, 'a')], '30-3'));
    expect(fold.wanted).toEqual({ next: '30-3', after: '90-9~aaaaaa' });
    expect(shows(fold)).toEqual([]);
    expect(fold.takePage(page(at(9), [event(7, 'b')]))).toBe('complete');
    expect(shows(fold)).toEqual(['a 3', 'b 7']);
  });

  test('takes what follows, and ignores what the pages have already', () => {
    const fold = loaded(page(at(9), [event(7, 'b')]));
    // `a` was removed before the cursor: its event of before must not bring it back.
    fold.follow([event(3, 'a'), event(10, 'b'), event(11, 'c')]);
    expect(shows(fold)).toEqual(['b 10', 'c 11']);
    fold.follow([event(12, 'b', { remove: true })]);
    expect(shows(fold)).toEqual(['c 11']);
  });

  test('keeps what a later page has where the feed is still before it', () => {
    const fold = loaded(page(at(9), [event(3, 'a')], '30-3'), page(at(9), [event(12, 'b')]));
    fold.follow([event(10, 'b'), event(11, 'a')]);
    expect(shows(fold)).toEqual(['a 11', 'b 12']);
  });

  test('begins with the page of a new log where the log was lost between two pages', () => {
    const fold = loaded(page(at(9), [event(3, 'a')], '30-3'));
    expect(fold.takePage(page(at(2, 'bbbbbb'), [event(2, 'z')]))).toBe('complete');
    expect(shows(fold)).toEqual(['z 2']);
  });

  test('keeps the old state after `trimmed` until the new one is there, with what came meanwhile', () => {
    const fold = loaded(page(at(9), [event(7, 'a'), event(8, 'b')]));
    fold.lose('trimmed', at(20));
    expect(shows(fold)).toEqual(['a 7', 'b 8']);
    fold.follow([event(21, 'a'), event(22, 'c'), event(23, 'a')]);
    expect(shows(fold)).toEqual(['a 23', 'b 8', 'c 22']);
    fold.takePage(page(at(22), [event(15, 'd'), event(21, 'a'), event(22, 'c')]));
    expect(shows(fold)).toEqual(['a 23', 'c 22', 'd 15']);
  });

  test('is empty after `restarted`', () => {
    const fold = loaded(page(at(9), [event(7, 'a')]));
    fold.lose('restarted', at(1, 'bbbbbb'));
    expect(shows(fold)).toEqual([]);
    fold.follow([event(2, 'b')]);
    expect(shows(fold)).toEqual(['b 2']);
  });

  test.each([
    ['before the gap, as of a replica that lags', at(19)],
    ['of a log that the feed has left, or has not reached yet', at(30, 'bbbbbb')],
  ])('refuses a state %s', (_, position) => {
    const fold = loaded(page(at(9), [event(7, 'a')]));
    fold.lose('trimmed', at(20));
    expect(fold.takePage(page(position, [event(8, 'x')]))).toBe('stale');
    expect(fold.wanted).toEqual({ next: '', after: null });
    expect(shows(fold)).toEqual(['a 7']);
  });

  test('notices that the log has lost the end of the state before the feed came there', () => {
    const fold = loaded(page(at(9), [event(7, 'a'), event(9, 'b')]));
    expect(fold.follow([event(8, 'c')])).toBe(true);
    expect(fold.follow([event(9, 'd', { id: '95-9', time: 95 })])).toBe(false);
    const ahead = loaded(page(at(9), [event(3, 'a')], '30-3'), page(at(9), [event(12, 'b')]));
    expect(ahead.follow([event(10, 'c'), event(11, 'c')])).toBe(true);
    expect(ahead.follow([event(12, 'd', { id: '125-12', time: 125 })])).toBe(false);
  });

  test('refuses pages that lead nowhere', () => {
    const fold = loaded(page(at(9), [event(3, 'a')], '30-3'));
    expect(fold.takePage(page(at(9), [event(3, 'a')], '30-3'))).toBe('stale');
  });

  test('leaves out what has expired, at the moment when it does, and brings back no older event', () => {
    const fold = loaded(page(at(9), [event(7, 'a', { expiresAt: 500 }), event(8, 'b')]));
    expect(shows(fold, 499)).toEqual(['a 7', 'b 8']);
    expect(fold.expiresAt).toBe(500);
    expect(shows(fold, 500)).toEqual(['b 8']);
    expect(fold.expiresAt).toBeNull();
    fold.follow([event(10, 'a')]);
    expect(shows(fold, 501)).toEqual(['a 10', 'b 8']);
  });

  test('lets nothing expire where nobody knows the time', () => {
    expect(shows(loaded(page(at(9), [event(7, 'a', { expiresAt: 1 })])), null)).toEqual(['a 7']);
  });

  test('shows the same map, and the same events, while nothing changes', () => {
    const fold = loaded(page(at(9), [event(7, 'a'), event(8, 'b')]));
    fold.show(0);
    const { shown } = fold;
    const { subject: _, ...plain } = event(11, 'x');
    fold.follow([event(10, 'c', { remove: true }), plain]);
    fold.lose('trimmed', at(11));
    fold.takePage(page(at(12), [event(7, 'a'), event(8, 'b')]));
    fold.show(0);
    expect(fold.shown).toBe(shown);
    fold.follow([event(13, 'b')]);
    fold.show(0);
    expect(fold.shown).not.toBe(shown);
    expect(fold.shown.get('a')).toBe(shown.get('a'));
  });
});

/*
 * A seeded walk: events about few subjects, removals and times to live; a log that is trimmed, lost and forked; pages of the state
 * that are read while all this goes on, also from a replica that lags. Whenever no page is being read and the feed has reached
 * what the pages had, the map is the fold of the log up to where the feed is.
 */
let compared = 0;

async function walk(seed: number) {
  const random = seeded(seed);
  let now = 1_000;
  const log = createMemoryLog({ now: () => now, random: random.next });
  const fold = new LatestFold();
  let mustLoad = true;
  let hasBegun = false;
  let isLagging = false;
  let isForked = false;
  /** Where the feed is, and where the log was when the last page was read: the pages are true from there on. */
  let position: Position = { id: beforeFirst, epoch: null };
  let reached: EventId = beforeFirst;

  async function publish() {
    const subject = random.pick(['a', 'b', 'c', 'd', 'e', 'f']);
    const attributes = random.pick([
      { subject },
      { subject },
      { subject, remove: true as const },
      { subject, ttlMs: random.pick([1, 50, 400]) },
    ]);
    const plain = { channel, type: 'message', data: String(random.whole(0, 999)) };
    await log.append({ events: [random.chance(0.2) ? plain : { ...plain, attributes }], key: null });
  }

  function disturb() {
    const dice = random.next();
    // What was lost and then trimmed too is lost for good: nobody can notice it.
    if (dice < 0.5 && !isForked) log.trim(channel, 1 + random.below(3));
    else if (dice < 0.6) log.empty(channel);
    // A removal that only a later page has seen leaves no id: if the log loses it again, nobody can notice it.
    else if (dice < 0.7 && compareEventIds(position.id, reached) >= 0) {
      log.loseEnd(channel, 1 + random.below(3));
      // No id names two events.
      now += 1;
      isForked = true;
    } else if (isLagging) {
      log.catchUp();
      isLagging = false;
    } else {
      log.lag();
      isLagging = true;
    }
  }

  /** Reads the next page as a server does, which waits for a replica that is behind the first page. */
  async function loadPage() {
    const { next, after } = fold.wanted;
    const first = await log.latest(channel, 0, 2);
    const end = endOf(first.state);
    const isOn = after?.endsWith(`~${end.epoch}`) === true;
    if (!isOn || next === '') return take({ ...first, cursor: formatPosition(end), position: end });
    const position = { ...end, id: parseEventId(after.split('~')[0] ?? '', 'after') };
    if (compareEventIds(end.id, position.id) < 0) return;
    const page = await log.latest(channel, parseEventId(next, 'next').seq, 2);
    take({ ...page, cursor: after, position });
  }

  function take({
    state,
    events,
    more,
    cursor,
    position: at,
  }: LatestPage & Pick<StatePage, 'cursor' | 'position'>) {
    if (fold.wanted.after !== cursor) reached = at.id;
    reached = later(reached, endOf(state).id);
    const found = events.map(toEvent);
    const next = more ? (found.at(-1)?.id ?? null) : null;
    const taken = fold.takePage({ events: found, cursor, position: at, next, hasEnded: false });
    if (taken !== 'complete') return;
    mustLoad = false;
    if (!hasBegun) position = at;
    hasBegun = true;
  }

  /** The feed reads on. It never goes back to what a replica has. */
  async function follow() {
    if (!hasBegun) return;
    const { state, events } = await log.read(
      channel,
      { kind: 'after', id: position.id },
      1 + random.below(4),
    );
    const isOther = state !== null && position.epoch !== null && position.epoch !== state.epoch;
    const found = isOther ? (await log.read(channel, { kind: 'after', id: beforeFirst }, 1)).events : events;
    const verdict = checkContinuity({ position, state, next: found[0]?.id ?? null });
    if (verdict.kind === 'stale' && isLagging) return;
    if (verdict.kind !== 'continue') {
      const loss = verdict.kind === 'gap' ? verdict : verdict.otherwise;
      position = loss.resume;
      reached = beforeFirst;
      isForked = false;
      fold.lose(loss.reason, position);
      mustLoad = true;
      return;
    }
    if (state === null || found.length === 0) return;
    const isOne = fold.follow(found.map(toEvent));
    position = { id: found.at(-1)?.id ?? position.id, epoch: state.epoch };
    if (isOne) return;
    fold.lose('trimmed', position);
    mustLoad = true;
  }

  function check() {
    fold.show(now);
    if (mustLoad || compareEventIds(position.id, reached) < 0) return;
    const isThere = (event: Stored) =>
      event.epoch === position.epoch && formatEventId(event.id) === formatEventId(position.id);
    const chain: Stored[] = [];
    for (let each = log.stored.findLast(isThere) ?? null; each !== null; each = each.parent) chain.push(each);
    if (chain.length === 0) return;
    const model = new Map<string, FeedEvent>();
    for (const each of chain.reverse()) applyToState(model, toEvent(each));
    for (const [subject, event] of model) if (isExpired(event, now)) model.delete(subject);
    expect(Object.fromEntries(fold.shown), `seed ${seed} at ${formatPosition(position)}`).toEqual(
      Object.fromEntries(model),
    );
    compared += 1;
  }

  for (let step = 0; step < 700; step += 1) {
    const dice = random.next();
    if (dice < 0.4) await publish();
    else if (dice < 0.45) disturb();
    else if (dice < 0.65 && mustLoad) await loadPage();
    else if (dice < 0.9) await follow();
    else now += random.pick([1, 10, 100]);
    check();
  }
  log.catchUp();
  for (let rounds = 0; rounds < 500; rounds += 1) {
    if (mustLoad) await loadPage();
    await follow();
  }
  fold.show(now);
  const { events } = await log.latest(channel, 0, 500);
  const rest = Object.fromEntries(events.map((each) => [each.attributes?.subject, toEvent(each)]));
  expect(Object.fromEntries(fold.shown)).toEqual(rest);
}

function endOf(state: LogState): Position {
  return state === null ? { id: beforeFirst, epoch: null } : { id: state.last, epoch: state.epoch };
}

function later(a: EventId, b: EventId): EventId {
  return compareEventIds(a, b) > 0 ? a : b;
}

test.each(walkSeeds(Array.from({ length: 20 }, (_, index) => 31 + index * 17)))(
  'whatever happens to the log, the map is the fold of the log up to where the feed is (seed %i)',
  walk,
);

test('the walks compared the map with the fold more than 3,000 times', () => {
  expect(compared).toBeGreaterThan(3_000);
});
