import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import { type Frame, openSse, type SseReader } from './sse-reader.ts';

/** A reader that resumes from its cursor after the end of each stream, as a native EventSource does. */
export type ResumingReader = AsyncDisposable & {
  /** The data of all events, in the order of their arrival. */
  readonly data: readonly unknown[];
  /** The ids of the same events. */
  readonly ids: readonly string[];
  /** The data of the `gap` frames. */
  readonly gaps: readonly unknown[];
  /** The names of all frames of all connections, in the order of their arrival. */
  readonly frames: readonly string[];
  /** The number of streams that it has opened. */
  connections(): number;
  /** Waits until the event with this data has arrived. */
  until(data: unknown, withinMs?: number): Promise<void>;
};

/** Limits the pause, to keep tests short: a native reader would obey `retry:`, which can be 5 s. */
const maxPauseMs = 100;

/**
 * Starts a reader and waits for its first `hello`.
 * @param target the app; a function is called before each connection.
 * @param query the query of every request, without `?`. Like a native reader, it sends it together with the cursor.
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
      // The server is down. The reader tries again.
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
    await eventually('the reader gets hello', 15_000, () => frames.includes('hello'));
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
    until: (wanted, withinMs = 30_000) =>
      eventually(`event ${wanted} arrives; the last was ${data.at(-1)}`, withinMs, () =>
        data.includes(wanted),
      ).then(() => undefined),
    [Symbol.asyncDispose]: stop,
  };
}
