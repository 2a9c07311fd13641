import { readFileSync } from 'node:fs';
import { createParser } from 'eventsource-parser';
import { describe, expect, test } from 'vitest';
import type { Gap } from '../../lib/core/continuity.ts';
import {
  eventFrame,
  gapFrame,
  handoverFrame,
  heartbeatFrame,
  helloFrame,
  lastFrame,
  paddingFrame,
  refusedFrame,
  version,
} from '../../lib/core/sse-frames.ts';
import { type Seeded, seeded, seeds } from '../support/seeded.ts';

const cursor = 'a@5-1~abc123,b@0-0';
const hello = { cursor, heartbeatMs: 15_000, deadlineMs: 250_000, version: '0.1.0' };
const gap: Gap = {
  channel: 'a',
  reason: 'trimmed',
  missed: 3,
  exact: true,
  after: '5-1',
  resumesAt: '9-5',
};
const problem = {
  type: 'about:blank',
  title: 'No',
  status: 503,
  detail: 'first\nsecond\r\nid: 9-9\n\ndata: x\u0085data: y\u2028data: z\u2029',
};

/** Text that breaks careless framing. */
const letters = [
  '\n',
  '\r',
  '\r\n',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u0000',
  '\ufeff',
  '🚀',
  '\ud800',
  ':',
  ' ',
  'data: ',
  'id: 9-9',
  '\n\n',
  'é',
  'x',
  '"',
  '\\',
];

const event = (data: unknown) => ({ id: '5-1', channel: 'a', type: 'message', time: 5, data });

type Frame = { readonly text: string; readonly parsed: readonly string[] };

/** One parsed event in words. */
const written = (id: string | undefined, name: string | undefined, data: unknown) =>
  `event ${name ?? '-'} id ${id ?? '-'} data ${JSON.stringify(data)}`;

const eventOf = (data: unknown): Frame => ({
  text: eventFrame(cursor, JSON.stringify(event(data))),
  parsed: [written(cursor, undefined, event(data))],
});

const frames: readonly Frame[] = [
  { text: paddingFrame, parsed: ['comment'] },
  { text: helloFrame(hello, 1_234), parsed: ['retry 1234', written(cursor, 'hello', hello)] },
  eventOf(letters.join('')),
  eventOf(null),
  { text: gapFrame('9-4~abc123', gap), parsed: [written('9-4~abc123', 'gap', gap)] },
  { text: heartbeatFrame(cursor, 7), parsed: [written(cursor, 'heartbeat', { time: 7 })] },
  eventOf({ [letters.join('')]: [letters] }),
  {
    text: handoverFrame(cursor, { reason: 'deadline', closesInMs: 6_000 }),
    parsed: [written(cursor, 'handover', { reason: 'deadline', closesInMs: 6_000 })],
  },
  { text: refusedFrame(problem, 5_000), parsed: ['retry 5000', written(undefined, 'refused', problem)] },
  { text: lastFrame(250), parsed: ['retry 250'] },
];

/** Feeds the pieces to a parser one by one; returns what it parsed, in order. */
function readInPieces(pieces: readonly string[]): string[] {
  const parsed: string[] = [];
  const parser = createParser({
    onEvent: (message) => parsed.push(written(message.id, message.event, JSON.parse(message.data))),
    onRetry: (ms) => parsed.push(`retry ${ms}`),
    onComment: () => parsed.push('comment'),
    onError: (error) => parsed.push(`error ${error.message}`),
  });
  for (const piece of pieces) parser.feed(piece);
  return parsed;
}

/** The bytes of a text in pieces, decoded as a reader of a stream decodes them. */
function decodePieces(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const decoder = new TextDecoder();
  const ends = [...cuts, bytes.length];
  return ends.map((end, index) =>
    decoder.decode(bytes.subarray(cuts[index - 1] ?? 0, end), { stream: true }),
  );
}

function randomJson(random: Seeded, depth = 0): unknown {
  const kind = random.whole(0, depth > 3 ? 3 : 5);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return random.whole(-1e9, 1e9) / random.pick([1, 8, 1_000]);
  if (kind < 4) return random.text(letters, 0, 20);
  const items = Array.from({ length: random.whole(0, 4) }, () => randomJson(random, depth + 1));
  if (kind === 4) return items;
  return Object.fromEntries(items.map((item) => [random.text(letters, 0, 3), item]));
}

describe('frames', () => {
  const stream = frames.map((frame) => frame.text).join('');
  const parsed = frames.flatMap((frame) => frame.parsed);

  test('a stream that arrives whole reads as all its frames', () => {
    expect(readInPieces([stream])).toEqual(parsed);
  });

  test('a stream that is split in two at any character reads the same', () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(readInPieces([stream.slice(0, cut), stream.slice(cut)]), `cut at ${cut}`).toEqual(parsed);
    }
  });

  test('a stream that is split in two at any byte reads the same', () => {
    const bytes = new TextEncoder().encode(stream);

    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(readInPieces(decodePieces(bytes, [cut])), `cut at byte ${cut}`).toEqual(parsed);
    }
  });

  test('a stream that arrives one character at a time reads the same', () => {
    expect(readInPieces(stream.split(''))).toEqual(parsed);
  });

  test('a stream that ends inside a frame gives all frames before it, and nothing of the last', () => {
    let before = 0;
    for (const frame of frames) {
      const cutShort = readInPieces([stream.slice(0, before + frame.text.length - 1)]);
      const whole = readInPieces([stream.slice(0, before)]);
      expect(cutShort.filter((word) => word.startsWith('event'))).toEqual(
        whole.filter((word) => word.startsWith('event')),
      );
      before += frame.text.length;
    }
  });

  test.each(seeds(100))('any data, split anywhere, reads back as it was sent (seed %i)', (seed) => {
    const random = seeded(seed);
    const sent = Array.from({ length: random.whole(1, 8) }, () => eventOf(randomJson(random)));
    const bytes = new TextEncoder().encode(sent.map((frame) => frame.text).join(''));
    const cuts = Array.from({ length: random.whole(0, 20) }, () => random.whole(0, bytes.length));
    const pieces = decodePieces(
      bytes,
      cuts.toSorted((a, b) => a - b),
    );

    expect(readInPieces(pieces)).toEqual(sent.flatMap((frame) => frame.parsed));
  });

  test.each(frames.map((frame) => [frame.text.trim().slice(0, 60), frame.text]))(
    'every line of a frame is a field or a comment: %j',
    (_, text) => {
      // Readers in some languages end a line at the last three characters as well.
      expect(text).toMatch(/^(?:(?:id|event|data|retry): [^\r\n\u0085\u2028\u2029]+\n|: *\n)+\n$/);
    },
  );

  test('the padding is a comment of 2 KiB', () => {
    expect(new TextEncoder().encode(paddingFrame)).toHaveLength(2_048);
  });

  test('an event has no event field, so that onmessage gets every type', () => {
    expect(eventFrame('5-1~abc123', '{"type":"machine"}')).toBe(
      'id: 5-1~abc123\ndata: {"type":"machine"}\n\n',
    );
  });

  test('a planned end never asks for a pause of 0, because browsers then reconnect in a loop', () => {
    expect(lastFrame(0)).toBe('retry: 1\n\n');
    expect(refusedFrame(problem, 0)).toMatch(/^retry: 1\n/);
  });
});

test('the version that the server reports is the one in package.json', () => {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

  expect(version).toBe(JSON.parse(file).version);
});
