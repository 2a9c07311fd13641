import { describe, expect, test } from 'vitest';
import { eventItem, gapItem } from '../../support/client/feed-items.ts';
import { pollingReader, streamingReader } from '../../support/client/reader.ts';

describe('a discontinuity', () => {
  test('closes the stream, and the missing event is read again', () => {
    const it = streamingReader();
    it.gets([eventItem(4), eventItem(6)]);
    expect(it.accepted).toEqual(['40-4']);
    expect(it.state).toMatchObject({ mode: 'waiting', reader: { discontinuities: 1 } });
    it.passes(500);
    it.goesLive();
    it.gets([eventItem(5), eventItem(6)]);
    expect(it.accepted).toEqual(['40-4', '50-5', '60-6']);
  });

  test('can be a heartbeat whose cursor is beyond the events', () => {
    const it = streamingReader();
    it.heartbeat('40-4~aaaaaa');
    expect(it.state).toMatchObject({ mode: 'waiting', reader: { discontinuities: 1 } });
    expect(it.cursor).toBe('30-3~aaaaaa');
  });

  test('that two more streams do not fill becomes a gap', () => {
    const it = streamingReader();
    for (let count = 0; count < 2; count += 1) {
      it.gets([eventItem(5)]);
      it.passes(2_000);
      it.goesLive();
    }
    it.gets([eventItem(5)]);
    expect(it.accepted).toEqual(['gap trimmed', '50-5']);
  });

  test('within a page: the events before it are accepted, and the page is read again from there', () => {
    const it = pollingReader();
    it.isPolled([eventItem(4), eventItem(6)], '60-6~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expect(it.state).toMatchObject({ poll: null, pollFailures: 1, reader: { discontinuities: 1 } });
    it.passes(500);
    expect(it.state.poll?.after).toBe('40-4~aaaaaa');
  });

  test('can be a page whose cursor is beyond its events', () => {
    const it = pollingReader();
    it.isPolled([eventItem(4)], '60-6~aaaaaa');
    expect(it.state).toMatchObject({ pollFailures: 1, reader: { discontinuities: 1 } });
  });

  test('does not exist with a type filter: numbers may jump, and heartbeats move the cursor', () => {
    const it = streamingReader({ isFiltered: true });
    it.gets([eventItem(7)]);
    it.heartbeat('90-9~aaaaaa');
    expect(it.accepted).toEqual(['70-7']);
    it.disconnects();
    it.passes(500);
    expect(it.stream().after).toBe('90-9~aaaaaa');
  });
});

describe('a gap', () => {
  test('that says "restarted" lets the reader continue in the new log', () => {
    const it = streamingReader();
    it.gets([gapItem({ reason: 'restarted', missed: null }, '0-0~bbbbbb'), eventItem(1, 'bbbbbb')]);
    expect(it.accepted).toEqual(['gap restarted', '10-1']);
  });

  test('that both streams of a handover report is reported once', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    const items = [gapItem({ reason: 'restarted', missed: null }, '0-0~bbbbbb'), eventItem(1, 'bbbbbb')];
    it.gets(items, it.stream(0).key);
    it.goesLive('30-3~aaaaaa');
    it.gets([...items, eventItem(2, 'bbbbbb')]);
    expect(it.accepted).toEqual(['gap restarted', '10-1', '20-2']);
    expect(it.state.streams).toHaveLength(1);
  });

  test('of a stream that is late by two restarts does not come back', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    const first = gapItem({ reason: 'restarted', missed: null }, '0-0~bbbbbb');
    const second = gapItem({ reason: 'restarted', missed: null }, '0-0~cccccc');
    it.gets([first, second, eventItem(1, 'cccccc')], it.stream(0).key);
    it.goesLive('30-3~aaaaaa');
    it.gets([first, second, eventItem(1, 'cccccc'), eventItem(2, 'cccccc')]);
    expect(it.accepted).toEqual(['gap restarted', 'gap restarted', '10-1', '20-2']);
  });

  test('for a restart closes an old stream that still sends events of the old log', () => {
    const it = streamingReader({ isFiltered: true });
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    const old = it.stream(0).key;
    it.sends();
    it.bytes();
    it.gets([gapItem({ reason: 'restarted', missed: null }, '20-2~aaaaaa')]);
    it.gets([eventItem(4)], old);
    expect(it.accepted).toEqual(['gap restarted']);
    expect(it.state.streams.map(({ key }) => key)).not.toContain(old);
  });

  test('for trimmed events that the old stream brought in part names the rest only', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    it.gets([eventItem(4), eventItem(5)], it.stream(0).key);
    it.goesLive('30-3~aaaaaa');
    it.gets([gapItem({ missed: 6, after: '30-3', resumesAt: '100-10' }, '100-9~aaaaaa')]);
    expect(it.state.accepted).toMatchObject([{ kind: 'gap', gap: { missed: 4, after: '50-5' } }]);
  });

  test('for trimmed events that the old stream brought in full is not reported', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    it.gets([eventItem(4), eventItem(5)], it.stream(0).key);
    it.goesLive('30-3~aaaaaa');
    // The position after a gap has its time from the event that follows: it is event 5's, by its seq.
    it.gets([gapItem({ missed: 2, after: '30-3', resumesAt: '60-6' }, '60-5~aaaaaa'), eventItem(6)]);
    expect(it.accepted).toEqual(['40-4', '50-5', '60-6']);
    expect(it.state).toMatchObject({ reader: { discontinuities: 0 }, mode: 'streaming' });
  });
});
