import { describe, expect, test } from 'vitest';
import { escapeControlCharacters, excerpt } from '../../lib/core/safe-text.ts';

/** What acts on a terminal, or on the text beside it. */
const acting = {
  'a control sequence': '\u001b[2J',
  'a control sequence of one character': '\u009b31m',
  'a link': '\u001b]8;;https://evil.test\u001b\\here\u001b]8;;\u0007',
  'a link of C1 controls': '\u009d8;;https://evil.test\u009chere',
  'a title': '\u001b]0;title\u0007',
  'a string for the device': '\u0090q\u009c',
  'a return': 'one\rtwo',
  'a new line': 'one\ntwo',
  'a next line': 'one\u0085two',
  'a line separator': 'one\u2028two\u2029three',
  'a backspace': 'one\b\b\b\u007ftwo',
  'an override of direction': '\u202etxt.exe\u202c',
  'an isolate': '\u2066a\u2067b\u2068c\u2069',
  'a mark of direction': '\u200e\u200f\u061c',
  'what has no width': '\u200b\u200d\u2060\ufeff\u00ad',
  'tags, which nobody sees': '\u{e0041}\u{e007f}',
  'an annotation': '\ufff9a\ufffab\ufffb',
} as const;

describe('harmless text', () => {
  test.each(Object.entries(acting))('does not hold %s', (_, text) => {
    expect(escapeControlCharacters(`a${text}z`)).toMatch(/^a[\x20-\x7e]+z$/);
  });

  test.each(Object.entries(acting))('is the same JSON with %s in it', (_, text) => {
    expect(JSON.parse(escapeControlCharacters(JSON.stringify({ text })))).toEqual({ text });
  });

  test.each(['plain', 'Grüße, 世界', 'שלום', '👍🏽 ❤️', '\\u001b', ' \u00a0'])(
    'leaves %j as it is',
    (text) => {
      expect(escapeControlCharacters(text)).toBe(text);
    },
  );
});

test('an excerpt of a text is its first 80 characters', () => {
  expect(excerpt('x'.repeat(80))).toBe('x'.repeat(80));
  expect(excerpt('x'.repeat(81))).toBe(`${'x'.repeat(80)}…`);
});
