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
  detail: 'first\nsecond\r\nid: 9-9\n\ndata: x',
};

/** Text that breaks careless framing. */
const letters = [
  '\n',
  '\r',
  '\r\n',
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

type Frame = { readonly text: string; readonly heard: readonly string[] };

/** What a reader hears of a frame, as `readInPieces` writes it down. */
const spoken = (id: string | undefined, name: string | undefined, data: unknown) =>
  `event ${name ?? '-'} id ${id ?? '-'} data ${JSON.stringify(data)}`;

const eventOf = (data: unknown): Frame => ({
  text: eventFrame(cursor, JSON.stringify(event(data))),
  heard: [spoken(cursor, undefined, event(data))],
});

const frames: readonly Frame[] = [
  { text: paddingFrame, heard: ['comment'] },
  { text: helloFrame(hello, 1_234), heard: ['retry 1234', spoken(cursor, 'hello', hello)] },
  eventOf(letters.join('')),
  eventOf(null),
  { text: gapFrame('9-4~abc123', gap), heard: [spoken('9-4~abc123', 'gap', gap)] },
  { text: heartbeatFrame(cursor), heard: [spoken(cursor, 'heartbeat', {})] },
  eventOf({ [letters.join('')]: [letters] }),
  {
    text: handoverFrame(cursor, { reason: 'deadline', closesInMs: 6_000 }),
    heard: [spoken(cursor, 'handover', { reason: 'deadline', closesInMs: 6_000 })],
  },
  { text: refusedFrame(problem, 5_000), heard: ['retry 5000', spoken(undefined, 'refused', problem)] },
  { text: lastFrame(250), heard: ['retry 250'] },
];

/** Feeds a reader the pieces one by one; gives what it heard, in order. */
function readInPieces(pieces: readonly string[]): string[] {
  const heard: string[] = [];
  const parser = createParser({
    onEvent: (message) => heard.push(spoken(message.id, message.event, JSON.parse(message.data))),
    onRetry: (ms) => heard.push(`retry ${ms}`),
    onComment: () => heard.push('comment'),
    onError: (error) => heard.push(`error ${error.message}`),
  });
  for (const piece of pieces) parser.feed(piece);
  return heard;
}

/** The bytes of a text in pieces, decoded as a stream reader decodes them. */
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
  const heard = frames.flatMap((frame) => frame.heard);

  test('a reader of the whole stream hears every frame', () => {
    expect(readInPieces([stream])).toEqual(heard);
  });

  test('a reader whose stream is cut in two at any character hears the same', () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(readInPieces([stream.slice(0, cut), stream.slice(cut)]), `cut at ${cut}`).toEqual(heard);
    }
  });

  test('a reader whose stream is cut in two at any byte hears the same', () => {
    const bytes = new TextEncoder().encode(stream);

    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(readInPieces(decodePieces(bytes, [cut])), `cut at byte ${cut}`).toEqual(heard);
    }
  });

  test('a reader that gets one character at a time hears the same', () => {
    expect(readInPieces(stream.split(''))).toEqual(heard);
  });

  test('a stream that ends inside a frame tells all frames ahead of it, and nothing of the last', () => {
    let ahead = 0;
    for (const frame of frames) {
      const told = readInPieces([stream.slice(0, ahead + frame.text.length - 1)]);
      const whole = readInPieces([stream.slice(0, ahead)]);
      expect(told.filter((word) => word.startsWith('event'))).toEqual(
        whole.filter((word) => word.startsWith('event')),
      );
      ahead += frame.text.length;
    }
  });

  test.each(seeds(100))('any data, cut anywhere, comes back as it was sent (seed %i)', (seed) => {
    const random = seeded(seed);
    const sent = Array.from({ length: random.whole(1, 8) }, () => eventOf(randomJson(random)));
    const bytes = new TextEncoder().encode(sent.map((frame) => frame.text).join(''));
    const cuts = Array.from({ length: random.whole(0, 20) }, () => random.whole(0, bytes.length));
    const pieces = decodePieces(
      bytes,
      cuts.toSorted((a, b) => a - b),
    );

    expect(readInPieces(pieces)).toEqual(sent.flatMap((frame) => frame.heard));
  });

  test.each(frames.map((frame) => [frame.text.trim().slice(0, 60), frame.text]))(
    'every line of a frame is a field or a comment: %j',
    (_, text) => {
      expect(text).toMatch(/^(?:(?:id|event|data|retry): [^\r\n]+\n|: *\n)+\n$/);
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

  test('a planned end never asks for a pause of 0, on which browsers spin', () => {
    expect(lastFrame(0)).toBe('retry: 1\n\n');
    expect(refusedFrame(problem, 0)).toMatch(/^retry: 1\n/);
  });
});

test('the version that is told is the one of package.json', () => {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

  expect(version).toBe(JSON.parse(file).version);
});
