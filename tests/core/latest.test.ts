import { describe, expect, test } from 'vitest';
import type { FeedEvent } from '../../lib/core/event.ts';
import { applyToState, isExpired } from '../../lib/core/latest.ts';
import { seeded, seeds } from '../support/seeded.ts';

type Attributes = Pick<FeedEvent, 'subject' | 'remove' | 'expiresAt'>;

const event = (seq: number, attributes: Attributes = {}): FeedEvent => ({
  id: `${1_000 + seq}-${seq}`,
  channel: 'hosts',
  type: 'machine',
  time: 1_000 + seq,
  data: seq,
  ...attributes,
});

const fold = (...events: readonly FeedEvent[]) => {
  const state = new Map<string, FeedEvent>();
  for (const each of events) applyToState(state, each);
  return state;
};

const seqs = (state: ReadonlyMap<string, FeedEvent>) =>
  Object.fromEntries([...state].map(([subject, { data }]) => [subject, data]));

describe('the state of a channel', () => {
  test('has the latest event of each subject, and no event without one', () => {
    const state = fold(
      event(1, { subject: 'a' }),
      event(2),
      event(3, { subject: 'b' }),
      event(4, { subject: 'a' }),
    );

    expect(seqs(state)).toEqual({ a: 4, b: 3 });
  });

  test('loses a subject with an event that removes it, and gets it back with the next one', () => {
    const before = [event(1, { subject: 'a' }), event(2, { subject: 'a', remove: true })];

    expect(fold(...before).size).toBe(0);
    expect(seqs(fold(...before, event(3, { subject: 'a' })))).toEqual({ a: 3 });
  });

  test.each([
    ['the same event again', event(5, { subject: 'a' })],
    ['an older event', event(4, { subject: 'a' })],
    ['an older removal', event(4, { subject: 'a', remove: true })],
    ['the removal of a subject that it does not have', event(9, { subject: 'b', remove: true })],
    ['an event without a subject', event(9)],
  ])('is not changed by %s', (_, applied) => {
    const state = fold(event(5, { subject: 'a' }));

    expect(applyToState(state, applied)).toBe(false);
    expect(seqs(state)).toEqual({ a: 5 });
  });

  test('is changed by a newer event and by a removal', () => {
    const state = fold(event(5, { subject: 'a' }));

    expect(applyToState(state, event(6, { subject: 'a' }))).toBe(true);
    expect(applyToState(state, event(7, { subject: 'a', remove: true }))).toBe(true);
  });

  test('compares ids as numbers: by time first, then by seq', () => {
    const at = (id: string, data: number) => ({ ...event(0, { subject: 'a' }), id, data });

    expect(seqs(fold(at('9-9', 1), at('10-10', 2)))).toEqual({ a: 2 });
    expect(seqs(fold(at('10-9', 1), at('10-10', 2)))).toEqual({ a: 2 });
  });

  test('takes a subject that is called like a member of every object as any other', () => {
    expect(seqs(fold(event(1, { subject: 'constructor' }), event(2, { subject: 'toString' })))).toEqual({
      constructor: 1,
      toString: 2,
    });
  });

  test.each(seeds(50))(
    'read in part, and then all that follows, is the state of all events (seed %i)',
    (seed) => {
      const random = seeded(seed);
      const events = Array.from({ length: random.whole(1, 60) }, (_, index) => {
        const subject = random.pick(['a', 'b', 'c', 'd']);
        if (random.chance(0.2)) return event(index + 1);
        return event(index + 1, random.chance(0.3) ? { subject, remove: true } : { subject });
      });
      const cut = random.below(events.length + 1);
      const page = [...fold(...events.slice(0, cut)).values()];
      // A reader may get events twice: those that the page has already.
      const overlap = random.below(cut + 1);

      expect(seqs(fold(...page, ...events.slice(cut - overlap)))).toEqual(seqs(fold(...events)));
    },
  );
});

describe('an event', () => {
  test('counts until it expires, and no longer from that moment on', () => {
    const short = event(1, { subject: 'a', expiresAt: 5_000 });

    expect(isExpired(short, 4_999)).toBe(false);
    expect(isExpired(short, 5_000)).toBe(true);
  });

  test('without an end of its life never expires', () => {
    expect(isExpired(event(1, { subject: 'a' }), Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('that has expired keeps an older one of its subject away', () => {
    const state = fold(event(1, { subject: 'a' }), event(2, { subject: 'a', expiresAt: 1_100 }));

    expect([...state.values()].filter((each) => !isExpired(each, 2_000))).toEqual([]);
  });
});
