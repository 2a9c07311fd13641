import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { untilStreams } from '../../support/node/open-streams.ts';
import { range, store } from '../../support/node/publish.ts';
import { type Frame, openSse, type SseReader } from '../../support/node/sse-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const count = 300;

/** A reader like a native EventSource: it tries again after the time in `retry:`, also while no server is there. */
async function startPatientReader(url: () => string, tries: number[]) {
  const data: unknown[] = [];
  let lastEventId: string | null = null;
  let isStopped = false;
  const current: { reader: SseReader | null } = { reader: null };
  const onFrame = (frame: Frame) => {
    if (frame.id !== '') lastEventId = frame.id;
    if (frame.event === 'message') data.push(JSON.parse(frame.data).data);
  };
  const open = async () => {
    const from = lastEventId === null ? {} : { lastEventId };
    current.reader = await openSse({ url: url() }, { onFrame, ...from });
    return current.reader.over;
  };
  const first = open();
  const reading = (async () => {
    await first;
    while (!isStopped) {
      await sleep(current.reader?.retryMs() ?? 1_000);
      tries.push(performance.now());
      // No server is there. The reader tries again.
      if (!isStopped) await open().catch(() => undefined);
    }
  })();
  return {
    data,
    async stop() {
      isStopped = true;
      current.reader?.destroy();
      await reading;
    },
  };
}

test('300 readers of a process that dies come back to the next one at different times, and lose nothing', async () => {
  using folder = makeTemporaryFolder();
  const env = { FEED_DB: `${folder.path}/feed.db` };
  const tries: number[] = [];
  const before = await startApp(env);
  const readers = await Promise.all(range(1, count).map(() => startPatientReader(() => before.url, tries)));
  await untilStreams(before, count, 30_000);
  await store(before, ['first']);
  await eventually('all have the first', 30_000, () => readers.every(({ data }) => data.length === 1));
  before.kill('SIGKILL');
  await before.ended;
  await using after = await startApp(env, before.port);
  await store(after, ['second']);

  await untilStreams(after, count, 30_000);

  await eventually('all have the second', 30_000, () => readers.every(({ data }) => data.length === 2));
  expect(readers.every(({ data }) => data.join() === 'first,second')).toBe(true);
  const slots = Map.groupBy(tries, (at) => Math.floor(at / 100));
  // They come back within 1 to 5 s, on average 8 in 100 ms; a busy machine delays some of them.
  expect(Math.max(...[...slots.values()].map(({ length }) => length))).toBeLessThan(count / 4);
  await Promise.all(readers.map((reader) => reader.stop()));
});
