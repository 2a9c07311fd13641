import { describe, expect, test } from 'vitest';
import { timersOf } from '../../../lib/client/connection/state.ts';
import { cursorAt, eventItem } from '../../support/client/feed-items.ts';
import { pollingReader } from '../../support/client/reader.ts';

/** Polls that something outside starts, as SWR does in React. The next one is due in 2 s. */
function drivenReader() {
  const it = pollingReader({ hasPollDriver: true });
  it.happens('pollDue');
  it.isPolled([], '30-3~aaaaaa');
  return it;
}

/** What another feed read 100 ms ago: the event `seq`, after the cursor `after`. */
function sharedPoll(it: ReturnType<typeof pollingReader>, after: string, seq: number) {
  const advice = { everyMs: 2_000, waitSeconds: 0 };
  const page = {
    items: [eventItem(seq)],
    cursor: cursorAt(`${seq * 10}-${seq}~aaaaaa`),
    more: false,
    advice,
  };
  const result = { kind: 'polled', poll: 99, page } as const;
  const shared = { after, restMs: 0, startedAt: it.now - 100, finishedAt: it.now, result };
  return { kind: 'pollShared', shared } as const;
}

describe('a connection whose polls are driven from outside', () => {
  test('starts no poll by itself, and sets no timer for one', () => {
    const it = pollingReader({ hasPollDriver: true });
    it.passes(5_000);
    expect(it.state.poll).toBeNull();
    expect(timersOf(it.state).map(({ name }) => name)).not.toContain('poll');
  });

  test('starts a poll when it is asked for one that is due, and only then', () => {
    const it = drivenReader();
    it.happens('pollDue');
    expect(it.state.poll).toBeNull();
    it.passes(2_000);
    it.happens('pollDue');
    expect(it.state.poll).not.toBeNull();
  });
});

describe('what another feed has polled', () => {
  test('counts like an own poll from the same cursor, so that both are due again at the same time', () => {
    const it = drivenReader();
    it.passes(500);
    it.tell(sharedPoll(it, '30-3~aaaaaa', 4));
    expect(it.accepted).toEqual(['40-4']);
    expect((it.state.pollAt ?? 0) - it.now).toBe(1_900);
  });

  test.each([
    ['a cursor ahead, which would look like a loss', '40-4~aaaaaa', 5],
    ['a cursor behind', '20-2~aaaaaa', 3],
  ])('is ignored when it comes from %s', (_where, after, seq) => {
    const it = drivenReader();
    const before = it.state;
    it.tell(sharedPoll(it, after, seq));
    expect(it.state).toEqual(before);
  });

  test('is ignored while an own poll is in flight', () => {
    const it = pollingReader({ hasPollDriver: true });
    it.happens('pollDue');
    it.tell(sharedPoll(it, '30-3~aaaaaa', 4));
    expect(it.accepted).toEqual([]);
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
  });

  test('is ignored once the feed streams', () => {
    const it = drivenReader();
    it.happens('online');
    it.goesLive();
    it.tell(sharedPoll(it, '30-3~aaaaaa', 4));
    expect(it.accepted).toEqual([]);
  });
});
