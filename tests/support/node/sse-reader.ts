import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { createParser } from 'eventsource-parser';
import { eventually, within } from './eventually.ts';
import { checkNoSecret } from './secrets.ts';

/** A received frame. */
export type Frame = {
  /** `id:`; empty if the frame has none. */
  readonly id: string;
  /** `event:`; `message` if the frame has none. */
  readonly event: string;
  readonly data: string;
  /** The time of its arrival, on `performance.now()`. */
  readonly at: number;
};

/** One connection to a stream, read as its bytes arrive. It ends with its scope (`using`). */
export type SseReader = Disposable & {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The frames so far, in order. */
  readonly frames: readonly Frame[];
  /** The body so far, for an answer that is not a stream. */
  text(): string;
  /** The last received `retry:`, in ms; null: none yet. */
  retryMs(): number | null;
  /** Waits for the first frame named `event`. It can have arrived before the call. */
  frame(event: string, withinMs?: number): Promise<Frame>;
  /** Resolves at the end of the stream: `ended` cleanly, or `cut`. */
  readonly over: Promise<'ended' | 'cut'>;
  /** Cuts the connection. */
  destroy(): void;
};

export type SseRequest = {
  /** The query of the request, without `?`. */
  readonly query?: string;
  /** The cursor to resume from. */
  readonly lastEventId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with each frame when it arrives. */
  readonly onFrame?: (frame: Frame) => void;
};

const acceptOfOurClient = 'text/event-stream, application/problem+json';

/**
 * Opens `/api/stream` and waits for the answer's headers.
 * @throws Error if the connection fails, or no answer arrives within 10 s.
 */
export async function openSse(app: { readonly url: string }, options: SseRequest = {}): Promise<SseReader> {
  const { query = '', lastEventId, headers = {}, onFrame } = options;
  const asked = request(`${app.url}/api/stream?${query}`, {
    // No pool: each reader has its own socket, as each browser has.
    agent: false,
    headers: {
      accept: acceptOfOurClient,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      ...headers,
    },
  });
  asked.end();
  try {
    const response = await within('the answer to the stream request starts', 30_000, answerOf(asked));
    return readResponse(asked, response, onFrame);
  } catch (error) {
    asked.destroy();
    throw error;
  }
}

function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve);
    // This listener stays. If the socket breaks later, the response reports it; without a listener Node would end the
    // run.
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
    frame: (event, withinMs = 30_000) =>
      eventually(`a frame "${event}" arrives`, withinMs, () => frames.find((frame) => frame.event === event)),
    over,
    destroy,
    [Symbol.dispose]: destroy,
  };
}
