import { createParser } from 'eventsource-parser';
import { describe, expect, test } from 'vitest';
import { type Block, createBlockReader } from '../../../lib/client/transport/sse.ts';
import { seeded } from '../../support/client/seeded.ts';

/** The blocks of a stream that comes in these pieces. */
function read(...pieces: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  const take = createBlockReader((block) => blocks.push(block));
  for (const piece of pieces) take(piece);
  return blocks;
}

/** The same by another reader of the standard. */
function readByLibrary(text: string): readonly Block[] {
  const blocks: Block[] = [];
  const onEvent = (found: { event?: string | undefined; id?: string | undefined; data: string }) =>
    blocks.push({ event: found.event ?? '', id: found.id ?? '', data: found.data });
  createParser({ onEvent }).feed(text);
  return blocks;
}

const block = (data: string, more: Partial<Block> = {}): Block => ({ event: '', id: '', data, ...more });

const cases: readonly (readonly [fact: string, text: string, blocks: readonly Block[]])[] = [
  [
    'a block carries its event, id and data',
    'id: 1\nevent: a\ndata: x\n\n',
    [block('x', { event: 'a', id: '1' })],
  ],
  ['the order of fields does not matter', 'data: x\nevent: a\n\n', [block('x', { event: 'a' })]],
  ['of a field that is named twice the last counts', 'id: 1\nid: 2\ndata: x\n\n', [block('x', { id: '2' })]],
  ['several lines of data are one text', 'data: x\ndata:\ndata: y\n\n', [block('x\n\ny')]],
  ['one space after the colon is no part of the value', 'data:x\n\ndata:  x\n\n', [block('x'), block(' x')]],
  ['a colon may be part of the value', 'data: a:b: c\n\n', [block('a:b: c')]],
  ['a field without a colon is empty', 'data\n\n', [block('')]],
  ['an id that holds NULL is ignored', 'id: 1\nid: 2\0\ndata: x\n\n', [block('x', { id: '1' })]],
  [
    'an id is that of its block alone',
    'id: 1\ndata: x\n\ndata: y\n\n',
    [block('x', { id: '1' }), block('y')],
  ],
  ['an empty event or id is as good as none', 'event: a\nevent\nid:\ndata: x\n\n', [block('x')]],
  ['comments are passed over', ': x\n:\n:data: y\ndata: x\n: y\n\n:\n\n', [block('x')]],
  ['fields it does not know are passed over', 'retry: 5\nDATA: y\n data: y\ndata: x\n\n', [block('x')]],
  ['a block without data is no message, and leaves nothing', 'event: a\nid: 1\n\ndata: x\n\n', [block('x')]],
  ['empty lines between blocks mean nothing', '\n\ndata: x\n\n\n\ndata: y\n\n', [block('x'), block('y')]],
  ['a block that is not ended is not told', 'data: x\n\ndata: y\n', [block('x')]],
];

describe.each(['\n', '\r\n', '\r'])('a stream whose lines end with %j', (end) => {
  test.each(cases)('%s', (_fact, written, blocks) => {
    const text = written.replaceAll('\n', end);
    expect(read(text)).toEqual(blocks);
    expect(readByLibrary(text)).toEqual(blocks);
  });

  test.each(cases)('%s, wherever it is cut in three', (_fact, written, blocks) => {
    const text = written.replaceAll('\n', end);
    for (let a = 0; a <= text.length; a += 1) {
      for (let b = a; b <= text.length; b += 1) {
        expect(read(text.slice(0, a), text.slice(a, b), text.slice(b)), `cut at ${a}, ${b}`).toEqual(blocks);
      }
    }
  });
});

test('a block is told with its last character, whatever ends its lines', () => {
  expect(read('data: x\r\r')).toEqual([block('x')]);
  expect(read('data: x\r\n\r')).toEqual([block('x')]);
});

const seed = Date.now();

test(`any text in any pieces is read as another reader of the standard reads it (seed ${seed})`, () => {
  const { below, pick } = seeded(seed);
  for (let run = 0; run < 2_000; run += 1) {
    const words = [
      'data',
      'event',
      'id',
      'retry',
      ':',
      ' ',
      'x',
      '\0',
      '\n',
      '\n',
      '\r',
      '\r\n',
      'é',
    ] as const;
    const pieces = Array.from({ length: below(30) }, () => pick(words));
    expect(read(...pieces), JSON.stringify(pieces)).toEqual(readByLibrary(pieces.join('')));
  }
});

test.each([
  ['one line', ['data: ', ...Array.from({ length: 1_100 }, () => 'x'.repeat(1_000))]],
  ['many lines', Array.from({ length: 1_100 }, () => `data: ${'x'.repeat(1_000)}\n`)],
])('a block of %s without end is an error, not memory', (_of, pieces) => {
  expect(() => read(...pieces)).toThrow(RangeError);
});

test('blocks that have an end may be as many as they like', () => {
  expect(read(...Array.from({ length: 1_100 }, () => `data: ${'x'.repeat(1_000)}\n\n`))).toHaveLength(1_100);
});
