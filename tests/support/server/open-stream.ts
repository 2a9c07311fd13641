import { createParser } from 'eventsource-parser';
import { settle } from './manual-clock.ts';
import type { Stand } from './stand.ts';

/** A frame of a stream, as it arrived. */
export type ReceivedFrame = {
  /** `padding`, `comment` and `retry` are frames of their own here; `event` is a frame without a name. */
  readonly kind: string;
  readonly id: string | null;
  /** Its JSON, parsed; empty for a comment or a retry. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Its data as it arrived: JSON, the text of a comment, the ms of a retry. */
  readonly text: string;
};

/** A stream that is read while it arrives. */
export type OpenStream = {
  readonly response: Response;
  /** All frames, in order. */
  readonly frames: readonly ReceivedFrame[];
  /** The kinds of all frames but the lone comments, in order. */
  kinds(): string[];
  /** The frames of one kind. */
  of(kind: string): readonly ReceivedFrame[];
  /** The member `data` of all events. */
  data(): unknown[];
  /** Where the connection is: the newest `id:`. */
  cursor(): string;
  /** The sizes of the chunks in which it arrived. */
  readonly chunks: readonly number[];
  isOver(): boolean;
  cancel(): Promise<void>;
};

/** Opens `/api/stream` and starts to read it. @param query `rewind=all&type=a` */
export async function openStream(stand: Stand, query = '', init: RequestInit = {}): Promise<OpenStream> {
  return readStream(await stand.ask(`stream?${query}`, init));
}

/** Starts to read the stream of a response; resolves when there is nothing more for now. */
export async function readStream(response: Response): Promise<OpenStream> {
  const frames: ReceivedFrame[] = [];
  const chunks: number[] = [];
  let isOver = false;
  const parser = createParser({
    onEvent: ({ id, event, data }) =>
      frames.push({ kind: event ?? 'event', id: id ?? null, data: JSON.parse(data), text: data }),
    onComment: (text) =>
      frames.push({ kind: /\d/.test(text) ? 'comment' : 'padding', id: null, data: {}, text }),
    onRetry: (ms) => frames.push({ kind: 'retry', id: null, data: {}, text: String(ms) }),
  });
  if (response.body === null) throw new Error('the response has no body');
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value.length);
      parser.feed(decoder.decode(value, { stream: true }));
    }
    isOver = true;
  };
  void read();
  await settle();
  const of = (kind: string) => frames.filter((frame) => frame.kind === kind);
  return {
    response,
    frames,
    kinds: () => frames.map(({ kind }) => kind).filter((kind) => kind !== 'comment'),
    of,
    data: () => of('event').map(({ data }) => data.data),
    cursor() {
      const id = frames.findLast((frame) => frame.id !== null)?.id;
      if (typeof id !== 'string') throw new Error('no frame had a position');
      return id;
    },
    chunks,
    isOver: () => isOver,
    cancel: () => reader.cancel(),
  };
}
