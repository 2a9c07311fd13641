import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { preparePeer } from '../../bench/prepare.ts';
import { startAppStand } from '../app-stand.ts';
import type { ChaosOptions } from '../chaos-options.ts';
import type { Stage } from '../fault.ts';
import { quantile } from '../figures.ts';
import { createFront } from '../front.ts';
import { startNeededBrowser } from '../readers/browser-reader.ts';
import { channels, drawChannels, types } from '../readers.ts';
import { createRecoveries } from '../recoveries.ts';
import { seeded } from '../seeded.ts';
import type { Beside } from '../strike-all.ts';
import { createTally } from '../tally.ts';
import { createTruth } from '../truth.ts';
import { createWeather } from '../weather.ts';
import type { Side } from './comparison.ts';
import { judgePeer, type PeerHistory } from './judge-peer.ts';
import type { Emission, PeerMark } from './peer-mark.ts';
import { startPeerReaders } from './peer-page.ts';
import { startPeerPublisher } from './peer-publisher.ts';

/** The peer, which runs beside this feed: on a stand of its own of the same kind. */
export type PeerRun = {
  /** Strikes the peer. */
  readonly strike: Beside;
  /** Once all faults are over: lets publishers and readers come to their end, and says how it went. */
  finish(): Promise<Side>;
};

const token = 'chaos-token';
const root = fileURLToPath(new URL('../../..', import.meta.url));
const source = fileURLToPath(new URL('upstash-realtime-chaos', import.meta.url));

/** How long the first connections may take, in ms. */
const openWithinMs = 30_000;

/** Its client notices after 75 s that nothing comes: it is given more than that to be well again, in ms. */
const wellWithinMs = 100_000;

const collectEveryMs = 250;

/** A reader, and what it was told. */
type Reader = { readonly channels: readonly string[]; readonly told: PeerHistory['told'][number][] };

/**
 * Starts it. Its publishers begin once its readers are connected, so that every reader is to get every event.
 * @param stack ends what is started.
 * @throws Error where it cannot be installed or started.
 */
export async function startPeer(
  stack: AsyncDisposableStack,
  options: ChaosOptions,
  note: (line: string) => void,
): Promise<PeerRun> {
  const { seed } = options;
  const { peers, app } = preparePeer(source, root);
  const stand = await startAppStand(stack, { seed, token, channels, truth: createTruth(channels), app });
  const tally = createTally();
  const recoveries = createRecoveries();
  const weather = createWeather(seeded(seed + 3));
  const front = stack.use(
    createFront({
      ...{ weather, upstreams: stand.fleet.serving, draw: seeded(seed + 4) },
      onCut(client, fault) {
        tally.cut(fault);
        if (fault !== null) recoveries.await(fault, [client]);
      },
    }),
  );

  const draw = seeded(seed + 5);
  const readers = new Map<string, Reader>();
  const orders = [];
  for (let number = 1; number <= options.readers; number += 1) {
    const reader = `peer's reader ${number}`;
    const own = drawChannels(draw);
    readers.set(reader, { channels: own, told: [] });
    orders.push({ reader, channels: own, url: `${await front.addressFor(reader)}/api/realtime` });
  }
  const browser = await startNeededBrowser('--peer');
  stack.defer(() => browser.close());
  const home = `http://127.0.0.1:${stand.fleet.at(0).port}`;
  const page = await startPeerReaders(await browser.newPage(), peers, home, orders, (told) => {
    readers.get(told.reader)?.told.push({ channel: told.channel, id: told.id, name: told.data.name });
    recoveries.told(told.reader, told.data.at, told.at - performance.timeOrigin);
  });
  for (const until = performance.now() + openWithinMs; ; await sleep(100)) {
    const statuses = [...(await page.statuses()).values()];
    const open = statuses.filter((status) => status === 'connected').length;
    if (open === options.readers) break;
    if (performance.now() > until) throw new Error(`--peer: ${open} of ${options.readers} readers connected`);
  }
  const ending = new AbortController();
  const collecting = (async () => {
    while (!ending.signal.aborted) {
      await page.collect();
      await sleep(collectEveryMs);
    }
  })();
  collecting.catch(() => undefined);
  stack.defer(() => ending.abort());

  const acknowledged: Emission[] = [];
  const publishers = await Promise.all(
    Array.from({ length: options.publishers }, async (_, index) => {
      const name = `peer's publisher ${index + 1}`;
      return startPeerPublisher({
        ...{ name, channels, types, url: await front.addressFor(name), pauseMs: options.pauseMs },
        draw: seeded(seed + 101 + index),
        onStored: (emission) => acknowledged.push(emission),
        onRetry: tally.retry,
      });
    }),
  );
  note(`the peer: ${readers.size} readers, ${publishers.length} publishers`);

  const stage: Stage = { ...stand, weather, tails: [], slowness: { ms: 0 } };
  return {
    async strike(fault, blow) {
      try {
        await fault.strike(stage, { fault: fault.name, forMs: blow.forMs, draw: seeded(blow.seed) });
      } catch (cause) {
        note(
          `the peer: "${fault.name}" could not be done: ${cause instanceof Error ? cause.message : cause}`,
        );
      }
      if (fault.reach === 'all') recoveries.await(fault.name, [...readers.keys()]);
    },
    async finish() {
      const until = performance.now() + wellWithinMs;
      const published = Promise.all(publishers.map((publisher) => publisher.stop())).then(() =>
        publishers[0]?.finish(channels),
      );
      await Promise.race([published, sleep(wellWithinMs)]);
      const last = new Map(acknowledged.map(({ channel, name }) => [channel, name]));
      const isAtEnd = (reader: Reader) =>
        reader.channels.every((channel) => reader.told.some(({ name }) => name === last.get(channel)));
      while (performance.now() < until && ![...readers.values()].every(isAtEnd)) await sleep(collectEveryMs);
      // What is told twice comes late.
      await sleep(2 * collectEveryMs);
      ending.abort();
      await collecting;
      for (const what of stand.fleet.surprises()) note(`the peer's app: ${what}`);
      for (const [reader, status] of await page.statuses()) {
        const own = readers.get(reader);
        if (own !== undefined && !isAtEnd(own)) note(`${reader} is not at the end: ${status}`);
      }

      const histories = [...readers.values()].map((reader) => ({ ...reader, isAtEnd: isAtEnd(reader) }));
      const kept = await keptNames(stand.redis.witness.call);
      const times = [...recoveries.times().values()].flat().toSorted((a, b) => a - b);
      return {
        ...{ readers: readers.size, atEnd: histories.filter((each) => each.isAtEnd).length },
        ...{ acknowledged: acknowledged.length, retries: tally.retries(), gaps: null },
        deliveries: histories.reduce((sum, { told }) => sum + told.length, 0),
        ...judgePeer(acknowledged, kept, histories),
        cuts: tally.allCuts(),
        ...{ p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      };
    },
  };
}

/** The names of all events that Redis has now. */
async function keptNames(
  call: (command: string, ...args: readonly string[]) => Promise<unknown>,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const channel of channels) {
    const entries = (await call('XRANGE', channel, '-', '+')) as readonly (readonly [
      string,
      readonly string[],
    ])[];
    for (const [, fields] of entries) {
      const { name } = JSON.parse(fields[fields.indexOf('data') + 1] ?? '{}') as PeerMark;
      names.add(name);
    }
  }
  return names;
}
