import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from '../../../support/seeded.ts';
import type { Recoveries } from '../oracle/tally.ts';
import { startNeededBrowser } from '../readers/browser-reader.ts';
import { drawChannels } from '../readers/readers.ts';
import type { PeerHistory } from './judge-peer.ts';
import { type PeerOrder, startPeerPage } from './peer-page.ts';

/** A reader of the peer, and what it received so far. */
export type PeerReader = Omit<PeerHistory, 'isAtEnd'> & { readonly name: string };

/** All readers of the peer. */
export type PeerReaders = {
  readonly readers: readonly PeerReader[];
  /** The status that the peer's client reports for each reader: `connected`, for example. */
  statuses(): Promise<ReadonlyMap<string, string>>;
  /** Stops recording. */
  stop(): Promise<void>;
};

export type PeerReadersOptions = {
  readonly count: number;
  readonly draw: Seeded;
  readonly addressFor: (client: string) => Promise<string>;
  readonly recoveries: Recoveries;
  /** The folder of the peer's packages. */
  readonly packages: string;
  /** Address of the peer's app. */
  readonly home: string;
};

/** Time limit for the first connections, in ms. */
const openWithinMs = 60_000;

const collectEveryMs = 250;

/**
 * Starts readers and waits until each is connected. Each must get all events that are published later.
 * @param stack ends what is started.
 * @throws Error where there is no Chromium, or where they do not connect.
 */
export async function startPeerReaders(
  stack: AsyncDisposableStack,
  { count, draw, addressFor, recoveries, packages, home }: PeerReadersOptions,
): Promise<PeerReaders> {
  const received = new Map<string, PeerHistory['received'][number][]>();
  const orders: PeerOrder[] = [];
  for (let number = 1; number <= count; number += 1) {
    const reader = `peer's reader ${number}`;
    received.set(reader, []);
    const url = `${await addressFor(reader)}/api/realtime`;
    orders.push({ reader, channels: drawChannels(draw), url });
  }
  const browser = await startNeededBrowser('--peer');
  stack.defer(() => browser.close());
  const page = await startPeerPage(await browser.newPage(), packages, home, orders);

  // Check each reader once: during a handover it is not connected for a moment.
  const opened = new Set<string>();
  for (const until = performance.now() + openWithinMs; opened.size < count; await sleep(100)) {
    for (const [reader, status] of await page.statuses()) if (status === 'connected') opened.add(reader);
    if (performance.now() > until)
      throw new Error(
        `--peer: only ${opened.size} of ${count} readers connected in ${openWithinMs / 1_000} s`,
      );
  }

  const collect = async () => {
    for (const { reader, channel, id, mark, at } of await page.take()) {
      received.get(reader)?.push({ channel, id, name: mark.name });
      recoveries.received(reader, mark.at, at - performance.timeOrigin);
    }
  };
  let isStopped = false;
  const collecting = (async () => {
    for (; !isStopped; await sleep(collectEveryMs)) await collect();
    await collect();
  })();
  // `stop` rejects with the error; until then Node must not report it as unhandled.
  collecting.catch(() => undefined);
  const stop = () => {
    isStopped = true;
    return collecting;
  };
  return {
    readers: orders.map(({ reader, channels }) => ({
      name: reader,
      channels,
      received: received.get(reader) ?? [],
    })),
    statuses: page.statuses,
    stop,
  };
}
