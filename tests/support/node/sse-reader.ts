import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { createParser } from 'eventsource-parser';
import { eventually, within } from './eventually.ts';
import { checkNoSecret } from './secrets.ts';

/** A frame as a reader sees it. */
export type Frame = {
  /** `id:`; empty where the frame has none. */
  readonly id: string;
  /** `event:`; `message` where the frame has none. */
  readonly event: string;
  readonly data: string;
  /** When it came, on `performance.now()`. */
  readonly at: number;
};

/** One connection to a stream, read as the bytes come. Ends with the scope that holds it by `using`. */
export type SseReader = Disposable & {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What came so far, in order. */
  readonly frames: readonly Frame[];
  /** The body so far: for answers that are no stream. */
  text(): string;
  /** The last `retry:` that came, in ms; null before the first. */
  retryMs(): number | null;
  /** Waits for a frame called `event`, past or to come. */
  frame(event: string, withinMs?: number): Promise<Frame>;
  /** Resolves when it is over: `ended` cleanly, or `cut`. */
  readonly over: Promise<'ended' | 'cut'>;
  /** Cuts the connection, without a word. */
  destroy(): void;
};

export type SseRequest = {
  /** Query of the request, without `?`. */
  readonly query?: string;
  /** A cursor to resume from. */
  readonly lastEventId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with each frame as it comes. */
  readonly onFrame?: (frame: Frame) => void;
};

const acceptOfOurClient = 'text/event-stream, application/problem+json';

/**
 * Opens `/api/stream` and waits for the answer's headers.
 * @throws Error when the connection fails, or nothing is answered in 10 s.
 */
export async function openSse(app: { readonly url: string }, options: SseRequest = {}): Promise<SseReader> {
  const { query = '', lastEventId, headers = {}, onFrame } = options;
  const asked = request(`${app.url}/api/stream?${query}`, {
    // No pool: each reader has a socket of its own, as each browser has.
    agent: false,
    headers: {
      accept: acceptOfOurClient,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      ...headers,
    },
  });
  asked.end();
  try {
    const response = await within('the stream is answered', 10_000, answerOf(asked));
    return readResponse(asked, response, onFrame);
  } catch (error) {
    asked.destroy();
    throw error;
  }
}

function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve);
    // Stays: a socket that breaks later is told by the response, and must not end the test run.
    asked.on('error', reject);
  });
}

function readResponse(
  asked: ClientRequest,
  response: IncomingMessage,
  onFrame: ((frame: Frame) => void) | undefined,
): SseReader {
  const frames: Frame[] = [];
  let text = '';
  let retryMs: number | null = null;
  const parser = createParser({
    onEvent({ id = '', event = 'message', data }) {
      const frame = { id, event, data, at: performance.now() };
      frames.push(frame);
      onFrame?.(frame);
    },
    onRetry: (ms) => {
      retryMs = ms;
    },
  });
  const { promise: over, resolve } = Promise.withResolvers<'ended' | 'cut'>();
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    checkNoSecret(chunk, 'a stream');
    text = (text + chunk).slice(0, 10_000);
    parser.feed(chunk);
  });
  response.on('end', () => resolve('ended'));
  response.on('error', () => resolve('cut'));
  response.on('close', () => resolve('cut'));
  const destroy = () => void asked.destroy();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    frames,
    text: () => text,
    retryMs: () => retryMs,
    frame: (event, withinMs = 10_000) =>
      eventually(`a frame "${event}" comes`, withinMs, () => frames.find((frame) => frame.event === event)),
    over,
    destroy,
    [Symbol.dispose]: destroy,
  };
}
