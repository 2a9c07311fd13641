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
  isSubject,
  parseEventId,
  parseName,
  parseSubject,
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

describe('an event id', () => {
  test('is read as its time and seq', () => {
    expect(parse('1763841234567-42')).toEqual({ time: 1_763_841_234_567, seq: 42 });
  });

  test('0-0 is the position before the first event', () => {
    expect(parse('0-0')).toEqual(beforeFirst);
    expect(formatEventId(beforeFirst)).toBe('0-0');
  });

  test('can have the largest whole numbers that a double holds exactly', () => {
    const max = Number.MAX_SAFE_INTEGER;

    expect(parse(`${max}-${max}`)).toEqual({ time: max, seq: max });
  });

  test.each(malformed)('cannot be %j; the error names the part and the right form', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'bad-request',
        message: `before: "${text}" is not an event id. Write it as <time>-<seq>, for example 1763841234567-42, or 0-0 for the position before the first event.`,
      }),
    );
  });

  test('a long text is shortened in the error', () => {
    expect(() => parse('9'.repeat(100_000))).toThrow(`"${'9'.repeat(80)}…" is not an event id`);
  });

  test.each(seeds(200))('reads back as it was written (seed %i)', (seed) => {
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

  test('has a position before it: one seq lower, at the same time; 0-0 before the first', () => {
    expect(formatEventId(idBefore(parse('100-7')))).toBe('100-6');
    expect(formatEventId(idBefore(parse('100-1')))).toBe('0-0');
    expect(formatEventId(idBefore(beforeFirst))).toBe('0-0');
  });

  test('has an id after it: the count added to its seq, at the same time', () => {
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

describe('a name', () => {
  test.each([...legal, defaultChannel, defaultType])('can be %s', (text) => {
    expect(isName(text)).toBe(true);
    expect(parseName(text, 'channel')).toBe(text);
  });

  test.each(illegal)('cannot be %j', (text) => {
    expect(isName(text)).toBe(false);
    expect(() => parseName(text, 'events[3].type')).toThrow(
      expect.objectContaining({
        code: 'bad-request',
        message: expect.stringMatching(
          /^events\[3\]\.type: ".*" is not a valid name. Use 1 to 100 of the characters/s,
        ),
      }),
    );
  });

  test.each([
    [123, 'a value of type number'],
    [null, 'a value of type null'],
    [undefined, 'a value of type undefined'],
    [true, 'a value of type boolean'],
    [['feed'], 'a value of type object'],
  ])('is text: %j is refused, although it could be written as a name', (value, found) => {
    expect(isName(value)).toBe(false);
    expect(() => parseName(value, 'channel')).toThrow(`channel: ${found} is not a valid name`);
  });
});

describe('a subject', () => {
  test.each(['a', '7', 'host-7', 'tenant:4.x_y', `a${'b'.repeat(199)}`])('can be %j', (text) => {
    expect(isSubject(text)).toBe(true);
    expect(parseSubject(text, 'subject')).toBe(text);
  });

  test.each(['', '-a', 'a b', 'a/b', 'ä', 'a\n', `a${'b'.repeat(200)}`, 7, null, undefined, ['a']])(
    'cannot be %j',
    (value) => {
      expect(isSubject(value)).toBe(false);
      expect(() => parseSubject(value, 'events[3].subject')).toThrow(
        /^events\[3\]\.subject: .* is not a valid subject\. Use 1 to 200 /s,
      );
    },
  );
});
