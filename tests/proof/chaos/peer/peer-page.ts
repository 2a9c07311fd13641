import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import type { PeerMark } from './judge-peer.ts';

/** What a reader of the peer reads, and its address. */
export type PeerOrder = {
  readonly reader: string;
  readonly url: string;
  readonly channels: readonly string[];
};

/** An event that a reader of the peer received. */
export type ReceivedEvent = {
  readonly reader: string;
  readonly channel: string;
  /** The id of the entry in the Redis stream. */
  readonly id: string;
  readonly mark: PeerMark;
  /** When it was received, in ms since 1970, by the browser's clock. */
  readonly at: number;
};

/** A change of the status that the peer's client reports. */
export type StatusChange = { readonly reader: string; readonly status: string; readonly at: number };

/** A request for a stream: the address that it begins with, and when. */
export type StreamRequest = { readonly url: string; readonly at: number };

/** The global `peer` that the script of the page defines. */
export type PeerScript = {
  start(orders: readonly PeerOrder[]): void;
  /** The events received since the last call. */
  take(): readonly ReceivedEvent[];
  statuses(): readonly (readonly [reader: string, status: string])[];
  /** All changes of the statuses so far. */
  changes(): readonly StatusChange[];
  /** All requests for streams so far, also those that the browser sent again. */
  requests(): readonly StreamRequest[];
};

/** The page in which the readers of the peer run. */
export type PeerPage = {
  /** The events received since the last call. */
  take(): Promise<readonly ReceivedEvent[]>;
  /** The status that the peer's client reports for each reader: `connected`, for example. */
  statuses(): Promise<ReadonlyMap<string, string>>;
  /** All changes of the statuses so far. */
  changes(): Promise<readonly StatusChange[]>;
  /** All requests for streams so far, also those that the browser sent again. */
  requests(): Promise<readonly StreamRequest[]>;
};

type World = { readonly peer: PeerScript };

/**
 * Starts readers in a page of a browser.
 * @param packages the folder that the peer's packages are in.
 * @param home address of the peer's app. The readers run in one of its pages, and use nothing of the page.
 */
export async function startPeerPage(
  page: Page,
  packages: string,
  home: string,
  orders: readonly PeerOrder[],
): Promise<PeerPage> {
  await page.goto(`${home}/nothing-is-here`);
  await page.addScriptTag({ content: await bundle(packages) });
  await page.evaluate((all) => (globalThis as unknown as World).peer.start(all), orders);
  return {
    take: () => page.evaluate(() => (globalThis as unknown as World).peer.take()),
    changes: () => page.evaluate(() => (globalThis as unknown as World).peer.changes()),
    requests: () => page.evaluate(() => (globalThis as unknown as World).peer.requests()),
    async statuses() {
      return new Map(await page.evaluate(() => (globalThis as unknown as World).peer.statuses()));
    },
  };
}

/** The page's script, with the peer's client as it is published. */
async function bundle(packages: string): Promise<string> {
  const client = join(packages, 'node_modules/@upstash/realtime/dist/client/index.js');
  const built = await rolldown({
    input: new URL('readers-page.tsx', import.meta.url).pathname,
    platform: 'browser',
    resolve: { alias: { '@upstash/realtime/client': client } },
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    logLevel: 'silent',
  });
  return (await built.generate({ format: 'iife' })).output[0].code;
}
