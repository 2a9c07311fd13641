import { describe, expect, test } from 'vitest';
import { maxLineBytes, splitLines } from '../../scripts/push/push-input.ts';
import { linesOf, pieces } from '../support/scripts/push-steps.ts';

const texts = async (...parts: readonly (string | Uint8Array)[]) =>
  (await linesOf(...parts)).map((line) => line.text);

describe('lines of an input', () => {
  test('are the same wherever the input is cut', async () => {
    const input = Buffer.from('één\r\n\nzwei\n三\r\nlast');

    for (let at = 0; at <= input.length; at += 1) {
      expect(await texts(input.subarray(0, at), input.subarray(at))).toEqual([
        'één',
        '',
        'zwei',
        '三',
        'last',
      ]);
    }
  });

  test('are the same when every byte comes on its own', async () => {
    const input = Buffer.from('é\r\n\n三\nlast');

    expect(await texts(...[...input].map((byte) => Buffer.from([byte])))).toEqual(['é', '', '三', 'last']);
  });

  test('end with LF or CRLF; the last may end with neither', async () => {
    expect(await texts('a\r\nb\nc')).toEqual(['a', 'b', 'c']);
    expect(await texts('a\n')).toEqual(['a']);
    expect(await texts('')).toEqual([]);
  });

  test('keep a carriage return inside them', async () => {
    expect(await texts('a\rb\n')).toEqual(['a\rb']);
  });

  test('lose a byte order mark at the start of the input, and keep it elsewhere', async () => {
    expect(await texts('\uFEFFa\n\uFEFFb\n')).toEqual(['a', '\uFEFFb']);
  });

  test('are numbered from 1, empty ones included', async () => {
    expect((await linesOf('a\n\nb')).map((line) => line.number)).toEqual([1, 2, 3]);
  });

  test('that are not UTF-8 are an error with their number, after all lines before them', async () => {
    const lines = splitLines(pieces('a\nb\n', Buffer.from([0xc3, 0x28, 0x0a])));

    expect((await lines.next()).value).toMatchObject({ text: 'a' });
    expect((await lines.next()).value).toMatchObject({ text: 'b' });
    await expect(lines.next()).rejects.toThrow('line 3 is not valid UTF-8');
  });

  test('that are too long are an error with their number, and are not read to the end', async () => {
    let given = 0;
    const endless = async function* () {
      for (yield Buffer.from('a\n'); ; given += 1) yield Buffer.alloc(1_024, 'x');
    };
    const lines = splitLines(endless());
    await lines.next();

    await expect(lines.next()).rejects.toThrow('line 2 has more than');
    expect(given).toBeLessThanOrEqual(maxLineBytes / 1_024 + 1);
  });
});
