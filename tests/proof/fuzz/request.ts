import type { ExpectedAnswer, Input } from './plan.ts';

/** Time limit of an answer, in ms, unless the protocol says otherwise. */
export const slowMs = 2_000;

/** An expected answer; by default of `/api/events` to GET. */
export function expectAnswer(expected: Partial<ExpectedAnswer>): ExpectedAnswer {
  return {
    method: 'GET',
    route: 'events',
    statuses: null,
    withinMs: slowMs,
    namesHost: false,
    isHeld: false,
    body: null,
    newestOf: null,
    ...expected,
  };
}

/** One complete request on a connection that stays open, and its answer. */
export function oneRequest(request: RequestParts, expected: Partial<ExpectedAnswer> = {}): Input {
  return {
    parts: [requestBytes(request)],
    keepsConnection: expected.isHeld !== true,
    expectedAnswers: [expectAnswer({ method: request.method ?? 'GET', ...expected })],
    ending: { kind: 'answers' },
  };
}

/** One broken request on a connection of its own, which is closed after a moment. */
export function brokenRequest(
  parts: readonly Buffer[],
  expected: Partial<ExpectedAnswer>,
  afterMs: number,
): Input {
  return {
    parts,
    keepsConnection: false,
    expectedAnswers: [expectAnswer(expected)],
    ending: { kind: 'leave', afterMs },
  };
}

/** A request exactly as it is written: nothing is checked or escaped. */
export type RequestParts = {
  /** Default: GET. */
  readonly method?: string;
  readonly target: string;
  /** Default: HTTP/1.1. */
  readonly version?: string;
  /** Headers besides `host`, `content-length` and `transfer-encoding`. */
  readonly headers?: readonly Header[];
  /** Default: none. */
  readonly body?: Buffer | null;
  /** Send the body in chunks of these sizes; default: with a length. */
  readonly chunkSizes?: readonly number[];
};

export type Header = readonly [name: string, value: string];

/** The bytes of a request. Its head is Latin-1, as HTTP requires. */
export function requestBytes(request: RequestParts): Buffer {
  const { method = 'GET', target, version = 'HTTP/1.1', headers = [], body = null, chunkSizes } = request;
  const framing: Header[] = [];
  if (body !== null && chunkSizes !== undefined) framing.push(['transfer-encoding', 'chunked']);
  else if (body !== null) framing.push(['content-length', String(body.length)]);
  const lines = [['host', '127.0.0.1'] as const, ...headers, ...framing].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = Buffer.from(`${method} ${target} ${version}\r\n${lines.join('')}\r\n`, 'latin1');
  if (body === null) return head;
  return Buffer.concat([head, chunkSizes === undefined ? body : inChunks(body, chunkSizes)]);
}

/** A body in chunks of these sizes, which repeat. */
export function inChunks(body: Buffer, sizes: readonly number[]): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    const chunk = body.subarray(at, at + size);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += size;
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
}
