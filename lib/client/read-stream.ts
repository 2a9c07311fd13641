import { createBlockReader } from './block-reader.ts';
import { feedRequest } from './feed-request.ts';
import { type Refusal, readRefusal } from './refusal.ts';
import { readFrame, type StreamFrame } from './stream-frame.ts';

/** What reading one stream tells, in order. After `refused`, `ended` or `cut` nothing follows. */
export type StreamNews =
  | { readonly kind: 'answered' }
  /** Bytes came: a sign of life, whatever they were. The frames they completed follow. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'frame'; readonly frame: StreamFrame }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The body ended cleanly. */
  | { readonly kind: 'ended' }
  /** The connection broke, was never made, or carried what is not a stream of this contract. */
  | { readonly kind: 'cut' };

export type StreamRequest = {
  readonly address: string;
  readonly token: string | null;
  readonly channels: readonly string[];
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Unix time in ms, to read a `Retry-After` that is a date. */
  now(): number;
};

/**
 * Reads one live stream to its end.
 * @param onNews is given all that one chunk brought at once; reading goes on when its promise is fulfilled.
 * @returns when the stream is over; never rejects. Nothing is told after `signal` aborts.
 */
export async function readStream(
  request: StreamRequest,
  onNews: (news: readonly StreamNews[]) => void | Promise<void>,
): Promise<void> {
  const { signal } = request;
  const tell = (news: readonly StreamNews[]) => (signal.aborted ? undefined : onNews(news));
  try {
    const response = await request.fetch(
      request.address,
      feedRequest('text/event-stream', request.token, signal),
    );
    if (response.status !== 200 || !isEventStream(response) || response.body === null) {
      return void tell([{ kind: 'refused', refusal: await readRefusal(response, request.now()) }]);
    }
    await tell([{ kind: 'answered' }]);
    await readBody(response.body, request, tell);
    await tell([{ kind: 'ended' }]);
  } catch {
    // Network errors and broken blocks are one thing to the reader: the stream cannot go on.
    await tell([{ kind: 'cut' }]);
  }
}

/** By the whole media type: its parameters say nothing, and its letters may be of either case (RFC 9110, 8.3.1). */
function isEventStream({ headers }: Response): boolean {
  const [mediaType = ''] = headers.get('content-type')?.split(';') ?? [];
  return mediaType.trim().toLowerCase() === 'text/event-stream';
}

async function readBody(
  body: ReadableStream<Uint8Array>,
  request: StreamRequest,
  tell: (news: readonly StreamNews[]) => void | Promise<void> | undefined,
): Promise<void> {
  let news: StreamNews[] = [];
  const readText = createBlockReader((block) => {
    const frame = readFrame(block, request.channels);
    if (frame !== null) news.push({ kind: 'frame', frame });
  });
  // A byte order mark is left to the block reader: Node's decoder takes off two when the first comes in pieces.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || request.signal.aborted) return;
      news = [{ kind: 'bytes' }];
      let broken: unknown = null;
      try {
        readText(decoder.decode(value, { stream: true }));
      } catch (error) {
        broken = error;
      }
      // What stood ahead of a broken block is whole, and is taken.
      await tell(news);
      if (broken !== null) throw broken;
    }
  } finally {
    // Without this a broken block would leave the connection open.
    reader.cancel().catch(() => undefined);
  }
}
