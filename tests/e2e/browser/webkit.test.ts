import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startMeddlingProxy } from '../../support/browser/meddling-proxy.ts';
import { startRelay } from '../../support/browser/relay.ts';
import { startWebKit, type WebKit, type WebKitPage } from '../../support/browser/webkit.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startCuttingProxy } from '../../support/node/cutting-proxy.ts';
import { eventually } from '../../support/node/eventually.ts';
import {
  type ForeignReader,
  readThroughCutAndHandover,
  type StartForeignReader,
  shortStreams,
} from '../../support/node/foreign-reader.ts';
import { range, store } from '../../support/node/publish.ts';

let app: App;
let webkit: WebKit;
let client = '';
beforeAll(async () => {
  const input = new URL('../../../lib/client/connect-feed.ts', import.meta.url).pathname;
  const bundle = await rolldown({ input, platform: 'browser', logLevel: 'silent' });
  client = (await bundle.generate({ format: 'iife', name: 'client' })).output[0].code;
  [app, webkit] = await Promise.all([startApp(shortStreams), startWebKit()]);
  console.log(`WebKit ${webkit.version}`);
}, 90_000);
afterAll(async () => {
  await webkit?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
});

type Received = { received: unknown[] };

const receivedBy = (page: WebKitPage): ForeignReader => ({
  received: () => page.evaluate(() => (globalThis as unknown as Received).received),
  [Symbol.asyncDispose]: page[Symbol.asyncDispose],
});

/** Runs in the page: reads with a native EventSource, without our client. */
function readNative(address: string): void {
  const { received } = Object.assign(globalThis, { received: [] as unknown[] });
  const source = new EventSource(address);
  source.onmessage = ({ data }) => received.push(JSON.parse(data).data);
  for (const name of ['hello', 'handover']) source.addEventListener(name, () => received.push(name));
}

const startNative: StartForeignReader = async (address) => {
  const page = await webkit.open(new URL('/api/health', address).href);
  await page.evaluate(readNative, address);
  return receivedBy(page);
};

type Client = typeof import('../../../lib/client/connect-feed.ts');

/** Runs in the page: reads with `connectFeed`. It notes a handover where the foreign readers do. */
function readWithClient(address: string): void {
  const url = new URL(address);
  const { client, received } = Object.assign(globalThis as unknown as { client: Client }, {
    received: [] as unknown[],
  });
  const feed = client.connectFeed({
    url: url.origin,
    channels: url.searchParams.getAll('channel'),
    rewind: 'all',
    share: false,
    onEvent: ({ data }) => void received.push(data),
  });
  let last = feed.getSnapshot();
  feed.subscribe(() => {
    const next = feed.getSnapshot();
    if (next.status === 'streaming' && last.status !== 'streaming') received.push('hello');
    if (next.handovers > last.handovers) received.push('handover');
    last = next;
  });
}

const startClient: StartForeignReader = async (address) => {
  const page = await webkit.open(new URL('/api/health', address).href);
  await page.run(`${client}\nglobalThis.client = client;`);
  await page.evaluate(readWithClient, address);
  return receivedBy(page);
};

/** Runs in the page: reads its status word and the seqs of its events, the oldest first. */
function readPage() {
  const marks = [...document.querySelectorAll('article [title^="id "]')];
  const seqs = marks.map((mark) => Number(mark.getAttribute('title')?.split('-')[1]));
  return { status: document.querySelector('output strong')?.textContent, seqs: seqs.reverse() };
}

/** A busy machine needs long for a page. */
const drawnWithinMs = 30_000;

const isStatus = (page: WebKitPage, word: string) =>
  eventually(
    `the status is ${word}`,
    drawnWithinMs,
    async () => (await page.evaluate(readPage)).status === word,
  );

/** Waits until the page shows event `last`. @returns the seqs of all its events, the oldest first. */
const shownUntil = (page: WebKitPage, last: number) =>
  eventually(`the page shows event ${last}`, drawnWithinMs, async () => {
    const { seqs } = await page.evaluate(readPage);
    return seqs.at(-1) === last && seqs;
  });

describe.concurrent('in WebKit, the engine of Safari', () => {
  test.for([
    { reader: 'a native EventSource', channel: 'native', start: startNative },
    { reader: 'connectFeed', channel: 'client', start: startClient },
  ])(
    '$reader gets each event once, across a stream that breaks inside an event and a handover',
    async ({ channel, start }, { expect }) => {
      const { received, published } = await readThroughCutAndHandover(app, channel, start);

      expect(received).toEqual(published);
    },
  );

  test('the page shows each event once, in order, across a stream that breaks inside an event', async ({
    expect,
  }) => {
    await using proxy = await startCuttingProxy(app);
    const address = `${proxy.url}/?channel=public:cut`;
    const publish = (data: number) => store(app, [data], { channel: 'public:cut' });
    await publish(1);
    await using page = await webkit.open(address);
    await isStatus(page, 'Live');
    await publish(2);
    await shownUntil(page, 2);
    proxy.cutInsideAnEvent();
    await publish(3);
    await eventually('its stream breaks', drawnWithinMs, () => proxy.cuts() === 1);
    await publish(4);

    expect(await shownUntil(page, 4)).toEqual([1, 2, 3, 4]);
  });

  test('the page catches up when the user comes back to it', async ({ expect }) => {
    const channel = 'public:back';
    await store(app, range(1, 3), { channel });
    await using page = await webkit.open(`${app.url}/?channel=${channel}`);
    await isStatus(page, 'Live');
    await page.goto(`${app.url}/api/health`);
    await store(app, range(4, 6), { channel });
    await page.back();

    expect(await shownUntil(page, 6)).toEqual(range(1, 6));
  });

  test('the page waits while the network is away, and catches up when it is back', async ({ expect }) => {
    const channel = 'public:away';
    await store(app, range(1, 3), { channel });
    const relay = await startRelay(app.url);
    await using page = await webkit.open(`${relay.url}/?channel=${channel}`);
    await isStatus(page, 'Live');
    await relay[Symbol.asyncDispose]();
    await isStatus(page, 'Waiting');
    await store(app, range(4, 6), { channel });
    await using _back = await startRelay(app.url, 0, Number(new URL(relay.url).port));

    expect(await shownUntil(page, 6)).toEqual(range(1, 6));
    await isStatus(page, 'Live');
  });

  test('two tabs share one stream, and one goes on when the other closes', async ({ expect }) => {
    await using own = await startApp();
    await store(own, range(1, 3));
    await using first = await webkit.open(own.url);
    await isStatus(first, 'Live');
    const second = await webkit.open(own.url);
    await isStatus(second, 'Live');
    await eventually('they have one stream', drawnWithinMs, async () => (await own.health()).streams === 1);
    await store(own, range(4, 6));
    const shown = [await shownUntil(first, 6), await shownUntil(second, 6)];
    await second[Symbol.asyncDispose]();
    await store(own, range(7, 9));

    expect(shown).toEqual([range(1, 6), range(1, 6)]);
    expect(await shownUntil(first, 9)).toEqual(range(1, 9));
  });

  test('the page polls behind a proxy that holds streams back, and streams when it stops', async ({
    expect,
  }) => {
    const channel = 'public:held';
    await store(app, range(1, 3), { channel });
    await using proxy = await startMeddlingProxy(app.url);
    proxy.buffer(true);
    await using page = await webkit.open(`${proxy.url}/?channel=${channel}`);
    await store(app, range(4, 6), { channel });
    await isStatus(page, 'Polling');
    const whilePolling = await shownUntil(page, 6);
    proxy.buffer(false);
    await isStatus(page, 'Live');
    await store(app, range(7, 9), { channel });

    expect(whilePolling).toEqual(range(1, 6));
    expect(await shownUntil(page, 9)).toEqual(range(1, 9));
  });
});
