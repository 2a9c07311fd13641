import { expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';

const collectOnSignal = new URL('../../proof/bench/servers/collect-on-signal.ts', import.meta.url).href;

const eventCount = 250;

/** The bytes of all buffers that the app holds after garbage collection. */
async function bufferBytes(app: App): Promise<number> {
  const answers = () => [...app.printed().matchAll(/(\d+) of them in buffers/g)];
  const before = answers().length;
  app.kill('SIGUSR2');
  const answer = await eventually('the app reports its memory', 30_000, () => answers()[before]);
  return Number(answer[1]);
}

test('a busy channel with 300 streams holds hardly more buffers than its events have bytes', async () => {
  await using app = await startApp({ NODE_OPTIONS: `--import ${collectOnSignal}` });
  const readers = await Promise.all(range(1, 300).map(() => openSse(app)));
  await Promise.all(readers.map((reader) => reader.frame('hello', 30_000)));
  const before = await bufferBytes(app);

  // One request for each event: between two events, the server uses buffers for much else.
  for (const number of range(1, eventCount)) await store(app, [number]);
  await eventually('all readers have all events', 30_000, () =>
    readers.every(({ frames }) => frames.filter(({ event }) => event === 'message').length === eventCount),
  );
  const grown = (await bufferBytes(app)) - before;
  for (const reader of readers) reader.destroy();

  // A frame has about 200 bytes. One slab of Node's pool has 64 KiB, which is what each frame could hold alive.
  expect(grown).toBeLessThan(1_048_576);
});
