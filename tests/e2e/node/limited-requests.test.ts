import { expect, test } from 'vitest';
import { nginxBoxes } from '../../proof/middleboxes/boxes/nginx.ts';
import { startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startFeedReader } from '../../support/node/feed-reader.ts';
import { range, store } from '../../support/node/publish.ts';

test('ten readers behind one address, to which nginx allows a request a second, all stream, and ask for nothing more', async () => {
  const box = nginxBoxes.find(({ name }) => name === 'nginx-limit-req');
  if (box === undefined) throw new Error('there is no such box');
  await using app = await startApp();
  await using nginx = await box.start(app);
  const startedAt = performance.now();
  using readers = new DisposableStack();
  const all = range(1, 10).map(() => readers.use(startFeedReader(nginx)));
  const areStreaming = () => all.every(({ feed }) => feed.getSnapshot().status === 'streaming');
  await eventually('all stream', 90_000, areStreaming);
  console.log(`all streamed after ${Math.round((performance.now() - startedAt) / 1_000)} s`);

  await store(app, ['for all']);

  for (const reader of all) await reader.until(1, 30_000);
  expect(all.map(({ data }) => data)).toEqual(range(1, 10).map(() => ['for all']));
  expect(areStreaming()).toBe(true);
}, 150_000);
