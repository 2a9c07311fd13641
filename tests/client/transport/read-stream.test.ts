import { describe, expect, test } from 'vitest';
import { readStream, type StreamNews } from '../../../lib/client/transport/sse.ts';
import {
  eventFrame,
  gapFrame,
  handoverFrame,
  heartbeatFrame,
  helloFrame,
  lastFrame,
  loneComment,
  paddingFrame,
} from '../../../lib/core/sse-frames.ts';

const event = { id: '40-4', channel: 'feed', type: 'note', time: 40, data: { text: 'Grüße, 世界 🌍\n' } };
const gap = {
  channel: 'feed',
  reason: 'trimmed',
  missed: 2,
  exact: true,
  after: '10-1',
  resumesAt: '40-4',
} as const;
const hello = { cursor: '10-1~aaaaaa', heartbeatMs: 15_000, deadlineMs: 300_000, version: '0.1.0' };
const whole = [
  paddingFrame,
  helloFrame(hello, 1_000),
  gapFrame('40-3~aaaaaa', gap),
  eventFrame('40-4~aaaaaa', JSON.stringify(event)),
  heartbeatFrame('40-4~aaaaaa', 1_763_841_234_567),
  handoverFrame('40-4~aaaaaa', { reason: 'deadline', closesInMs: 6_000 }),
  lastFrame(500),
  loneComment(1_763_841_234_667),
].join('');

/** Reads a body that comes in these chunks. */
async function read(
  chunks: readonly Uint8Array[],
  headers: Record<string, string> = { 'content-type': 'text/event-stream' },
  status = 200,
) {
  const news: StreamNews[] = [];
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[at];
      at += 1;
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
  const fetchOnce: typeof fetch = async () => new Response(body, { headers, status });
  const request = {
    address: 'http://feed',
    token: null,
    channels: ['feed'],
    signal: new AbortController().signal,
    fetch: fetchOnce,
    now: () => 0,
  };
  await readStream(request, (more) => void news.push(...more));
  return news;
}

const framesOf = (news: readonly StreamNews[]) =>
  news.flatMap((each) => (each.kind === 'frame' ? [each.frame] : []));
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe('reading a stream', () => {
  test('each frame that the server writes is read back', async () => {
    const news = await read([bytesOf(whole)]);
    const frames = framesOf(news);
    expect(frames.map(({ kind }) => kind)).toEqual([
      'hello',
      'item',
      'item',
      'heartbeat',
      'handover',
      'time',
    ]);
    expect(frames[0]).toMatchObject({ hello });
    expect(frames[1]).toMatchObject({
      item: { kind: 'gap', gap, position: { id: { time: 40, seq: 3 }, epoch: 'aaaaaa' } },
    });
    expect(frames[2]).toMatchObject({
      item: { kind: 'event', event, position: { id: { time: 40, seq: 4 } } },
    });
    expect(news.at(-1)).toEqual({ kind: 'ended' });
  });

  test.each(['\n', '\r\n', '\r'])(
    'a split at any byte, with the line end %j, changes nothing',
    async (end) => {
      const bytes = bytesOf(whole.slice(2_040).replaceAll('\n', end));
      const expected = framesOf(await read([bytes]));
      for (let at = 1; at < bytes.length; at += 1) {
        expect(framesOf(await read([bytes.subarray(0, at), bytes.subarray(at)])), `split at ${at}`).toEqual(
          expected,
        );
      }
    },
  );

  test('an unfinished frame is ignored', async () => {
    const frames = framesOf(await read([bytesOf(whole.slice(0, whole.indexOf('event: heartbeat') - 30))]));
    expect(frames.map(({ kind }) => kind)).toEqual(['hello', 'item']);
  });

  test.each(['\n\n', '\r\n\r\n', '\r\r', '\r\n\r'])(
    'a frame that ends with %j arrives with its last byte',
    async (end) => {
      const [frame = ''] = eventFrame('40-4~aaaaaa', JSON.stringify(event)).split('\n\n');
      const news = await read([bytesOf(`${frame}${end}`), bytesOf(':')]);
      expect(news.map(({ kind }) => kind)).toEqual(['answered', 'bytes', 'frame', 'bytes', 'ended']);
    },
  );

  test('a comment shows that the stream is alive', async () => {
    expect((await read([bytesOf(':\n\n')])).map(({ kind }) => kind)).toEqual(['answered', 'bytes', 'ended']);
  });

  test('an unknown kind of frame is ignored', async () => {
    expect(framesOf(await read([bytesOf('event: later\ndata: no json\n\n')]))).toEqual([]);
  });

  const broken = [
    ['data that is no JSON', 'id: 10-1\ndata: {"id":\n\n'],
    ['an event without a cursor', `data: ${JSON.stringify(event)}\n\n`],
    ['an event of another channel', `id: 10-1\ndata: ${JSON.stringify({ ...event, channel: 'other' })}\n\n`],
    ['a malformed id', `id: 10-1\ndata: ${JSON.stringify({ ...event, id: 'x' })}\n\n`],
    ['a block without end', `data: ${'x'.repeat(1_100_000)}`],
  ] as const;
  test.each(broken)('%s ends the stream, and the frames before it are kept', async (_name, text) => {
    const news = await read([bytesOf(`${whole}${text}`)]);
    expect(framesOf(news)).toHaveLength(5);
    expect(news.at(-1)).toEqual({ kind: 'disconnected' });
  });

  test('a refusal has the status, Retry-After and the problem', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Unavailable',
      status: 503,
      detail: 'the log cannot be reached',
    };
    const headers = { 'content-type': 'application/problem+json', 'retry-after': '7' };
    const news = await read([bytesOf(JSON.stringify(problem))], headers, 503);
    expect(news).toEqual([{ kind: 'refused', refusal: { status: 503, retryAfterMs: 7_000, problem } }]);
  });

  test('a Retry-After may be a date', async () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 1970 00:00:09 GMT' };
    expect(await read([], headers, 503)).toMatchObject([{ refusal: { retryAfterMs: 9_000 } }]);
  });

  test('status 200 with another content type is a refusal', async () => {
    const news = await read([bytesOf('<!doctype html>')], { 'content-type': 'text/html' });
    expect(news).toEqual([{ kind: 'refused', refusal: { status: 200, retryAfterMs: null, problem: null } }]);
  });
});
