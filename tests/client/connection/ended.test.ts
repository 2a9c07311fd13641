import { describe, expect, test } from 'vitest';
import { advance } from '../../../lib/client/connection/reducer.ts';
import { readerAt } from '../../../lib/client/connection/sequencer.ts';
import { newConnection, nextTimerAt, type Signal } from '../../../lib/client/connection/state.ts';
import { readingOf } from '../../../lib/client/connection/status.ts';
import type { FeedItem, StreamFrame } from '../../../lib/client/transport/messages.ts';
import { defaultSettings } from '../../../lib/config/client-timing.ts';
import type { Gap } from '../../../lib/core/continuity.ts';
import type { Cursor } from '../../../lib/core/cursor.ts';
import { eventItem, restartAt } from '../../support/client/feed-items.ts';
import { pollingReader, reader, streamingReader } from '../../support/client/reader.ts';

type Reader = ReturnType<typeof reader>;

/** It is over: nothing is open, nothing is due, and the page says so. */
function expectEnded({ state }: Reader) {
  expect(readingOf(state)).toEqual({
    status: 'ended',
    transport: null,
    retryAt: null,
    problem: null,
    pollingReason: null,
  });
  expect([state.streams, state.poll, nextTimerAt(state)]).toEqual([[], null, null]);
}

/** What the page, the network and the machine can do to a reader. */
const happenings = ['hidden', 'frozen', 'restored', 'visible', 'offline', 'online', 'woke'] as const;

describe('a stream that says that the channel has ended', () => {
  test('brings its last event, and then it is over', () => {
    const it = streamingReader();
    it.gets([eventItem(4)]);
    it.channelEnds('40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expectEnded(it);
  });

  test('before it has brought the last event is left, and the event is read again', () => {
    const it = streamingReader();
    it.channelEnds('40-4~aaaaaa');
    expect(readingOf(it.state).status).toBe('waiting');
    it.passes(30_000);
    expect(it.stream().after).toBe('30-3~aaaaaa');
  });

  test('while the next one of a handover is on its way ends both', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    const [old] = it.state.streams;
    it.gets([eventItem(4)], old?.key);
    it.channelEnds('40-4~aaaaaa', old?.key);
    expect(it.accepted).toEqual(['40-4']);
    expectEnded(it);
  });

  test('as the next one of a handover ends the old one too', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    it.gets([eventItem(4)], it.stream(0).key);
    it.goesLive();
    expect(it.state.streams).toHaveLength(2);
    it.gets([eventItem(4)]);
    it.channelEnds('40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expectEnded(it);
  });

  test('from before a restart that another source has reported says nothing', () => {
    const it = streamingReader();
    it.passes(20_000);
    it.isPolled([restartAt('0-0~bbbbbb'), eventItem(1, 'bbbbbb')], '10-1~bbbbbb');
    it.channelEnds('30-3~aaaaaa');
    expect(it.accepted).toEqual(['gap restarted', '10-1']);
    expect(it.state.mode).toBe('waiting');
  });

  test('on a page that is hidden starts no timer again', () => {
    const it = streamingReader();
    it.happens('hidden');
    it.channelEnds('30-3~aaaaaa');
    expectEnded(it);
  });
});

describe('a reader of two channels', () => {
  const channels = ['one', 'two'];
  const at = (seq: number, epoch: string) => ({ id: { time: seq * 10, seq }, epoch });
  const ends = (channel: string, cursor: Cursor): StreamFrame => ({ kind: 'end', cursor, channel });

  const start: Cursor = new Map(channels.map((channel) => [channel, at(3, 'aaaaaa')]));

  /** A reader of both channels at event 3, whose stream has brought `frames`. */
  function brought(...frames: readonly StreamFrame[]) {
    const fresh = newConnection(defaultSettings, readerAt(start, { channels, isFiltered: false }));
    const hello = { cursor: '', heartbeatMs: 15_000, deadlineMs: 1, version: '0.1.0' };
    const all: readonly StreamFrame[] = [{ kind: 'hello', cursor: start, hello, time: null }, ...frames];
    const signals = all.map((frame): Signal => ({ kind: 'frame', stream: 1, frame }));
    return advance(fresh, [{ kind: 'enabled' }, ...signals], 0, () => 0.5).connection;
  }
  const anew: Cursor = new Map([...start, ['one', at(1, 'bbbbbb')]]);
  const gap: Gap = {
    ...{ channel: 'one', reason: 'restarted', missed: null, exact: false },
    ...{ after: '30-3', resumesAt: null },
  };
  const restart: FeedItem = { kind: 'gap', gap, position: at(1, 'bbbbbb') };

  test('goes on while one of them goes on', () => {
    expect(brought(ends('one', start)).mode).toBe('streaming');
    expect(brought(ends('one', start), ends('one', start)).mode).toBe('streaming');
  });

  test('is over when both have ended, in any order', () => {
    expect(brought(ends('one', start), ends('two', start)).mode).toBe('ended');
    expect(brought(ends('two', start), ends('one', start)).mode).toBe('ended');
  });

  test('goes on where the first was deleted and began anew before the second ended', () => {
    const restarted: StreamFrame = { kind: 'item', cursor: anew, item: restart };
    expect(brought(ends('one', start), restarted, ends('two', anew)).mode).toBe('streaming');
    expect(brought(ends('one', start), restarted, ends('two', anew), ends('one', anew)).mode).toBe('ended');
  });
});

describe('a 204', () => {
  test('is asked about at once by a poll, and where the poll says it too, it is over', () => {
    const it = reader();
    it.isRefused(204, { problem: null });
    expect(it.state.poll?.after).toBe('30-3~aaaaaa');
    it.isPolled([], '30-3~aaaaaa', { hasEnded: true });
    expectEnded(it);
  });

  test('from a filter that answers so to streams lets the client poll, and try streams again', () => {
    const it = reader();
    it.isRefused(204, { problem: null });
    it.isPolled([eventItem(4)], '40-4~aaaaaa');
    expect(it.accepted).toEqual(['40-4']);
    expect(readingOf(it.state)).toMatchObject({ status: 'polling', pollingReason: 'refused' });
    it.passes(600_000);
    expect(it.state.nextKey).toBeGreaterThan(10);
  });

  test('to the next stream of a handover brings what the old one has not brought yet', () => {
    const it = streamingReader();
    it.passes(2_000);
    it.handover('30-3~aaaaaa');
    it.isRefused(204, { problem: null });
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { hasEnded: true });
    expect(it.accepted).toEqual(['40-4']);
    expectEnded(it);
  });

  test('is believed with the transport `stream`, which has no polls', () => {
    const it = reader({ transport: 'stream' });
    it.isRefused(204, { problem: null });
    expectEnded(it);
  });
});

describe('a page that says that the channel has ended', () => {
  test.each([
    ['while it polls', () => pollingReader()],
    ['with the transport `poll`', () => reader({ transport: 'poll' })],
    [
      'as a check beside a stream',
      () => {
        const it = streamingReader();
        it.passes(20_000);
        return it;
      },
    ],
    [
      'at rest',
      () => {
        const it = streamingReader();
        it.handover('30-3~aaaaaa', 'quiet', it.stream().key, 5_000);
        it.passes(5_000);
        return it;
      },
    ],
    [
      'while it catches up on standby',
      () => {
        const it = streamingReader();
        it.happens('standBy');
        it.happens('catchUp');
        return it;
      },
    ],
  ])('%s brings the last event, and then it is over', (_, make) => {
    const it = make();
    expect(it.state.poll).not.toBeNull();
    it.isPolled([eventItem(4)], '40-4~aaaaaa', { hasEnded: true });
    expect(it.accepted).toEqual(['40-4']);
    expectEnded(it);
  });

  test('but leaves out an event is read again', () => {
    const it = pollingReader();
    it.isPolled([eventItem(5)], '50-5~aaaaaa', { hasEnded: true });
    expect(it.accepted).toEqual([]);
    expect(it.state.mode).toBe('polling');
  });
});

describe('when it is over', () => {
  test.each(happenings)('%s starts nothing', (kind) => {
    const it = streamingReader();
    it.channelEnds('30-3~aaaaaa');
    it.happens(kind);
    it.passes(600_000);
    expectEnded(it);
  });

  test('switching the feed off and on starts nothing', () => {
    const it = streamingReader();
    it.channelEnds('30-3~aaaaaa');
    it.happens('disabled');
    it.happens('enabled');
    expectEnded(it);
  });

  test('the user can ask again, after the last event', () => {
    const it = streamingReader();
    it.channelEnds('30-3~aaaaaa');
    it.happens('retry');
    expect(it.stream().after).toBe('30-3~aaaaaa');
  });
});
