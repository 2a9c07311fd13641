import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import type { PeerMark } from './judge-peer.ts';

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
  readonly mark: PeerMark;
  /** When, in ms since the epoch, by the browser. */
  readonly at: number;
};

/** What the script of the page offers there, as `peer`. */
export type PeerScript = {
  start(orders: readonly PeerOrder[]): void;
  /** What was told since it was asked last. */
  take(): readonly Told[];
  statuses(): readonly (readonly [reader: string, status: string])[];
};

/** The page that the readers of the peer run in, by its own client. */
export type PeerPage = {
  /** What was told since it was asked last. */
  take(): Promise<readonly Told[]>;
  /** What the peer's client says of each reader: `connected`, for example. */
  statuses(): Promise<ReadonlyMap<string, string>>;
};

type World = { readonly peer: PeerScript };

/**
 * Starts readers in a page of a browser.
 * @param packages the folder that the peer's packages are in.
 * @param home address of the peer's app: the page is one of the same machine, and nothing that the app shows is used.
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
