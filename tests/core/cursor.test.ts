import { describe, expect, test } from 'vitest';
import {
  type Cursor,
  formatCursor,
  formatPosition,
  isEpoch,
  type Position,
  parseCursor,
} from '../../lib/core/cursor.ts';
import { seeded, seeds } from '../support/seeded.ts';

/** A cursor in words: each channel with its position. */
const read = (text: string, channels: readonly string[]) =>
  [...parseCursor(text, channels, 'after')].map(
    ([channel, position]) => `${channel}@${formatPosition(position)}`,
  );

const refusal = (text: string, channels: readonly string[]) => {
  try {
    return `read as ${read(text, channels)}`;
  } catch (error) {
    expect(error).toMatchObject({ name: 'FeedError', code: 'bad-request' });
    return (error as Error).message;
  }
};

const notAnId =
  'is not an event id; allowed is <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event';
const notAnEpoch = 'is not an epoch; allowed are six characters a-z 0-9';
const notAName =
  'is not a name; allowed are 1 to 100 characters A-Z a-z 0-9 . _ : - that begin with a letter or digit';
const namesNone = 'names no channel; with several channels every position is written channel@id';

describe('a cursor', () => {
  test.each([
    ['a bare position stands for the only channel', '5-1~abc123', ['feed'], ['feed@5-1~abc123']],
    ['a bare position may lack its epoch', '5-1', ['feed'], ['feed@5-1']],
    ['the only channel may be named', 'feed@5-1~abc123', ['feed'], ['feed@5-1~abc123']],
    ['0-0 is a position', '0-0', ['feed'], ['feed@0-0']],
    ['0-0 may have an epoch', '0-0~abc123', ['feed'], ['feed@0-0~abc123']],
    ['several channels have one each', 'a@5-1~abc123,b@6-2', ['a', 'b'], ['a@5-1~abc123', 'b@6-2']],
    ['their order is free', 'b@6-2,a@5-1', ['a', 'b'], ['b@6-2', 'a@5-1']],
    ['a channel may have none', 'b@6-2', ['a', 'b'], ['b@6-2']],
    ['a channel that was not asked for is ignored', 'a@5-1,z@6-2', ['a'], ['a@5-1']],
    ['also when nothing else is left', 'z@6-2', ['a'], []],
    ['digits alone name a channel', '123@5-1', ['123'], ['123@5-1']],
    [
      'a channel may be named like a part of every object',
      'constructor@5-1',
      ['constructor'],
      ['constructor@5-1'],
    ],
    ['a name may hold what ids hold', '5-1@6-2', ['5-1'], ['5-1@6-2']],
  ])('%s: %s', (_, text, channels, positions) => {
    expect(read(text, channels)).toEqual(positions);
  });

  test.each([
    ['nothing', '', ['feed'], `after: "" ${notAnId}`],
    ['a bare position beside several channels', '5-1', ['a', 'b'], `after: "5-1" ${namesNone}`],
    ['a bare position beside named ones', 'a@5-1,5-1', ['a', 'b'], `after: "5-1" ${namesNone}`],
    ['a bare position where no channel was asked for', '5-1', [], `after: "5-1" ${namesNone}`],
    [
      'a channel twice',
      'a@5-1,a@5-1',
      ['a', 'b'],
      'after: channel "a" has two positions; allowed is one a channel',
    ],
    [
      'a channel twice, once bare',
      '5-1,a@5-1',
      ['a'],
      'after: channel "a" has two positions; allowed is one a channel',
    ],
    [
      'two bare positions',
      '5-1,6-2',
      ['a'],
      'after: channel "a" has two positions; allowed is one a channel',
    ],
    [
      'an unasked channel twice',
      'z@5-1,z@5-1',
      ['a'],
      'after: channel "z" has two positions; allowed is one a channel',
    ],
    ['a malformed id', 'a@5', ['a'], `after: "5" ${notAnId}`],
    ['a malformed id of an unasked channel', 'z@5', ['a'], `after: "5" ${notAnId}`],
    ['a time of its own', '1763841234567', ['a'], `after: "1763841234567" ${notAnId}`],
    ['seq 0 at another time than 0', '5-0', ['a'], `after: "5-0" ${notAnId}`],
    ['an empty position', 'a@', ['a'], `after: "" ${notAnId}`],
    ['an empty part', 'a@5-1,', ['a'], `after: "" ${notAnId}`],
    ['an empty name', '@5-1', ['a'], `after: channel: "" ${notAName}`],
    ['a name that is none', 'a b@5-1', ['a'], `after: channel: "a b" ${notAName}`],
    ['two names', 'a@b@5-1', ['a', 'b'], `after: "b@5-1" ${notAnId}`],
    ['an empty epoch', '5-1~', ['a'], `after: "" ${notAnEpoch}`],
    ['an epoch too short', '5-1~abcde', ['a'], `after: "abcde" ${notAnEpoch}`],
    ['an epoch too long', '5-1~abcdefg', ['a'], `after: "abcdefg" ${notAnEpoch}`],
    ['an epoch in capitals', '5-1~ABCDEF', ['a'], `after: "ABCDEF" ${notAnEpoch}`],
    ['two epochs', '5-1~abcdef~abcdef', ['a'], `after: "abcdef~abcdef" ${notAnEpoch}`],
    ['a space after the comma', 'a@5-1, b@6-2', ['a', 'b'], `after: channel: " b" ${notAName}`],
  ])('%s is refused: %j', (_, text, channels, message) => {
    expect(refusal(text, channels)).toBe(message);
  });

  test('is written bare for one channel, and named for several', () => {
    const position: Position = { id: { time: 5, seq: 1 }, epoch: 'abc123' };
    const empty: Position = { id: { time: 0, seq: 0 }, epoch: null };

    expect(formatCursor(new Map([['a', position]]))).toBe('5-1~abc123');
    expect(
      formatCursor(
        new Map([
          ['a', position],
          ['b', empty],
        ]),
      ),
    ).toBe('a@5-1~abc123,b@0-0');
    expect(formatCursor(new Map())).toBe('');
  });

  test.each(seeds(300))('that was written is read back the same (seed %i)', (seed) => {
    const random = seeded(seed);
    const cursor = randomCursor(seed);
    const channels = [...cursor.keys()];

    expect(parseCursor(formatCursor(cursor), channels, 'after')).toEqual(cursor);
    const others = channels.length > 1 ? [...channels, 'one-more'] : channels;
    expect(
      parseCursor(
        formatCursor(cursor),
        others.toSorted(() => random.next() - 0.5),
        'after',
      ),
    ).toEqual(cursor);
  });

  test.each(seeds(300))('of any text is read or refused, never crashed on (seed %i)', (seed) => {
    const text = seeded(seed).text([...'01a-~@,. \n\u0000é'], 0, 12);

    expect(typeof refusal(text, ['a', '0'])).toBe('string');
    expect(typeof refusal(text, ['a'])).toBe('string');
  });
});

describe('an epoch', () => {
  test.each(['abcdef', '000000', 'a1b2c3'])('%s is one', (text) => {
    expect(isEpoch(text)).toBe(true);
  });

  test.each(['', 'abcde', 'abcdefg', 'Abcdef', 'abcde\n', 'abc-ef', 'abcdé1'])('%j is none', (text) => {
    expect(isEpoch(text)).toBe(false);
  });
});

function randomCursor(seed: number): Cursor {
  const random = seeded(seed);
  const name = () => random.text([...'aZ0'], 1, 1) + random.text([...'aZ0._:-'], 0, 99);
  const position = () => {
    const isFirst = random.next() < 0.1;
    const id = isFirst
      ? { time: 0, seq: 0 }
      : { time: random.whole(0, 2 ** 53 - 1), seq: random.whole(1, 1e9) };
    return { id, epoch: random.next() < 0.2 ? null : random.text([...'az09'], 6, 6) };
  };
  return new Map(Array.from({ length: random.whole(1, 20) }, () => [name(), position()] as const));
}
