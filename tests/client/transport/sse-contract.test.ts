import { describe, expect, test } from 'vitest';
import type { StreamFrame } from '../../../lib/client/transport/messages.ts';
import { readStream, type StreamNews } from '../../../lib/client/transport/sse.ts';
import type { SseCase } from '../../support/client/sse-case.ts';
import { longSseCases, sseCases } from '../../support/client/sse-contract.ts';
import { seeded } from '../../support/seeded.ts';

type Pieces = readonly Uint8Array[];

/** What the client reads in a body that comes in these pieces, and how it is over. */
async function read(pieces: Pieces): Promise<{ read: readonly string[]; end: string }> {
  const news: StreamNews[] = [];
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[at];
      at += 1;
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  const request = {
    address: 'http://feed',
    token: null,
    channels: ['feed'],
    signal: new AbortController().signal,
    fetch: async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    now: () => 0,
  };
  await readStream(request, (more) => void news.push(...more));
  const frames = news.flatMap((each) => (each.kind === 'frame' ? [wordOf(each.frame)] : []));
  return { read: frames, end: news.at(-1)?.kind ?? 'nothing' };
}

function wordOf(frame: StreamFrame): string {
  if (frame.kind === 'refused' || frame.kind === 'time') return `- ${frame.kind}`;
  const seq = frame.cursor.get('feed')?.id.seq;
  const isEvent = frame.kind === 'item' && frame.item.kind === 'event';
  return `${seq} ${isEvent ? JSON.stringify(frame.item.event.data) : frame.kind}`;
}

/** The body with each of the three line ends; as it is where it has its own. */
function bodiesOf({ sent }: SseCase): readonly Uint8Array[] {
  if (typeof sent !== 'string') return [sent];
  const ends = sent.includes('\r') ? ['\n'] : ['\n', '\r\n', '\r'];
  return ends.map((end) => new TextEncoder().encode(sent.replaceAll('\n', end)));
}

function* splitsOf(bytes: Uint8Array): Generator<readonly [string, Pieces]> {
  yield ['as a whole', [bytes]];
  yield ['byte by byte', pieces(bytes, 1)];
  for (let at = 1; at < bytes.length; at += 1) {
    yield [`split at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]];
  }
}

const seed = Date.now();

/** Cuts the bytes into many pieces, some of them empty, in 40 ways. */
function* randomSplitsOf(bytes: Uint8Array): Generator<readonly [string, Pieces]> {
  const { below } = seeded(seed);
  for (let run = 0; run < 40; run += 1) {
    const cuts = Array.from({ length: below(9) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
    const ends = [...cuts, bytes.length];
    yield [`cut at ${cuts.join(', ')}`, ends.map((end, at) => bytes.subarray(cuts[at - 1] ?? 0, end))];
  }
}

const lengths = [997, 4_096, 16_384, 65_536, 65_537, 262_144];

function* longSplitsOf(bytes: Uint8Array): Generator<readonly [string, Pieces]> {
  yield ['as a whole', [bytes]];
  for (const length of lengths) yield [`in pieces of ${length}`, pieces(bytes, length)];
}

function pieces(bytes: Uint8Array, length: number): Pieces {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * length, (index + 1) * length));
}

describe('the client, wherever the bytes are split,', () => {
  test.each(sseCases)('$name', async (one) => {
    for (const bytes of bodiesOf(one)) {
      for (const [how, split] of splitsOf(bytes)) {
        expect(await read(split), `${how}: ${JSON.stringify(new TextDecoder().decode(bytes))}`).toEqual({
          read: one.read,
          end: one.end ?? 'ended',
        });
      }
    }
  });
});

describe(`the client, in many pieces (seed ${seed}),`, () => {
  test.each(sseCases)('$name', async (one) => {
    for (const bytes of bodiesOf(one)) {
      for (const [how, split] of randomSplitsOf(bytes)) {
        expect(await read(split), how).toEqual({ read: one.read, end: one.end ?? 'ended' });
      }
    }
  });
});

describe('the client, in pieces of any length,', () => {
  test.each(longSseCases)('$name', async (one) => {
    for (const bytes of bodiesOf(one)) {
      for (const [how, split] of longSplitsOf(bytes)) {
        expect(await read(split), how).toEqual({ read: one.read, end: one.end ?? 'ended' });
      }
    }
  });
});
