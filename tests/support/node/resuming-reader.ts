import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import { type Frame, openSse, type SseReader } from './sse-reader.ts';

/** A reader that comes back by its cursor whenever its stream is over, as a native EventSource does. */
export type ResumingReader = AsyncDisposable & {
  /** The data of all events, in the order they came. */
  readonly data: readonly unknown[];
  /** Ids of the same events. */
  readonly ids: readonly string[];
  /** Data of the `gap` frames. */
  readonly gaps: readonly unknown[];
  /** Names of all frames, in the order they came, those of later connections too. */
  readonly frames: readonly string[];
  /** How many streams it has opened. */
  connections(): number;
  /** Waits until the event with this data has come. */
  until(data: unknown, withinMs?: number): Promise<void>;
};

/** No pause in a test is longer: a native reader obeys `retry:`, which may be 5 s. */
const maxPauseMs = 100;

/**
 * Starts to read and waits for the first `hello`.
 * @param target where to connect; asked ahead of each connection.
 * @param query of every request, without `?`; as a native reader does, it is sent again together with the cursor.
 */
export async function startResumingReader(
  target: { readonly url: string } | (() => { readonly url: string }),
  query = '',
): Promise<ResumingReader> {
  const data: unknown[] = [];
  const ids: string[] = [];
  const gaps: unknown[] = [];
  const frames: string[] = [];
  let cursor: string | undefined;
  let connections = 0;
  let isStopped = false;
  let reader: SseReader | null = null;

  const onFrame = (frame: Frame) => {
    if (frame.id !== '') cursor = frame.id;
    frames.push(frame.event);
    if (frame.event === 'gap') gaps.push(JSON.parse(frame.data));
    if (frame.event !== 'message') return;
    const event = JSON.parse(frame.data);
    data.push(event.data);
    ids.push(event.id);
  };
  const connect = async () => {
    const app = typeof target === 'function' ? target() : target;
    reader = await openSse(app, { query, onFrame, ...(cursor === undefined ? {} : { lastEventId: cursor }) });
    connections += 1;
    if (isStopped) reader.destroy();
    await reader.over;
  };
  const keepReading = async () => {
    while (!isStopped) {
      // The server is away: it is tried again.
      await connect().catch(() => undefined);
      if (!isStopped) await sleep(Math.min(maxPauseMs, reader?.retryMs() ?? maxPauseMs));
    }
  };
  const reading = keepReading();
  const stop = async () => {
    isStopped = true;
    reader?.destroy();
    await reading;
  };
  try {
    await eventually('the reader hears hello', 15_000, () => frames.includes('hello'));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    data,
    ids,
    gaps,
    frames,
    connections: () => connections,
    until: (wanted, withinMs = 10_000) =>
      eventually(`event ${wanted} comes; the last was ${data.at(-1)}`, withinMs, () =>
        data.includes(wanted),
      ).then(() => undefined),
    [Symbol.asyncDispose]: stop,
  };
}
