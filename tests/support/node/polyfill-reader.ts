import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { ForeignReader } from './foreign-reader.ts';

/** Limits the pause, to keep tests short: a real one obeys `retry:`, which can be 5 s. */
const maxPauseMs = 100;

/**
 * Reads as the package `event-source-polyfill` 1.0 does. A header would cost it a preflight from another origin, so it
 * resumes by `lastEventId` in the query, and keeps the rest of its address. It takes the id of a block that has data.
 */
export function startPolyfill(address: string): ForeignReader {
  const received: unknown[] = [];
  const leaving = new AbortController();
  let lastEventId = '';

  async function read(): Promise<void> {
    const parser = createParser({
      onEvent({ id = '', event, data }) {
        lastEventId = id;
        received.push(event ?? JSON.parse(data).data);
      },
    });
    const resume = lastEventId === '' ? '' : `&lastEventId=${encodeURIComponent(lastEventId)}`;
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`${address}${resume}`, { headers, signal: leaving.signal });
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(text);
  }

  async function keepReading(): Promise<void> {
    while (!leaving.signal.aborted) {
      // The connection was cut. The reader tries again.
      await read().catch(() => undefined);
      await sleep(maxPauseMs);
    }
  }
  const reading = keepReading();

  return {
    received: () => received,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await reading;
    },
  };
}
