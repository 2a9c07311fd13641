import { createServer, request } from 'node:http';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Firefox, startFirefox } from '../../support/browser/firefox.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startCuttingProxy } from '../../support/node/cutting-proxy.ts';
import { eventually } from '../../support/node/eventually.ts';
import {
  type ForeignReader,
  readThroughCutAndHandover,
  shortStreams,
} from '../../support/node/foreign-reader.ts';
import { untilStreams } from '../../support/node/open-streams.ts';
import { range, store } from '../../support/node/publish.ts';

let app: App;
let firefox: Firefox;
beforeAll(async () => {
  [app, firefox] = await Promise.all([startApp(shortStreams), startFirefox()]);
});
afterAll(async () => {
  await firefox?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
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

/** The handler of a service worker that answers every request itself. */
const answersAll = `addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));`;

/** The handler that docs/client.md shows: it leaves streams to the browser. */
const passesStreamsBy = `addEventListener('fetch', (event) => {
  if (event.request.headers.get('accept')?.includes('text/event-stream')) return;
  event.respondWith(fetch(event.request));
});`;

/** Puts a page with a service worker and our client in front of the app. It ends with its scope (`await using`). */
async function startWorkerSite(target: App, handler: string): Promise<AsyncDisposable & { url: string }> {
  const input = new URL('../../../lib/client/connect-feed.ts', import.meta.url).pathname;
  const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' });
  const client = (await bundle.generate({ format: 'iife', name: 'client' })).output[0].code;
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/page': ['text/html', '<!doctype html><script src="/client.js"></script>'],
    '/client.js': ['text/javascript', client],
    '/worker.js': [
      'text/javascript',
      `addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
${handler}`,
    ],
  };
  const server = createServer((incoming, outgoing) => {
    const file = files[incoming.url ?? ''];
    if (file !== undefined) return void outgoing.setHeader('content-type', file[0]).end(file[1]);
    const { method, headers, url } = incoming;
    const upstream = request(`${target.url}${url}`, { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}/page`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Client = typeof import('../../../lib/client/connect-feed.ts');
type WorkerPage = { client: Client; received: unknown[]; closeFeed(): void; streams(): number };

/** Runs in the page: reads with our client once the service worker controls the page. */
async function readBehindWorker(): Promise<void> {
  const controlled = new Promise((resolve) =>
    navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }),
  );
  await navigator.serviceWorker.register('/worker.js');
  if (navigator.serviceWorker.controller === null) await controlled;
  const page = globalThis as unknown as WorkerPage;
  page.received = [];
  const feed = page.client.connectFeed({
    rewind: 'all',
    share: false,
    onEvent: ({ data }) => void page.received.push(data),
  });
  page.closeFeed = () => feed.close();
  page.streams = () =>
    performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/stream')).length;
}

const receivedIn = () => (globalThis as unknown as WorkerPage).received;

describe.concurrent('in Firefox', () => {
  test('a feed that is closed leaves the server at once, behind a service worker that passes streams by', async ({
    expect,
  }) => {
    await using own = await startApp();
    await using site = await startWorkerSite(own, passesStreamsBy);
    await store(own, [1]);
    await using page = await firefox.open(site.url);
    await page.evaluate(readBehindWorker);
    await eventually('it has the event', 30_000, async () => (await page.evaluate(receivedIn)).length > 0);
    await untilStreams(own, 1, 30_000);
    await page.evaluate(() => (globalThis as unknown as WorkerPage).closeFeed());
    await untilStreams(own, 0, 10_000);

    expect(await page.evaluate(receivedIn)).toEqual([1]);
  });

  // When Firefox ends an idle worker, it ends the stream that the worker has passed on.
  test('a feed behind a service worker that answers streams gets each event once, also when Firefox ends the worker', async ({
    expect,
  }) => {
    await using own = await startApp();
    await using site = await startWorkerSite(own, answersAll);
    await using page = await firefox.open(site.url);
    await page.evaluate(readBehindWorker);
    let last = 0;
    await eventually('its stream is cut, and the next one is open', 80_000, async () => {
      last += 1;
      await store(own, [last]);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return page.evaluate(() => (globalThis as unknown as WorkerPage).streams() > 1);
    });
    const hasLast = async () => (await page.evaluate(receivedIn)).includes(last);
    await eventually('it has the last event', 20_000, hasLast);

    expect(await page.evaluate(receivedIn)).toEqual(range(1, last));
  });

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
