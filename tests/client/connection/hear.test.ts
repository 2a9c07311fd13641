import { describe, expect, test } from 'vitest';
import { hear } from '../../../lib/client/connection/on-tab-update.ts';
import { absorb } from '../../../lib/client/connection/sequencer.ts';
import {
  type Connection,
  newConnection,
  type Progress,
  progressAt,
} from '../../../lib/client/connection/state.ts';
import { readTold, type TabMessage, type Told } from '../../../lib/client/tabs/tab-message.ts';
import type { FeedEntry } from '../../../lib/client/transport/feed-items.ts';
import { defaultSettings } from '../../../lib/config/client-timing.ts';
import { parseEventId } from '../../../lib/core/ids.ts';
import { cursorAt, eventItem, gapItem } from '../../support/client/reader.ts';

const report = {
  ...({ kind: 'told', tab: 'a', isLeader: true, isVisible: true, isReading: true, hasGap: false } as const),
  ...({ status: 'streaming', transport: 'stream', retryInMs: null, problem: null, isFallen: false } as const),
  isHeld: false,
  ...{ handovers: 0, reconnects: 0 },
};

/** What another tab tells of the events with these seqs, from where it was to where it is. */
function told(from: string, seqs: readonly number[], cursor: string): Told {
  const events = seqs
    .map((seq) => eventItem(seq))
    .flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  return readTold({ ...report, from, cursor, events }, ['feed']);
}

function readerAt(after: string, more: Partial<Progress> = {}, isFiltered = false): Connection {
  const progress = { ...progressAt(cursorAt(after)), ...more };
  return newConnection({ ...defaultSettings, isFiltered }, progress, true);
}

const idsOf = (taken: readonly FeedEntry[]) =>
  taken.map((entry) => (entry.kind === 'event' ? entry.event.id : 'gap'));
function hears(state: Connection, message: Told) {
  const { state: after, isWhole } = hear(state, message);
  return { after, ids: idsOf(after.taken), isWhole, at: after.progress.places.get('feed')?.position.id.seq };
}

describe('what another tab tells', () => {
  test('is taken when it follows from where the reader is', () => {
    const { ids, isWhole } = hears(readerAt('30-3~aaaaaa'), told('30-3~aaaaaa', [4, 5], '50-5~aaaaaa'));
    expect([ids, isWhole]).toEqual([['40-4', '50-5'], true]);
  });

  test('is taken in part by a reader that has some of it', () => {
    const { ids } = hears(readerAt('40-4~aaaaaa'), told('20-2~aaaaaa', [3, 4, 5], '50-5~aaaaaa'));
    expect(ids).toEqual(['50-5']);
  });

  test('and was passed already is dropped', () => {
    const { ids, isWhole } = hears(readerAt('60-6~aaaaaa'), told('30-3~aaaaaa', [4, 5], '50-5~aaaaaa'));
    expect([ids, isWhole]).toEqual([[], true]);
  });

  test('and begins beyond the reader is not taken, nor said to be a loss', () => {
    let state = readerAt('30-3~aaaaaa');
    for (let count = 0; count < 5; count += 1) {
      const { after, ids, isWhole } = hears(state, told('40-4~aaaaaa', [5], '50-5~aaaaaa'));
      expect([ids, isWhole, after.holes]).toEqual([[], false, 0]);
      state = after;
    }
  });

  test('with an event left out is taken up to there', () => {
    const { ids, isWhole } = hears(readerAt('30-3~aaaaaa'), told('30-3~aaaaaa', [4, 6], '60-6~aaaaaa'));
    expect([ids, isWhole]).toEqual([['40-4'], false]);
  });

  test('with an event left out, however often, is never said to be a loss', () => {
    let state = readerAt('40-4~aaaaaa');
    for (let count = 0; count < 5; count += 1) {
      state = hears(state, told('40-4~aaaaaa', [6], '60-6~aaaaaa')).after;
      expect([state.taken, state.holes]).toEqual([[], 0]);
    }
  });

  test('with a filter is taken only from where the reader is, for seqs jump', () => {
    const state = readerAt('30-3~aaaaaa', {}, true);
    expect(hears(state, told('40-4~aaaaaa', [9], '95-10~aaaaaa')).isWhole).toBe(false);
    const { ids, at } = hears(state, told('30-3~aaaaaa', [9], '95-10~aaaaaa'));
    expect([ids, at]).toEqual([['90-9'], 10]);
  });

  test('of a life of the log that the reader has left is dropped', () => {
    const state = readerAt('30-3~bbbbbb', { left: ['feed~aaaaaa'] });
    expect(hears(state, told('30-3~aaaaaa', [4], '40-4~aaaaaa'))).toMatchObject({ ids: [], isWhole: true });
  });

  test('of another life of the log is left to the log', () => {
    const state = readerAt('30-3~aaaaaa');
    expect(hears(state, told('0-0~bbbbbb', [4], '40-4~bbbbbb'))).toMatchObject({ ids: [], isWhole: false });
  });

  test('of events that were lost with the log’s end does not bring them back', () => {
    const forks = new Map([['feed', parseEventId('50-5', 'id')]]);
    const state = readerAt('30-3~aaaaaa', { forks });
    expect(hears(state, told('30-3~aaaaaa', [4], '40-4~aaaaaa'))).toMatchObject({ ids: [], isWhole: false });
  });

  test('of events that this reader saw being lost does not bring them back', () => {
    const gap = gapItem({ reason: 'restarted', missed: null }, '30-3~aaaaaa');
    const places = readerAt('50-5~aaaaaa').progress.places;
    const { state } = absorb(readerAt('50-5~aaaaaa'), places, [gap], cursorAt('30-3~aaaaaa'));
    expect(hears({ ...state, taken: [] }, told('30-3~aaaaaa', [4], '40-4~aaaaaa')).ids).toEqual([]);
    expect(hears({ ...state, taken: [] }, told('30-3~aaaaaa', [], '30-3~aaaaaa')).isWhole).toBe(true);
  });

  test('that is later with a seq not above the reader’s is left to the log', () => {
    const state = readerAt('50-5~aaaaaa', {}, true);
    expect(hears(state, told('30-3~aaaaaa', [], '60-4~aaaaaa'))).toMatchObject({ isWhole: false, at: 5 });
  });

  test('to a reader that knows no position yet is left to the log', () => {
    const state = newConnection(defaultSettings, progressAt(new Map()), true);
    expect(hears(state, told('30-3~aaaaaa', [4], '40-4~aaaaaa'))).toMatchObject({ ids: [], isWhole: false });
  });

  test('and is no message of this contract is refused', () => {
    const message = { ...report, from: null, cursor: 'x', events: [] } as TabMessage & { kind: 'told' };
    expect(() => readTold(message, ['feed'])).toThrow('told');
  });
});
