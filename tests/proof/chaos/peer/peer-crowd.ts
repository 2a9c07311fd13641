import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from '../../../support/seeded.ts';
import type { Recoveries } from '../oracle/tally.ts';
import { startNeededBrowser } from '../readers/browser-reader.ts';
import { drawChannels } from '../readers/readers.ts';
import type { PeerHistory } from './judge-peer.ts';
import { type PeerOrder, startPeerPage } from './peer-page.ts';

/** A reader of the peer, and what it was told so far. */
export type PeerReader = Omit<PeerHistory, 'isAtEnd'> & { readonly name: string };

/** All readers of the peer. */
export type PeerCrowd = {
  readonly readers: readonly PeerReader[];
  /** What its client says of each reader: `connected`, for example. */
  statuses(): Promise<ReadonlyMap<string, string>>;
  /** Nothing that is told from then on is written down. */
  stop(): Promise<void>;
};

export type PeerCrowdOptions = {
  readonly count: number;
  readonly draw: Seeded;
  readonly addressFor: (client: string) => Promise<string>;
  readonly recoveries: Recoveries;
  /** The folder of the peer's packages. */
  readonly packages: string;
  /** Address of the peer's app. */
  readonly home: string;
};

/** How long the first connections may take, in ms. */
const openWithinMs = 60_000;

const collectEveryMs = 250;

/**
 * Starts readers, and waits until each has been connected: what is published from then on, all of them are to get.
 * @param stack ends what is started.
 * @throws Error where there is no Chromium, or where they do not connect.
 */
export async function startPeerCrowd(
  stack: AsyncDisposableStack,
  { count, draw, addressFor, recoveries, packages, home }: PeerCrowdOptions,
): Promise<PeerCrowd> {
  const told = new Map<string, PeerHistory['told'][number][]>();
  const orders: PeerOrder[] = [];
  for (let number = 1; number <= count; number += 1) {
    const reader = `peer's reader ${number}`;
    told.set(reader, []);
    const url = `${await addressFor(reader)}/api/realtime`;
    orders.push({ reader, channels: drawChannels(draw), url });
  }
  const browser = await startNeededBrowser('--peer');
  stack.defer(() => browser.close());
  const page = await startPeerPage(await browser.newPage(), packages, home, orders);

  // Once each: a stream that is handed over is not connected for a moment.
  const opened = new Set<string>();
  for (const until = performance.now() + openWithinMs; opened.size < count; await sleep(100)) {
    for (const [reader, status] of await page.statuses()) if (status === 'connected') opened.add(reader);
    if (performance.now() > until) throw new Error(`--peer: ${opened.size} of ${count} readers connected`);
  }

  const collect = async () => {
    for (const { reader, channel, id, mark, at } of await page.take()) {
      told.get(reader)?.push({ channel, id, name: mark.name });
      recoveries.told(reader, mark.at, at - performance.timeOrigin);
    }
  };
  let isStopped = false;
  const collecting = (async () => {
    for (; !isStopped; await sleep(collectEveryMs)) await collect();
    await collect();
  })();
  // Told by `stop`; until then it is nobody's.
  collecting.catch(() => undefined);
  const stop = () => {
    isStopped = true;
    return collecting;
  };
  return {
    readers: orders.map(({ reader, channels }) => ({ name: reader, channels, told: told.get(reader) ?? [] })),
    statuses: page.statuses,
    stop,
  };
}
