import { describe, expect, test } from 'vitest';
import {
  accept,
  acceptHello,
  acceptSegment,
  hasReached,
  isBehind,
  type ReaderPositions,
  readerAt,
  type SourcePositions,
  writeCursor,
} from '../../../lib/client/connection/sequencer.ts';
import type { FeedItem } from '../../../lib/client/transport/messages.ts';
import { parseCursor } from '../../../lib/core/cursor.ts';
import { parseEventId } from '../../../lib/core/ids.ts';
import { cursorAt, eventItem, gapItem, restartAt } from '../../support/client/feed-items.ts';

const channels = ['feed'];

/** A reader of the channel `feed` at `after`. */
const at = (after: string, isFiltered = false) => readerAt(cursorAt(after), { channels, isFiltered });

/** A reader of `feed` that knows no position yet. */
const newReader = (isFiltered = false) => readerAt(new Map(), { channels, isFiltered });

/** What was accepted: ids of events, and gaps. */
const idsOf = (items: readonly FeedItem[]) =>
  items.map((item) => (item.kind === 'event' ? item.event.id : `gap ${item.gap.reason}`));

const events = (...seqs: readonly number[]) => seqs.map((seq) => eventItem(seq));

/** Several sources of one reader. Each begins where the reader is when it first sends something. */
function sourcesOf(first: ReaderPositions) {
  let reader = first;
  const sources = new Map<string, SourcePositions>();
  const accepted: FeedItem[] = [];
  return {
    accepted: () => idsOf(accepted),
    items: () => accepted,
    reader: () => reader,
    begins: (name: string) => void sources.set(name, reader.positions),
    /** A source sends items, and claims the cursor after the last one. @returns whether the update was complete. */
    sends(name: string, items: readonly FeedItem[], cursor?: string): boolean {
      const last = items.at(-1)?.position;
      const claim =
        cursor === undefined && last !== undefined ? new Map([['feed', last]]) : cursorAt(cursor ?? '');
      const applied = accept(reader, sources.get(name) ?? reader.positions, items, claim);
      reader = applied.reader;
      sources.set(name, applied.source);
      accepted.push(...applied.accepted);
      return applied.isComplete;
    },
  };
}

/** A reader whose two sources both begin at event 3. */
function twoSources(isFiltered = false) {
  const it = sourcesOf(at('30-3~aaaaaa', isFiltered));
  for (const name of ['old', 'new']) it.begins(name);
  return it;
}

describe('an event', () => {
  test('that continues from the reader is accepted, and moves the reader and the source', () => {
    const reader = at('30-3~aaaaaa');
    const applied = accept(reader, reader.positions, events(4), cursorAt('40-4~aaaaaa'));
    expect([idsOf(applied.accepted), applied.isComplete]).toEqual([['40-4'], true]);
    expect(writeCursor(applied.reader)).toBe('40-4~aaaaaa');
    expect(hasReached(applied.source, applied.reader.positions)).toBe(true);
  });

  test('that the reader has is accepted no second time, and moves the source alone', () => {
    const reader = at('50-5~aaaaaa');
    const source = at('30-3~aaaaaa').positions;
    const applied = accept(reader, source, events(4), cursorAt('40-4~aaaaaa'));
    expect(applied).toMatchObject({ accepted: [], isComplete: true });
    expect(applied.source.get('feed')?.position.id.seq).toBe(4);
  });

  test('begins the history of a reader without a position', () => {
    const applied = accept(newReader(), new Map(), events(4), cursorAt('40-4~aaaaaa'));
    expect([idsOf(applied.accepted), writeCursor(applied.reader)]).toEqual([['40-4'], '40-4~aaaaaa']);
  });

  test('of two sources is accepted once and in order, in whatever order they send', () => {
    for (let order = 0; order < 2 ** 8; order += 1) {
      const it = twoSources();
      const left = new Map(['old', 'new'].map((name) => [name, [4, 5, 6, 7]]));
      for (let bit = 0; bit < 8; bit += 1) {
        const name = (order >> bit) & 1 ? 'old' : 'new';
        const seq = left.get(name)?.shift();
        if (seq !== undefined) it.sends(name, events(seq));
      }
      it.sends('new', events(4, 5, 6, 7));
      expect(it.accepted(), `order ${order.toString(2)}`).toEqual(['40-4', '50-5', '60-6', '70-7']);
    }
  });
});

describe('a discontinuity', () => {
  test('is an event that skips a number: what comes before it is accepted, and the reader stays there', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    expect(it.sends('a', events(4, 6))).toBe(false);
    expect([it.accepted(), writeCursor(it.reader()), it.reader().discontinuities]).toEqual([
      ['40-4'],
      '40-4~aaaaaa',
      1,
    ]);
  });

  test('is a cursor beyond the events that were sent', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    expect(it.sends('a', events(4), '60-6~aaaaaa')).toBe(false);
    expect([it.accepted(), it.reader().discontinuities]).toEqual([['40-4'], 1]);
  });

  test('that two reads of the log do not fill becomes a gap with the number missing, and the event follows', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    const isComplete = ['first', 'second', 'third'].map((name) => it.sends(name, events(6)));
    expect(isComplete).toEqual([false, false, true]);
    expect(it.accepted()).toEqual(['gap trimmed', '60-6']);
    expect(it.items()[0]).toMatchObject({ gap: { missed: 2, after: '30-3', resumesAt: '60-6' } });
  });

  test('at another position is read again twice too', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    for (const name of ['first', 'second']) it.sends(name, events(6));
    it.sends('third', events(4, 6));
    it.sends('fourth', events(6));
    expect(it.accepted()).toEqual(['40-4']);
    it.sends('fifth', events(6));
    expect(it.accepted()).toEqual(['40-4', 'gap trimmed', '60-6']);
  });

  test('in a cursor becomes a gap up to there', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    for (const name of ['first', 'second', 'third']) it.sends(name, [], '60-6~aaaaaa');
    expect(it.items()).toMatchObject([{ kind: 'gap', gap: { missed: 3, resumesAt: null } }]);
    expect(writeCursor(it.reader())).toBe('60-6~aaaaaa');
  });

  test('between epochs becomes a gap that says "restarted"', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    for (const name of ['first', 'second', 'third']) it.sends(name, [eventItem(1, 'bbbbbb')]);
    expect(it.accepted()).toEqual(['gap restarted', '10-1']);
  });

  test('in one channel leaves the cursor of the next channels as it is', () => {
    const both = ['a', 'b'];
    const reader = readerAt(parseCursor('a@10-1~aaaaaa,b@10-1~aaaaaa', both, 'cursor'), {
      channels: both,
      isFiltered: false,
    });
    const claim = parseCursor('a@30-3~aaaaaa,b@10-1~aaaaaa', both, 'cursor');
    expect(accept(reader, reader.positions, [], claim).isComplete).toBe(false);
  });
});

describe('with a type filter', () => {
  test('numbers may jump, and a cursor moves the reader', () => {
    const it = sourcesOf(at('30-3~aaaaaa', true));
    expect(it.sends('a', events(7), '90-9~aaaaaa')).toBe(true);
    expect([it.accepted(), writeCursor(it.reader())]).toEqual([['70-7'], '90-9~aaaaaa']);
  });

  test('another epoch without a gap is a discontinuity all the same', () => {
    const it = sourcesOf(at('30-3~aaaaaa', true));
    expect(it.sends('a', [eventItem(7, 'bbbbbb')])).toBe(false);
  });
});

describe('a hello', () => {
  test('lets a reader without a position begin where the log is', () => {
    const { reader, isComplete } = acceptHello(newReader(), new Map(), cursorAt('30-3~aaaaaa'));
    expect([writeCursor(reader), isComplete]).toEqual(['30-3~aaaaaa', true]);
  });

  test('of a stream that was opened with a cursor moves nothing, for a gap may follow', () => {
    const reader = at('30-3~aaaaaa');
    const applied = acceptHello(reader, reader.positions, cursorAt('0-0~bbbbbb'));
    expect(applied).toMatchObject({ accepted: [], isComplete: true });
    expect(applied.reader).toBe(reader);
  });

  test('of a stream that was opened with a cursor may name a later position where there is a filter', () => {
    const reader = at('30-3~aaaaaa', true);
    expect(acceptHello(reader, reader.positions, cursorAt('50-5~aaaaaa')).isComplete).toBe(true);
  });

  test.each([false, true])(
    'of a stream that was opened without a cursor cannot be beyond the reader (with a filter: %s)',
    (isFiltered) => {
      const reader = at('30-3~aaaaaa', isFiltered);
      const applied = acceptHello(reader, new Map(), cursorAt('50-5~aaaaaa'));
      expect([applied.isComplete, writeCursor(applied.reader)]).toEqual([false, '30-3~aaaaaa']);
    },
  );

  test('beyond the reader is no discontinuity of the log: the stream began elsewhere', () => {
    const reader = at('30-3~aaaaaa');
    expect(acceptHello(reader, new Map(), cursorAt('50-5~aaaaaa')).reader.discontinuities).toBe(0);
  });

  test('behind the reader lets the source catch up', () => {
    const applied = acceptHello(at('30-3~aaaaaa'), new Map(), cursorAt('20-2~aaaaaa'));
    expect([applied.isComplete, applied.source.get('feed')?.position.id.seq]).toEqual([true, 2]);
  });
});

describe('a gap', () => {
  test('that says "restarted" lets the reader continue in the next epoch', () => {
    const it = sourcesOf(at('30-3~aaaaaa'));
    it.sends('a', [restartAt('0-0~bbbbbb'), eventItem(1, 'bbbbbb')]);
    expect([it.accepted(), writeCursor(it.reader())]).toEqual([['gap restarted', '10-1'], '10-1~bbbbbb']);
  });

  test('that two sources report is accepted once', () => {
    const it = twoSources();
    const items = [restartAt('0-0~bbbbbb'), eventItem(1, 'bbbbbb')];
    it.sends('old', items);
    expect(it.sends('new', [...items, eventItem(2, 'bbbbbb')])).toBe(true);
    expect(it.accepted()).toEqual(['gap restarted', '10-1', '20-2']);
  });

  test('of a source that is late by two restarts does not bring the first one back', () => {
    const it = twoSources();
    const items = [restartAt('0-0~bbbbbb'), restartAt('0-0~cccccc'), eventItem(1, 'cccccc')];
    it.sends('old', items);
    it.sends('new', [...items, eventItem(2, 'cccccc')]);
    expect(it.accepted()).toEqual(['gap restarted', 'gap restarted', '10-1', '20-2']);
  });

  test('as the last item says where the source is in its channel, whatever its cursor claims', () => {
    const it = twoSources();
    it.sends('old', [restartAt('0-0~bbbbbb'), restartAt('0-0~cccccc')]);
    // The new source is late by one restart: its cursor names the epoch that it has yet to reach.
    expect(it.sends('new', [restartAt('0-0~bbbbbb')], '0-0~cccccc')).toBe(true);
    expect(it.reader().discontinuities).toBe(0);
  });

  test('for trimmed events that another source brought in part names the rest only', () => {
    const it = twoSources();
    it.sends('old', events(4, 5));
    it.sends('new', [gapItem({ missed: 6, after: '30-3', resumesAt: '100-10' }, '100-9~aaaaaa')]);
    expect(it.items().at(-1)).toMatchObject({ kind: 'gap', gap: { missed: 4, after: '50-5' } });
  });

  test('for trimmed events of an epoch that the reader has left is not accepted', () => {
    const it = twoSources();
    it.sends('new', [restartAt('0-0~bbbbbb')]);
    const trimmed = gapItem({ missed: 2, after: '30-3', resumesAt: '60-6' }, '60-5~aaaaaa');
    expect(it.sends('old', [trimmed])).toBe(true);
    expect(it.accepted()).toEqual(['gap restarted']);
  });

  test('for trimmed events that another source brought in full is not accepted', () => {
    const it = twoSources();
    it.sends('old', events(4, 5));
    // The position after the gap has the time of event 6, and the number of event 5.
    it.sends('new', [gapItem({ missed: 2, after: '30-3', resumesAt: '60-6' }, '60-5~aaaaaa'), eventItem(6)]);
    expect([it.accepted(), it.reader().discontinuities]).toEqual([['40-4', '50-5', '60-6'], 0]);
  });
});

describe('a source in an epoch that the reader has left', () => {
  test('is late: its events are not accepted, and nothing is missing', () => {
    const it = twoSources();
    it.sends('new', [restartAt('0-0~bbbbbb')]);
    expect(it.sends('old', events(4))).toBe(false);
    expect([it.accepted(), it.reader().discontinuities]).toEqual([['gap restarted'], 0]);
  });

  test('is late with its cursor too', () => {
    const it = twoSources(true);
    it.sends('new', [restartAt('20-2~aaaaaa')]);
    expect(it.sends('old', [], '40-4~aaaaaa')).toBe(false);
    expect(writeCursor(it.reader())).toBe('20-2~aaaaaa');
  });
});

test('a reader without an epoch learns it from a cursor at its position', () => {
  const it = sourcesOf(at('0-0'));
  it.sends('a', [], '0-0~aaaaaa');
  expect(writeCursor(it.reader())).toBe('0-0~aaaaaa');
});

describe('an update', () => {
  test('that changes nothing returns the same reader', () => {
    const reader = at('30-3~aaaaaa');
    const applied = accept(reader, reader.positions, events(2, 3), cursorAt('30-3~aaaaaa'));
    expect(applied.reader).toBe(reader);
  });

  test('does not change the reader and the source that it was given', () => {
    const reader = at('30-3~aaaaaa');
    accept(reader, reader.positions, events(4), cursorAt('40-4~aaaaaa'));
    expect(writeCursor(reader)).toBe('30-3~aaaaaa');
  });

  test('of 500 events copies the positions once', () => {
    let copies = 0;
    class CountedMap<K, V> extends Map<K, V> {
      override [Symbol.iterator]() {
        copies += 1;
        return super[Symbol.iterator]();
      }
    }
    const reader = at('30-3~aaaaaa');
    const counted = { ...reader, positions: new CountedMap(reader.positions) };
    copies = 0;
    const items = Array.from({ length: 500 }, (_, index) => eventItem(index + 4));
    const applied = accept(counted, reader.positions, items, cursorAt('5030-503~aaaaaa'));
    expect([applied.accepted.length, applied.isComplete, copies]).toEqual([500, true, 1]);
  });
});

describe('a segment from another tab', () => {
  /** The events with these numbers, from where the tab was to where it is. */
  function segment(reader: ReaderPositions, from: string, seqs: readonly number[], cursor: string) {
    const items = events(...seqs);
    const applied = acceptSegment(reader, { from: cursorAt(from), items, cursor: cursorAt(cursor) });
    return { ...applied, ids: idsOf(applied.accepted), cursor: writeCursor(applied.reader) };
  }

  test('is accepted when it continues from the reader', () => {
    const { ids, isComplete } = segment(at('30-3~aaaaaa'), '30-3~aaaaaa', [4, 5], '50-5~aaaaaa');
    expect([ids, isComplete]).toEqual([['40-4', '50-5'], true]);
  });

  test('that overlaps is accepted from the reader’s position on', () => {
    const { ids } = segment(at('40-4~aaaaaa'), '20-2~aaaaaa', [3, 4, 5], '50-5~aaaaaa');
    expect(ids).toEqual(['50-5']);
  });

  test('that the reader has already passed changes nothing', () => {
    const reader = at('60-6~aaaaaa');
    const applied = segment(reader, '30-3~aaaaaa', [4, 5], '50-5~aaaaaa');
    expect(applied).toMatchObject({ ids: [], isComplete: true });
    expect(applied.reader).toBe(reader);
  });

  test('that begins after the reader’s position is left to the log, and is never reported as a gap', () => {
    let reader = at('30-3~aaaaaa');
    for (let count = 0; count < 5; count += 1) {
      const applied = segment(reader, '40-4~aaaaaa', [5], '50-5~aaaaaa');
      expect([applied.ids, applied.isComplete, applied.reader.discontinuities]).toEqual([[], false, 0]);
      reader = applied.reader;
    }
  });

  test('that skips an event is accepted up to there', () => {
    const { ids, isComplete } = segment(at('30-3~aaaaaa'), '30-3~aaaaaa', [4, 6], '60-6~aaaaaa');
    expect([ids, isComplete]).toEqual([['40-4'], false]);
  });

  test('that skips an event, however often, is never reported as a gap', () => {
    let reader = at('40-4~aaaaaa');
    for (let count = 0; count < 5; count += 1) {
      const applied = segment(reader, '40-4~aaaaaa', [6], '60-6~aaaaaa');
      expect([applied.ids, applied.isComplete, applied.reader.discontinuities]).toEqual([[], false, 0]);
      reader = applied.reader;
    }
  });

  test('with a type filter is accepted only from the reader’s position, for numbers jump', () => {
    const reader = at('30-3~aaaaaa', true);
    expect(segment(reader, '20-2~aaaaaa', [9], '95-10~aaaaaa').isComplete).toBe(false);
    expect(segment(reader, '40-4~aaaaaa', [9], '95-10~aaaaaa').isComplete).toBe(false);
    expect(segment(reader, '30-3~aaaaaa', [9], '95-10~aaaaaa')).toMatchObject({
      ids: ['90-9'],
      cursor: '95-10~aaaaaa',
    });
  });

  test('with a type filter may begin before the reader’s position where it contains that event', () => {
    expect(segment(at('40-4~aaaaaa', true), '20-2~aaaaaa', [4, 9], '95-10~aaaaaa').ids).toEqual(['90-9']);
  });

  test('of an epoch that the reader has left changes nothing', () => {
    const reader = { ...at('30-3~bbbbbb'), leftEpochs: ['feed~aaaaaa'] };
    expect(segment(reader, '30-3~aaaaaa', [4], '40-4~aaaaaa')).toMatchObject({ ids: [], isComplete: true });
  });

  test('of another epoch is left to the log', () => {
    const reader = at('30-3~aaaaaa');
    expect(segment(reader, '0-0~bbbbbb', [4], '40-4~bbbbbb')).toMatchObject({ ids: [], isComplete: false });
  });

  test('does not bring back events that were lost with the log’s end', () => {
    const reader = { ...at('30-3~aaaaaa'), forks: new Map([['feed', parseEventId('50-5', 'id')]]) };
    expect(segment(reader, '30-3~aaaaaa', [4], '40-4~aaaaaa')).toMatchObject({ ids: [], isComplete: false });
  });

  test('does not bring back events that this reader saw being lost', () => {
    const before = at('50-5~aaaaaa');
    const gap = restartAt('30-3~aaaaaa');
    const { reader } = accept(before, before.positions, [gap], cursorAt('30-3~aaaaaa'));
    expect(segment(reader, '30-3~aaaaaa', [4], '40-4~aaaaaa')).toMatchObject({ ids: [], isComplete: false });
    expect(segment(reader, '30-3~aaaaaa', [], '30-3~aaaaaa').isComplete).toBe(true);
  });

  test('that is later with a number not above the reader’s is left to the log', () => {
    const reader = at('50-5~aaaaaa', true);
    expect(segment(reader, '50-5~aaaaaa', [], '60-4~aaaaaa')).toMatchObject({
      isComplete: false,
      cursor: '50-5~aaaaaa',
    });
  });

  test('to a reader without a position is left to the log', () => {
    const applied = segment(newReader(), '30-3~aaaaaa', [4], '40-4~aaaaaa');
    expect(applied).toMatchObject({ ids: [], isComplete: false });
  });
});

describe('a reader', () => {
  test.each([
    ['of a later event', '40-4~aaaaaa', true],
    ['of the same event', '30-3~aaaaaa', false],
    ['of an earlier event', '20-2~aaaaaa', false],
    ['of another epoch', '10-1~bbbbbb', true],
    ['of an epoch that it has left', '90-9~cccccc', false],
  ] as const)('is behind a cursor %s: %s, %s', (_, cursor, expected) => {
    const reader = { ...at('30-3~aaaaaa'), leftEpochs: ['feed~cccccc'] };
    expect(isBehind(reader, cursorAt(cursor))).toBe(expected);
  });

  test('without a position is behind every cursor', () => {
    expect(isBehind(newReader(), cursorAt('30-3~aaaaaa'))).toBe(true);
  });

  test('without a position has no cursor to continue from', () => {
    expect(writeCursor(newReader())).toBeNull();
  });

  test('of several channels names the channel of each position, and of one the position alone', () => {
    const text = 'a@10-1~aaaaaa,b@20-2~bbbbbb';
    const both = ['a', 'b'];
    const reader = readerAt(parseCursor(text, both, 'cursor'), { channels: both, isFiltered: false });
    expect(writeCursor(reader)).toBe(text);
    expect(writeCursor(at('10-1~aaaaaa'))).toBe('10-1~aaaaaa');
  });
});

describe('a source has reached another one', () => {
  const positions = (seq: number, generation = 0): SourcePositions =>
    new Map([['feed', { position: { id: { time: seq * 10, seq }, epoch: 'aaaaaa' }, generation }]]);

  test.each([
    ['at the same event', positions(4), positions(4), true],
    ['at a later event', positions(5), positions(4), true],
    ['at an earlier event', positions(3), positions(4), false],
    ['in a later generation', positions(1, 1), positions(4), true],
    ['in an earlier generation', positions(9), positions(4, 1), false],
    ['without a position in one of its channels', new Map(), positions(4), false],
  ] as const)('%s: %#', (_, source, target, expected) => {
    expect(hasReached(source, target)).toBe(expected);
  });
});
