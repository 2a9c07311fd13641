import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { root } from '../../../support/root.ts';
import { seeded } from '../../../support/seeded.ts';
import { preparePeer } from '../../bench/prepare.ts';
import type { ChaosOptions } from '../chaos-options.ts';
import type { FaultTargets } from '../faults/fault.ts';
import { quantile } from '../figures.ts';
import type { InjectElsewhere } from '../inject-faults.ts';
import { createFaultyNetwork } from '../network/faulty-network.ts';
import { createLoadBalancer } from '../network/load-balancer.ts';
import type { RedisObserver } from '../oracle/redis-observer.ts';
import { createRecoveries, createTally } from '../oracle/tally.ts';
import { createTruth } from '../oracle/truth.ts';
import { startPublishers } from '../publisher.ts';
import { channels, types } from '../readers/readers.ts';
import { startAppStand } from '../servers/app-stand.ts';
import type { Side } from './comparison.ts';
import { type Emission, judgePeer, type PeerMark } from './judge-peer.ts';
import { startPeerPublisher } from './peer-publisher.ts';
import { type PeerReader, startPeerReaders } from './peer-readers.ts';

/** The running peer, on servers of its own of the same kind as ours. */
export type PeerRun = {
  /** Injects a fault into the peer. */
  readonly inject: InjectElsewhere;
  /** After all faults have ended: stops the publishers, waits for the readers, and returns the result. */
  finish(): Promise<Side>;
};

const token = 'chaos-token';
const source = fileURLToPath(new URL('upstash-realtime-chaos', import.meta.url));

/** Time for the peer to recover, in ms. Its client needs 75 s to notice a silent connection. */
const wellWithinMs = 100_000;

/** The pause before another last event is published, while a reader has not got the previous one, in ms. */
const finishEveryMs = 5_000;

/**
 * Starts the peer's servers, then its readers, then its publishers.
 * @param stack ends what is started.
 * @param note called with each step, for the timeline.
 * @throws Error if the peer cannot be installed or started.
 */
export async function startPeer(
  stack: AsyncDisposableStack,
  { seed, readers: count, publishers: publisherCount, pauseMs }: ChaosOptions,
  note: (line: string) => void,
): Promise<PeerRun> {
  const { peers: packages, app } = preparePeer(source, root);
  const losses: number[] = [];
  const lose = () => void losses.push(Date.now());
  const truth = { ...createTruth(channels), lose };
  const stand = await startAppStand(stack, { seed, token, channels, truth, app });
  const tally = createTally();
  const recoveries = createRecoveries();
  const network = createFaultyNetwork(seeded(seed + 3));
  const { addressFor } = stack.use(
    createLoadBalancer({
      ...{ network, upstreams: stand.fleet.serving, draw: seeded(seed + 4) },
      onCut(client, fault) {
        tally.cut(fault);
        if (fault !== null) recoveries.await(fault, [client]);
      },
    }),
  );
  const home = `http://127.0.0.1:${stand.fleet.at(0).port}`;
  const group = await startPeerReaders(stack, {
    ...{ count, addressFor, recoveries, packages, home },
    draw: seeded(seed + 5),
  });
  const acknowledged: Emission[] = [];
  const publishers = await startPublishers({
    ...{ seed, addressFor, count: publisherCount, called: "peer's publisher" },
    start: (own) =>
      startPeerPublisher({
        ...{ ...own, channels, types, pauseMs, onRetry: tally.retry },
        onStored: (emission) => acknowledged.push(emission),
      }),
  });
  note(`the peer: ${group.readers.length} readers, ${publishers.length} publishers`);

  const targets: FaultTargets = { ...stand, network, tails: [], slowness: { ms: 0 } };
  const isAtEnd = ({ channels: own, received }: PeerReader) => {
    const last = new Map(acknowledged.map(({ channel, name }) => [channel, name]));
    return own.every((channel) => received.some(({ name }) => name === last.get(channel)));
  };

  /** Publishes a last event again and again: if a reader missed one of them, a later one still shows that it recovered. */
  async function comeToEnd(): Promise<void> {
    const until = performance.now() + wellWithinMs;
    const areAtEnd = () => group.readers.every(isAtEnd);
    await Promise.race([Promise.all(publishers.map((each) => each.stop())), sleep(wellWithinMs)]);
    do {
      await Promise.race([publishers[0]?.finish(channels), sleep(wellWithinMs)]);
      const next = performance.now() + finishEveryMs;
      while (performance.now() < next && !areAtEnd()) await sleep(100);
    } while (performance.now() < until && !areAtEnd());
    await group.stop();
  }

  return {
    async inject(fault, { forMs, seed: own }) {
      try {
        await fault.inject(targets, { fault: fault.name, forMs, draw: seeded(own) });
      } catch (cause) {
        note(`the peer: "${fault.name}" failed: ${cause instanceof Error ? cause.message : cause}`);
      }
      const names = group.readers.map(({ name }) => name);
      if (fault.reach === 'all') recoveries.await(fault.name, names);
    },
    async finish() {
      await comeToEnd();
      for (const what of new Set(stand.fleet.surprises())) note(`the peer's app: ${what}`);
      const statuses = await group.statuses();
      const histories = group.readers.map((reader) => ({ ...reader, isAtEnd: isAtEnd(reader) }));
      for (const { name, isAtEnd: isWell } of histories) {
        if (!isWell) note(`${name} did not reach the end: ${statuses.get(name)}`);
      }
      const kept = await keptNames(stand.redis.observer, channels);
      const times = [...recoveries.times().values()].flat().toSorted((a, b) => a - b);
      return {
        ...{ readers: histories.length, atEnd: histories.filter((each) => each.isAtEnd).length },
        ...{ acknowledged: acknowledged.length, retries: tally.retries(), gaps: null },
        deliveries: histories.reduce((sum, { received }) => sum + received.length, 0),
        ...judgePeer(acknowledged, { kept, losses }, histories),
        ...{ cuts: tally.allCuts(), p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      };
    },
  };
}

/** The names of all events that Redis has now in the peer's streams. The key of a stream is its channel. */
async function keptNames({ call }: RedisObserver, channels: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const channel of channels) {
    const entries = (await call('XRANGE', channel, '-', '+')) as readonly StreamEntry[];
    for (const [, fields] of entries) {
      const { name } = JSON.parse(fields[fields.indexOf('data') + 1] ?? '{}') as PeerMark;
      names.add(name);
    }
  }
  return names;
}

/** An entry of a Redis stream. Its fields alternate between names and values. */
type StreamEntry = readonly [id: string, fields: readonly string[]];
