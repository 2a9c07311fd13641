import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Firefox, startFirefox } from '../../support/browser/firefox.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startCuttingProxy } from '../../support/node/cutting-proxy.ts';
import { eventually } from '../../support/node/eventually.ts';
import {
  type ForeignReader,
  readThroughCutAndHandover,
  shortStreams,
} from '../../support/node/foreign-reader.ts';
import { store } from '../../support/node/publish.ts';

let app: App;
let firefox: Firefox;
beforeAll(async () => {
  [app, firefox] = await Promise.all([startApp(shortStreams), startFirefox()]);
});
afterAll(async () => {
  await firefox[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

type Native = { received: unknown[] };

/** Runs in the page: reads with a native EventSource, without our client. */
function readNative(address: string): void {
  const native: Native = { received: [] };
  Object.assign(globalThis, { native });
  const source = new EventSource(address);
  source.onmessage = ({ data }) => native.received.push(JSON.parse(data).data);
  for (const name of ['hello', 'handover']) source.addEventListener(name, () => native.received.push(name));
}

/** Starts a native EventSource in a page of the app's origin. */
async function startNative(address: string): Promise<ForeignReader> {
  const page = await firefox.open(new URL('/api/health', address).href);
  await page.evaluate(readNative, address);
  return {
    received: () => page.evaluate(() => (globalThis as unknown as { native: Native }).native.received),
    [Symbol.asyncDispose]: page[Symbol.asyncDispose],
  };
}

/** Runs in the page: reads its status word and its events, the oldest first. */
function readPage() {
  const texts = [...document.querySelectorAll('article p')].map((each) => each.textContent);
  return { status: document.querySelector('output strong')?.textContent, texts: texts.reverse() };
}

describe.concurrent('in Firefox', () => {
  test('a native EventSource gets each event once, across a stream that breaks inside an event and a handover', async ({
    expect,
  }) => {
    const { received, published } = await readThroughCutAndHandover(app, 'native', startNative);

    expect(received).toEqual(published);
  });

  test('the page shows each event once, in order, across a stream that breaks inside an event', async ({
    expect,
  }) => {
    await using proxy = await startCuttingProxy(app);
    await store(app, ['one']);
    await using page = await firefox.open(proxy.url);
    const shows = (word: string) =>
      eventually(`the page shows "${word}"`, 20_000, async () =>
        (await page.evaluate(readPage)).texts.includes(word),
      );
    await eventually(
      'the page is live',
      20_000,
      async () => (await page.evaluate(readPage)).status === 'Live',
    );
    await store(app, ['two']);
    await shows('two');
    proxy.cutInsideAnEvent();
    await store(app, ['three']);
    await eventually('its stream breaks', 10_000, () => proxy.cuts() === 1);
    await store(app, ['four']);
    await shows('four');

    expect((await page.evaluate(readPage)).texts).toEqual(['one', 'two', 'three', 'four']);
    expect(page.errors).toEqual([]);
  });
});
