import { describe, expect, test } from 'vitest';
import { escapeControlCharacters, escapeLineEnds, excerpt } from '../../lib/core/safe-text.ts';

/** Characters that control a terminal, or change how the text beside them looks. */
const controlling = {
  'a control sequence': '\u001b[2J',
  'a control sequence of one character': '\u009b31m',
  'a link': '\u001b]8;;https://evil.test\u001b\\here\u001b]8;;\u0007',
  'a link of C1 controls': '\u009d8;;https://evil.test\u009chere',
  'a title': '\u001b]0;title\u0007',
  'a string for the device': '\u0090q\u009c',
  'a carriage return': 'one\rtwo',
  'a new line': 'one\ntwo',
  'a next line': 'one\u0085two',
  'a line separator': 'one\u2028two\u2029three',
  'a backspace': 'one\b\b\b\u007ftwo',
  'an override of the text direction': '\u202etxt.exe\u202c',
  'an isolate': '\u2066a\u2067b\u2068c\u2069',
  'a direction mark': '\u200e\u200f\u061c',
  'characters without a width': '\u200b\u200d\u2060\ufeff\u00ad',
  'invisible tags': '\u{e0041}\u{e007f}',
  'an annotation': '\ufff9a\ufffab\ufffb',
} as const;

describe('escaping of control characters', () => {
  test.each(Object.entries(controlling))('removes %s', (_, text) => {
    expect(escapeControlCharacters(`a${text}z`)).toMatch(/^a[\x20-\x7e]+z$/);
  });

  test.each(Object.entries(controlling))('keeps JSON with %s the same JSON', (_, text) => {
    expect(JSON.parse(escapeControlCharacters(JSON.stringify({ text })))).toEqual({ text });
  });

  test.each(['plain', 'Grüße, 世界', 'שלום', '👍🏽 ❤️', '\\u001b', ' \u00a0'])(
    'does not change %j',
    (text) => {
      expect(escapeControlCharacters(text)).toBe(text);
    },
  );
});

describe('escaping of line ends', () => {
  const text = 'one\u0085two\u2028three\u2029four';

  test('writes the three that JSON leaves in a string, and keeps the JSON the same', () => {
    const escaped = escapeLineEnds(JSON.stringify({ text }));

    expect(escaped).toBe('{"text":"one\\u0085two\\u2028three\\u2029four"}');
    expect(JSON.parse(escaped)).toEqual({ text });
  });

  test('leaves everything else as it is', () => {
    const other = JSON.stringify('Grüße, 世界 👍🏽\u200b\u202e\u009b\n');

    expect(escapeLineEnds(other)).toBe(other);
  });
});

test('an excerpt of a text is its first 80 characters', () => {
  expect(excerpt('x'.repeat(80))).toBe('x'.repeat(80));
  expect(excerpt('x'.repeat(81))).toBe(`${'x'.repeat(80)}…`);
});
