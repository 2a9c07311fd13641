import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import { createFeedStore, eventEntry, gapEntry } from '../../lib/client/feed-store.ts';
import type { Gap } from '../../lib/core/continuity.ts';
import type { FeedEvent } from '../../lib/core/event.ts';

function event(seq: number, channel = 'feed', time = seq * 10): FeedEvent {
  return { id: `${time}-${seq}`, channel, type: 'message', time, data: seq };
}
const entry = (seq: number, channel?: string, time?: number) => eventEntry(event(seq, channel, time));
const gap = (more: Partial<Gap> = {}): FeedEntry =>
  gapEntry({
    channel: 'feed',
    reason: 'trimmed',
    missed: 1,
    exact: true,
    after: '20-2',
    resumesAt: '40-4',
    ...more,
  });

function storeOf(entries: readonly FeedEntry[], limit = 1_000) {
  const store = createFeedStore(limit);
  store.add(entries);
  return store;
}
const keys = (store: ReturnType<typeof storeOf>) => store.view().entries.map(({ key }) => key);

/** Collects garbage now. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

describe('the store of a feed', () => {
  test('lets go of the events that it has dropped, so that its memory does not grow past the limit', async () => {
    const store = createFeedStore(1_000);
    const events: WeakRef<FeedEvent>[] = [];
    for (let seq = 1; seq <= 1_900; seq += 1) {
      const added = event(seq);
      events.push(new WeakRef(added));
      store.add([eventEntry(added)]);
    }
    // A weak reference holds its event until this turn is over.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const held = events.filter((each) => each.deref() !== undefined).length;
    expect(held).toBeGreaterThanOrEqual(1_000);
    expect(held).toBeLessThan(1_060);
    expect(store.dropped()).toBe(900);
  });

  test('returns the same view while nothing changes', () => {
    const store = storeOf([entry(1)]);
    const view = store.view();
    store.add([]);
    store.add([entry(1)]);
    expect(store.view()).toBe(view);
    store.add([entry(2)]);
    expect(store.view()).not.toBe(view);
    expect(view.events).toHaveLength(1);
  });

  test('holds an event once, however often it is added', () => {
    const store = storeOf([entry(1), entry(2), entry(1), entry(2), entry(3)]);
    expect(keys(store)).toEqual(['feed@10-1', 'feed@20-2', 'feed@30-3']);
  });

  test('keeps a gap in its place', () => {
    const store = storeOf([entry(1), entry(2), gap(), entry(4)]);
    expect(keys(store)).toEqual(['feed@10-1', 'feed@20-2', 'feed@20-2>40-4', 'feed@40-4']);
    expect(store.view().gaps).toHaveLength(1);
  });

  test('begins again after a restart, whose ids may be older', () => {
    const store = storeOf([
      entry(5),
      gap({ reason: 'restarted', missed: null, resumesAt: '15-1' }),
      entry(1, 'feed', 15),
    ]);
    expect(keys(store)).toEqual(['feed@50-5', 'feed@20-2>15-1', 'feed@15-1']);
  });

  test('names the newest event, whichever channel it is of', () => {
    const store = storeOf([]);
    expect(store.view().newest).toBeNull();
    store.add([entry(2, 'a', 30), entry(1, 'b', 20)]);
    expect(store.view().newest).toMatchObject({ channel: 'a' });
    store.add([entry(2, 'b', 40), gap()]);
    expect(store.view().newest).toMatchObject({ channel: 'b', id: '40-2' });
  });

  test('keeps the newest up to its limit', () => {
    const store = storeOf([], 3);
    for (let seq = 1; seq <= 50; seq += 1) store.add([entry(seq)]);
    expect(store.view().events.map(({ data }) => data)).toEqual([48, 49, 50]);
  });

  test('orders channels among each other by time, and each channel in the order of its events', () => {
    const store = storeOf([
      entry(1, 'a', 10),
      entry(2, 'a', 30),
      entry(1, 'b', 20),
      entry(2, 'b', 40),
      entry(3, 'a', 35),
    ]);
    expect(keys(store)).toEqual(['a@10-1', 'b@20-1', 'a@30-2', 'a@35-3', 'b@40-2']);
  });

  test('puts older pages in front, each event once, beyond its limit', () => {
    const store = storeOf([entry(8), entry(9)], 2);
    expect(store.prepend('feed', { time: 80, seq: 8 }, [event(7), event(6), event(8)], true)).toBe(2);
    store.add([entry(10)]);
    expect(store.view().events.map(({ data }) => data)).toEqual([7, 8, 9, 10]);
  });

  test('takes no older page when its oldest event was dropped meanwhile: events would be missing between', () => {
    const store = storeOf([entry(8), entry(9)], 2);
    const before = store.oldest('feed');
    store.add([entry(10)]);
    if (before === 'gone') throw new Error('nothing was restarted');
    expect(store.prepend('feed', before, [event(6), event(7)], true)).toBe(0);
    expect(store.view().events.map(({ data }) => data)).toEqual([9, 10]);
  });

  test('counts the entries that its limit has dropped', () => {
    const store = storeOf([entry(1), entry(2)], 2);
    expect(store.dropped()).toBe(0);
    store.add([entry(3)]);
    expect(store.dropped()).toBe(1);
    store.add([entry(4), entry(5), entry(6)]);
    expect(store.dropped()).toBe(4);
  });

  test('an older page of one channel is mixed with another by time', () => {
    const store = storeOf([entry(5, 'a', 50), entry(5, 'b', 55)]);
    store.prepend('b', { time: 55, seq: 5 }, [event(3, 'b', 30), event(4, 'b', 52)], true);
    expect(keys(store)).toEqual(['b@30-3', 'a@50-5', 'b@52-4', 'b@55-5']);
  });

  test('knows where history ends: at the oldest event held, or at a restart', () => {
    expect(storeOf([]).oldest('feed')).toBe('none');
    expect(storeOf([entry(4), entry(5)]).oldest('feed')).toEqual({ time: 40, seq: 4 });
    expect(storeOf([entry(4), gap({ reason: 'restarted' }), entry(1, 'feed', 60)]).oldest('feed')).toBe(
      'gone',
    );
  });

  test('ten thousand appends one by one, with a view of each hundredth, take under a second', () => {
    const store = createFeedStore(1_000);
    const begun = performance.now();
    for (let seq = 1; seq <= 10_000; seq += 1) {
      store.add([entry(seq)]);
      if (seq % 100 === 0) store.view();
    }
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
