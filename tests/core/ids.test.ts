import { describe, expect, test } from 'vitest';
import {
  beforeFirst,
  compareEventIds,
  defaultChannel,
  defaultType,
  formatEventId,
  idAfter,
  idBefore,
  isName,
  parseEventId,
  parseName,
} from '../../lib/core/ids.ts';
import { seeded, seeds } from '../support/seeded.ts';

const parse = (text: string) => parseEventId(text, 'before');

const malformed = [
  '',
  '1',
  '1-',
  '-1',
  '1-2-3',
  '1-0',
  '01-1',
  '1-01',
  '00-0',
  '+1-1',
  '1-1 ',
  ' 1-1',
  '1-1\n',
  '1.5-1',
  '1e3-1',
  '0x1-1',
  '１-1',
  '9007199254740992-1',
  '1-9007199254740992',
  '99999999999999999999-1',
  '$',
  '*',
  'a@1-1',
  '1-1~aaaaaa',
];

describe('event id', () => {
  test('time and seq are read', () => {
    expect(parse('1763841234567-42')).toEqual({ time: 1_763_841_234_567, seq: 42 });
  });

  test('0-0 is the position before the first event', () => {
    expect(parse('0-0')).toEqual(beforeFirst);
    expect(formatEventId(beforeFirst)).toBe('0-0');
  });

  test('the greatest whole numbers a double holds are read', () => {
    const max = Number.MAX_SAFE_INTEGER;

    expect(parse(`${max}-${max}`)).toEqual({ time: max, seq: max });
  });

  test.each(malformed)('%j is refused, naming the part and what is allowed', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'bad-request',
        message: `before: "${text}" is not an event id; allowed is <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event`,
      }),
    );
  });

  test('a long text is shortened in the error', () => {
    expect(() => parse('9'.repeat(100_000))).toThrow(`"${'9'.repeat(80)}…" is not an event id`);
  });

  test.each(seeds(200))('an id that was written is read back (seed %i)', (seed) => {
    const random = seeded(seed);
    const id = {
      time: random.whole(0, Number.MAX_SAFE_INTEGER),
      seq: random.whole(1, 10 ** random.whole(1, 15)),
    };

    expect(parse(formatEventId(id))).toEqual(id);
  });

  test('ids are ordered by time, then by seq, as numbers', () => {
    const ordered = ['0-0', '5-9', '9-1', '9-2', '9-10', '10-1', '100-1'].map(parse);

    expect(ordered.toReversed().toSorted(compareEventIds)).toEqual(ordered);
    expect(compareEventIds(parse('9-2'), parse('9-2'))).toBe(0);
  });

  test('the id before is one seq lower at the same time; before the first it is 0-0', () => {
    expect(formatEventId(idBefore(parse('100-7')))).toBe('100-6');
    expect(formatEventId(idBefore(parse('100-1')))).toBe('0-0');
    expect(formatEventId(idBefore(beforeFirst))).toBe('0-0');
  });

  test('the id after is as many seqs higher at the same time', () => {
    expect(formatEventId(idAfter(parse('100-7'), 0))).toBe('100-7');
    expect(formatEventId(idAfter(parse('100-7'), 3))).toBe('100-10');
  });
});

const legal = [
  'feed',
  'message',
  'a',
  'Z',
  '0',
  '123',
  '1e400',
  'public:news',
  'a.b_c-d:e',
  'constructor',
  'x'.repeat(100),
];

const illegal = [
  '',
  ' ',
  '.a',
  '_a',
  '-a',
  ':a',
  '__proto__',
  'a b',
  'a\n',
  'a@b',
  'a,b',
  'a~b',
  'a/b',
  'a*',
  'é',
  'a\u0000',
  'x'.repeat(101),
];

describe('name', () => {
  test.each([...legal, defaultChannel, defaultType])('%s is a name', (text) => {
    expect(isName(text)).toBe(true);
    expect(parseName(text, 'channel')).toBe(text);
  });

  test.each(illegal)('%j is no name', (text) => {
    expect(isName(text)).toBe(false);
    expect(() => parseName(text, 'events[3].type')).toThrow(
      expect.objectContaining({
        code: 'bad-request',
        message: expect.stringMatching(
          /^events\[3\]\.type: ".*" is not a name; allowed are 1 to 100 characters/s,
        ),
      }),
    );
  });

  test.each([
    [123, 'a number'],
    [null, 'a null'],
    [undefined, 'a undefined'],
    [true, 'a boolean'],
    [['feed'], 'a object'],
  ])('%j is no name, though it could be written as one', (value, found) => {
    expect(isName(value)).toBe(false);
    expect(() => parseName(value, 'channel')).toThrow(`channel: ${found} is not a name`);
  });
});
