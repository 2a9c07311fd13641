import { createParser } from 'eventsource-parser';
import { settle } from './manual-clock.ts';
import type { Stand } from './stand.ts';

/** A block of a stream, as it was told. */
export type Told = {
  /** `comment` and `retry` stand alone; `event` is a block without a name. */
  readonly kind: string;
  readonly id: string | null;
  /** Its JSON, read; of a comment or a retry, empty. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Its data as it came: JSON, a comment's text, a retry's ms. */
  readonly text: string;
};

/** A stream that is read as it comes. */
export type OpenStream = {
  readonly response: Response;
  /** All that was told, in order. */
  readonly told: readonly Told[];
  /** The kinds told, in order. */
  kinds(): string[];
  /** The blocks of one kind. */
  of(kind: string): readonly Told[];
  /** The `data` member of the events told. */
  data(): unknown[];
  /** Where the connection is: the newest `id:`. */
  cursor(): string;
  /** The sizes of the chunks it came in. */
  readonly chunks: readonly number[];
  isOver(): boolean;
  cancel(): Promise<void>;
};

/** Opens `/api/stream` and begins to read it. @param query `rewind=all&type=a` */
export async function openStream(stand: Stand, query = '', init: RequestInit = {}): Promise<OpenStream> {
  return readStream(await stand.ask(`stream?${query}`, init));
}

/** Begins to read a stream that was answered; comes back when there is nothing more for now. */
export async function readStream(response: Response): Promise<OpenStream> {
  const told: Told[] = [];
  const chunks: number[] = [];
  let isOver = false;
  const parser = createParser({
    onEvent: ({ id, event, data }) =>
      told.push({ kind: event ?? 'event', id: id ?? null, data: JSON.parse(data), text: data }),
    onComment: (text) => told.push({ kind: 'comment', id: null, data: {}, text }),
    onRetry: (ms) => told.push({ kind: 'retry', id: null, data: {}, text: String(ms) }),
  });
  if (response.body === null) throw new Error('the answer has no body');
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
  const of = (kind: string) => told.filter((block) => block.kind === kind);
  return {
    response,
    told,
    kinds: () => told.map(({ kind }) => kind),
    of,
    data: () => of('event').map(({ data }) => data.data),
    cursor() {
      const id = told.findLast((block) => block.id !== null)?.id;
      if (typeof id !== 'string') throw new Error('no position was told');
      return id;
    },
    chunks,
    isOver: () => isOver,
    cancel: () => reader.cancel(),
  };
}
