import { expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';

const collectOnSignal = new URL('../../proof/bench/servers/collect-on-signal.ts', import.meta.url).href;

const eventCount = 250;

/** What the app holds after garbage collection, in bytes: in all, and in buffers. */
async function heldBytes(app: App): Promise<{ readonly all: number; readonly buffers: number }> {
  const answers = () => [...app.printed().matchAll(/holds (\d+) bytes, (\d+) of them in buffers/g)];
  const before = answers().length;
  app.kill('SIGUSR2');
  const answer = await eventually('the app reports its memory', 30_000, () => answers()[before]);
  return { all: Number(answer[1]), buffers: Number(answer[2]) };
}

test('a busy channel with 300 streams holds hardly more buffers than its events have bytes', async () => {
  await using app = await startApp({ NODE_OPTIONS: `--import ${collectOnSignal}` });
  const readers = await Promise.all(range(1, 300).map(() => openSse(app)));
  await Promise.all(readers.map((reader) => reader.frame('hello', 30_000)));
  const before = (await heldBytes(app)).buffers;

  // One request for each event: between two events, the server uses buffers for much else.
  for (const number of range(1, eventCount)) await store(app, [number]);
  await eventually('all readers have all events', 30_000, () =>
    readers.every(({ frames }) => frames.filter(({ event }) => event === 'message').length === eventCount),
  );
  const grown = (await heldBytes(app)).buffers - before;
  for (const reader of readers) reader.destroy();

  // A frame has about 200 bytes. One slab of Node's pool has 64 KiB, which is what each frame could hold alive.
  expect(grown).toBeLessThan(1_048_576);
});

test('an open stream holds less than 42 KB: the framework has freed the request', async () => {
  await using app = await startApp({ NODE_OPTIONS: `--import ${collectOnSignal}` });
  const open = async (count: number) => {
    const readers = await Promise.all(range(1, count).map(() => openSse(app)));
    await Promise.all(readers.map((reader) => reader.frame('hello', 30_000)));
    return readers;
  };
  // What the app loads and compiles for its first streams is no memory of a stream.
  await open(100);
  const before = (await heldBytes(app)).all;
  await open(400);
  expect(((await heldBytes(app)).all - before) / 400 / 1_024).toBeLessThan(42);
});
