import { describe, expect, test } from 'vitest';
import {
  type Cursor,
  formatCursor,
  formatPosition,
  isEpoch,
  type Position,
  parseCursor,
  parseLastCursor,
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
  'is not an event id. Write it as <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event.';
const notAnEpoch =
  'is not an epoch, which has six characters a-z 0-9. Send the cursor as the server gave it.';
const notAName =
  'is not a valid name. Use 1 to 100 of the characters A-Z a-z 0-9 . _ : - and start with a letter or a digit.';
const namesNone = 'names no channel. With several channels, write each position as channel@id.';

describe('of cursors that are joined by commas', () => {
  const readLast = (text: string, channels: readonly string[]) =>
    formatCursor(parseLastCursor(text, channels, 'Last-Event-ID'));

  test.each([
    ['one alone is read', '5-1~abc123', ['feed'], '5-1~abc123'],
    ['the last one counts', '5-1~abc123, 6-2~abc123', ['feed'], '6-2~abc123'],
    ['the last one counts where the comma has no blank', '5-1,6-2', ['feed'], '6-2'],
    ['the last one counts, though it is the older one', '6-2, 5-1', ['feed'], '5-1'],
    ['the last valid one counts', '5-1, 6-2~abc123, undefined', ['feed'], '6-2~abc123'],
    ['an empty one does not count', '5-1, ', ['feed'], '5-1'],
    ['one that names the only channel counts', '5-1,feed@6-2', ['feed'], '6-2'],
    ['one of several channels is not torn apart', 'a@5-1,b@6-2', ['a', 'b'], 'a@5-1,b@6-2'],
    ['the last of several channels counts', 'a@5-1,b@6-2, a@7-3,b@8-4', ['a', 'b'], 'a@7-3,b@8-4'],
    ['a channel that stands again begins the next one', 'a@5-1,b@6-2,a@7-3,b@8-4', ['a', 'b'], 'a@7-3,b@8-4'],
    ['one that is half broken does not count', 'a@5-1,b@6-2, a@7-3,b@x', ['a', 'b'], 'a@5-1,b@6-2'],
  ])('%s: %s', (_, text, channels, expected) => {
    expect(readLast(text, channels)).toBe(expected);
  });

  test.each([
    ['none is valid', 'x, y', ['feed'], `Last-Event-ID: "y" ${notAnId}`],
    ['the last ten are broken', `5-1${', y'.repeat(10)}`, ['feed'], `Last-Event-ID: "y" ${notAnId}`],
    ['a part of the only one is broken', 'a@5-1,b@x', ['a', 'b'], `Last-Event-ID: "x" ${notAnId}`],
  ])('if %s, the refusal says so: %s', (_, text, channels, expected) => {
    expect(() => readLast(text, channels)).toThrow(expected);
  });
});

describe('a cursor', () => {
  test.each([
    ['a position without a name belongs to the only channel', '5-1~abc123', ['feed'], ['feed@5-1~abc123']],
    ['its epoch is optional', '5-1', ['feed'], ['feed@5-1']],
    ['the only channel can be named', 'feed@5-1~abc123', ['feed'], ['feed@5-1~abc123']],
    ['0-0 is a position', '0-0', ['feed'], ['feed@0-0']],
    ['0-0 can have an epoch', '0-0~abc123', ['feed'], ['feed@0-0~abc123']],
    ['several channels have one position each', 'a@5-1~abc123,b@6-2', ['a', 'b'], ['a@5-1~abc123', 'b@6-2']],
    ['their order is free', 'b@6-2,a@5-1', ['a', 'b'], ['b@6-2', 'a@5-1']],
    ['a channel can have no position', 'b@6-2', ['a', 'b'], ['b@6-2']],
    ['a channel that is not asked for is ignored', 'a@5-1,z@6-2', ['a'], ['a@5-1']],
    ['it is ignored even if no other is left', 'z@6-2', ['a'], []],
    ['a channel name can have only digits', '123@5-1', ['123'], ['123@5-1']],
    [
      'a channel can have the name of a property of every object',
      'constructor@5-1',
      ['constructor'],
      ['constructor@5-1'],
    ],
    ['a name can look like an id', '5-1@6-2', ['5-1'], ['5-1@6-2']],
  ])('%s: %s', (_, text, channels, positions) => {
    expect(read(text, channels)).toEqual(positions);
  });

  test.each([
    ['nothing', '', ['feed'], `after: "" ${notAnId}`],
    ['a position without a name, for several channels', '5-1', ['a', 'b'], `after: "5-1" ${namesNone}`],
    ['a position without a name beside named ones', 'a@5-1,5-1', ['a', 'b'], `after: "5-1" ${namesNone}`],
    ['a position without a name, for no channel', '5-1', [], `after: "5-1" ${namesNone}`],
    [
      'a channel twice',
      'a@5-1,a@5-1',
      ['a', 'b'],
      'after: channel "a" has two positions. Send one for each channel.',
    ],
    [
      'a channel twice, once without its name',
      '5-1,a@5-1',
      ['a'],
      'after: channel "a" has two positions. Send one for each channel.',
    ],
    [
      'two positions without a name',
      '5-1,6-2',
      ['a'],
      'after: channel "a" has two positions. Send one for each channel.',
    ],
    [
      'a channel twice that is not asked for',
      'z@5-1,z@5-1',
      ['a'],
      'after: channel "z" has two positions. Send one for each channel.',
    ],
    ['a malformed id', 'a@5', ['a'], `after: "5" ${notAnId}`],
    ['a malformed id of a channel that is not asked for', 'z@5', ['a'], `after: "5" ${notAnId}`],
    ['a time alone', '1763841234567', ['a'], `after: "1763841234567" ${notAnId}`],
    ['seq 0 with a time other than 0', '5-0', ['a'], `after: "5-0" ${notAnId}`],
    ['an empty position', 'a@', ['a'], `after: "" ${notAnId}`],
    ['an empty part', 'a@5-1,', ['a'], `after: "" ${notAnId}`],
    ['an empty name', '@5-1', ['a'], `after: channel: "" ${notAName}`],
    ['an invalid name', 'a b@5-1', ['a'], `after: channel: "a b" ${notAName}`],
    ['two names', 'a@b@5-1', ['a', 'b'], `after: "b@5-1" ${notAnId}`],
    ['an empty epoch', '5-1~', ['a'], `after: "" ${notAnEpoch}`],
    ['an epoch too short', '5-1~abcde', ['a'], `after: "abcde" ${notAnEpoch}`],
    ['an epoch too long', '5-1~abcdefg', ['a'], `after: "abcdefg" ${notAnEpoch}`],
    ['an epoch in capital letters', '5-1~ABCDEF', ['a'], `after: "ABCDEF" ${notAnEpoch}`],
    ['two epochs', '5-1~abcdef~abcdef', ['a'], `after: "abcdef~abcdef" ${notAnEpoch}`],
    ['a space after the comma', 'a@5-1, b@6-2', ['a', 'b'], `after: channel: " b" ${notAName}`],
  ])('%s is refused: %j', (_, text, channels, message) => {
    expect(refusal(text, channels)).toBe(message);
  });

  test('has names only if it has several channels', () => {
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

  test.each(seeds(300))('reads back as it was written (seed %i)', (seed) => {
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

  test.each(seeds(300))('made of any text is read or refused, and crashes nothing (seed %i)', (seed) => {
    const text = seeded(seed).text([...'01a-~@,. \n\u0000é'], 0, 12);

    expect(typeof refusal(text, ['a', '0'])).toBe('string');
    expect(typeof refusal(text, ['a'])).toBe('string');
  });
});

describe('an epoch', () => {
  test.each(['abcdef', '000000', 'a1b2c3'])('can be %s', (text) => {
    expect(isEpoch(text)).toBe(true);
  });

  test.each(['', 'abcde', 'abcdefg', 'Abcdef', 'abcde\n', 'abc-ef', 'abcdé1'])('cannot be %j', (text) => {
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
