import type { App } from './app-process.ts';
import { store } from './publish.ts';
import { openRawSocket, type RawSocket, requestText } from './raw-socket.ts';

/** A reader that reads until its hello and then stops, with its connection open. */
export async function openStalledReader(app: App): Promise<RawSocket> {
  const reader = await openRawSocket(app.port, requestText('GET', '/api/stream'));
  await reader.until('event: hello');
  reader.socket.pause();
  return reader;
}

/** Publishes about 20 MB, which is more than the buffers of a connection can hold. */
export async function storeBulk(app: App): Promise<void> {
  const events = Array(16).fill('x'.repeat(60_000));
  for (let request = 0; request < 22; request += 1) await store(app, events);
}
