import { gunzipSync } from 'node:zlib';

/** An answer, or the part of it that has arrived. */
export type Answer = {
  readonly status: number;
  /** The headers by lower-case name; of several with one name, the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Whether the whole answer has arrived. */
  readonly isWhole: boolean;
};

/** Reads answers from the bytes of one connection, in their order. */
export type AnswerReader = {
  take(bytes: Buffer): void;
  /** The connection was closed: an answer without a length is now complete. */
  close(): void;
  /** The complete answers, then the one that is arriving, once its head is complete. */
  answers(): readonly Answer[];
  /** Why the bytes are not HTTP; null while they are. */
  fault(): string | null;
};

type Head = Pick<Answer, 'status' | 'headers'>;

/** What the next bytes must be. */
type Awaited =
  | { readonly kind: 'head' | 'chunk' | 'trailer' | 'close' | 'nothing' }
  | { readonly kind: 'bytes'; left: number; readonly isChunk: boolean };

/** @param methods the methods of the requests in order, because an answer to HEAD has no body. */
export function readAnswers(methods: readonly string[]): AnswerReader {
  const whole: Answer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let head: Head | null = null;
  let body: Buffer[] = [];
  let awaited: Awaited = { kind: 'head' };
  let fault: string | null = null;

  function current(isWhole: boolean): Answer[] {
    if (head === null) return [];
    const bytes = Buffer.concat(body);
    const isZipped = isWhole && bytes.length > 0 && head.headers.get('content-encoding') === 'gzip';
    return [{ ...head, body: (isZipped ? gunzipSync(bytes) : bytes).toString(), isWhole }];
  }

  function finish(): void {
    whole.push(...current(true));
    head = null;
    body = [];
    awaited = { kind: 'head' };
  }

  function line(end: string): string | null {
    const at = rest.indexOf(end);
    if (at === -1) return null;
    const text = rest.toString('latin1', 0, at);
    rest = rest.subarray(at + end.length);
    return text;
  }

  function bytes(count: number): number {
    const taken = rest.subarray(0, count);
    if (taken.length > 0) body.push(taken);
    rest = rest.subarray(taken.length);
    return taken.length;
  }

  /** Reads one part; false if more bytes are needed. */
  function step(): boolean {
    switch (awaited.kind) {
      case 'head': {
        const text = line('\r\n\r\n');
        if (text === null) return false;
        const next = parseHead(text);
        if (next === null) {
          fault = `not the head of an answer: ${text.slice(0, 200)}`;
          awaited = { kind: 'nothing' };
        } else if (next.status >= 200) {
          head = next;
          awaited = framingOf(next, methods[whole.length] ?? 'GET');
          if (awaited.kind === 'nothing') finish();
        }
        return true;
      }
      case 'bytes':
        awaited.left -= bytes(awaited.left);
        if (awaited.left > 0) return false;
        if (!awaited.isChunk) finish();
        else {
          if (line('\r\n') === null) return false;
          awaited = { kind: 'chunk' };
        }
        return true;
      case 'chunk': {
        const size = line('\r\n');
        if (size === null) return false;
        const left = Number.parseInt(size, 16);
        awaited = left === 0 ? { kind: 'trailer' } : { kind: 'bytes', left, isChunk: true };
        return true;
      }
      case 'trailer': {
        const text = line('\r\n');
        if (text === '') finish();
        return text !== null;
      }
      case 'close':
        bytes(rest.length);
        return false;
      case 'nothing':
        return false;
      default:
        throw awaited satisfies never;
    }
  }

  return {
    take(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (step());
    },
    close() {
      if (awaited.kind === 'close') finish();
    },
    answers: () => [...whole, ...current(false)],
    fault: () => fault,
  };
}

function parseHead(text: string): Head | null {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined || lines.some((line) => !/^[^\s:]+:/.test(line))) return null;
  const headers = lines.map((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  return { status: Number(status), headers: new Map(headers) };
}

function framingOf({ status, headers }: Head, method: string): Awaited {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'nothing' };
  if (headers.get('transfer-encoding') === 'chunked') return { kind: 'chunk' };
  const length = headers.get('content-length');
  if (length === undefined) return { kind: 'close' };
  return length === '0' ? { kind: 'nothing' } : { kind: 'bytes', left: Number(length), isChunk: false };
}
