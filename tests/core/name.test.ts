import { describe, expect, test } from 'vitest';
import { defaultChannel, defaultType, isName, parseName } from '../../lib/core/ids.ts';

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
