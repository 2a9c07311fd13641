import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import type { PeerMark } from './peer-mark.ts';

/** What a reader of the peer reads, and by which way. */
export type PeerOrder = {
  readonly reader: string;
  readonly url: string;
  readonly channels: readonly string[];
};

/** An event that a reader of the peer was told. */
export type Told = {
  readonly reader: string;
  readonly channel: string;
  /** Of the entry in its stream, as Redis gave it. */
  readonly id: string;
  readonly data: unknown;
  /** When, in ms since the epoch, by the browser. */
  readonly at: number;
};

/** What the page in the browser offers. */
export type PeerPage = {
  start(orders: readonly PeerOrder[]): void;
  /** What was told since it was asked last. */
  take(): readonly Told[];
  statuses(): readonly (readonly [reader: string, status: string])[];
};

/** The readers of the peer, by its own client. */
export type PeerReaders = {
  /** Hands on what was told since. */
  collect(): Promise<void>;
  /** What the peer's client says of each reader: `connected`, for example. */
  statuses(): Promise<ReadonlyMap<string, string>>;
};

/** In the page: what it offers. */
type World = { readonly peer: PeerPage };

/**
 * Starts readers in a page of a browser.
 * @param packages the folder that the peer's packages are in.
 * @param address of the peer's app, for a page of the same machine; nothing of it is used.
 * @param tell is called for each event that is told.
 */
export async function startPeerReaders(
  page: Page,
  packages: string,
  address: string,
  orders: readonly PeerOrder[],
  tell: (told: Told & { readonly data: PeerMark }) => void,
): Promise<PeerReaders> {
  await page.goto(`${address}/nothing-is-here`);
  await page.addScriptTag({ content: await bundle(packages) });
  await page.evaluate((all) => (globalThis as unknown as World).peer.start(all), orders);
  return {
    async collect() {
      const all = await page.evaluate(() => (globalThis as unknown as World).peer.take());
      for (const told of all) tell({ ...told, data: told.data as PeerMark });
    },
    async statuses() {
      return new Map(await page.evaluate(() => (globalThis as unknown as World).peer.statuses()));
    },
  };
}

/** The page's script, with the peer's client as it is published. */
async function bundle(packages: string): Promise<string> {
  const built = await rolldown({
    input: new URL('readers-page.tsx', import.meta.url).pathname,
    platform: 'browser',
    resolve: {
      alias: {
        '@upstash/realtime/client': join(packages, 'node_modules/@upstash/realtime/dist/client/index.js'),
      },
    },
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    logLevel: 'silent',
  });
  return (await built.generate({ format: 'iife' })).output[0].code;
}
