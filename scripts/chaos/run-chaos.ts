import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gap } from '../../lib/core/gap.ts';
import { startLocalUpstash } from '../local-upstash/local-upstash.ts';
import type { ChaosOptions } from './chaos-options.ts';
import type { Stage } from './fault.ts';
import { startFleet } from './fleet.ts';
import { createFront } from './front.ts';
import { judgeHistory } from './judge-history.ts';
import { judgeLog } from './judge-log.ts';
import { startLaggingReplica } from './lagging-replica.ts';
import type { Fact } from './life.ts';
import { type Publisher, startPublisher } from './publisher.ts';
import { startBrowser } from './readers/browser-reader.ts';
import { channels, startReaders, types } from './readers.ts';
import { createRecorder } from './recorder.ts';
import { createRecoveries } from './recoveries.ts';
import { startRedisPlace } from './redis-place.ts';
import { sabotages } from './sabotage.ts';
import { seeded } from './seeded.ts';
import { settle } from './settle.ts';
import { strikeAll } from './strike-all.ts';
import { createTally, type Tally } from './tally.ts';
import { createTruth } from './truth.ts';
import type { Violation } from './violation.ts';
import { createWeather } from './weather.ts';

/** How a run went. */
export type Outcome = {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly recoveries: ReadonlyMap<string, readonly number[]>;
  readonly deliveries: number;
  readonly gaps: Readonly<Record<Gap['reason'], number>>;
  /** Events that were acknowledged, and that were stored in all. */
  readonly acknowledged: number;
  readonly stored: number;
  /** What happened, a line each, with the second at which it did. */
  readonly timeline: readonly string[];
};

/** The app's processes: two are needed for a front to spread over; each more costs a core. */
const processes = 2;
const token = 'chaos-token';

/** Runs the app, its readers and publishers through faults; heals all; holds what was told against what is true. */
export async function runChaos(options: ChaosOptions, say: (line: string) => void): Promise<Outcome> {
  const { seed } = options;
  const folder = mkdtempSync(join(tmpdir(), 'steadfeed-chaos-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const startedAt = performance.now();
  const timeline: string[] = [];
  const note = (line: string) => {
    const text = `${((performance.now() - startedAt) / 1_000).toFixed(1)} s  ${line}`;
    timeline.push(text);
    if (options.isVerbose) say(text);
  };

  const truth = createTruth(channels);
  const redis = stack.use(await startRedisPlace(folder, channels, truth));
  const replica = stack.use(await startLaggingReplica(redis.port, folder));
  const upstash = await startLocalUpstash({ redisPort: redis.port, token });
  stack.defer(() => upstash.close());
  upstash.faults.random = seeded(seed + 1).next;
  const fleet = stack.use(
    await startFleet(
      processes,
      {
        UPSTASH_REDIS_REST_URL: upstash.url,
        UPSTASH_REDIS_REST_TOKEN: upstash.token,
        PUBLISH_TOKEN: token,
        // Nothing is trimmed but by a fault, which is known at once.
        FEED_RETENTION: '1000000',
      },
      folder,
      seeded(seed + 2),
    ),
  );

  const tally = createTally();
  const recoveries = createRecoveries();
  const recorder = createRecorder(recoveries);
  const weather = createWeather(seeded(seed + 3));
  const front = stack.use(
    createFront({
      upstreams: fleet.serving,
      weather,
      draw: seeded(seed + 4),
      onCut(client, fault) {
        tally.cut(fault);
        if (fault !== null) recoveries.await(fault, [client]);
      },
    }),
  );

  const violations: Violation[] = [];
  const acknowledged: Fact[] = [];
  const publishers: Publisher[] = [];
  for (let index = 1; index <= options.publishers; index += 1) {
    const name = `publisher ${index}`;
    publishers.push(
      startPublisher({
        ...{ name, token, channels, types, draw: seeded(seed + 100 + index) },
        url: await front.addressFor(name),
        pauseMs: options.pauseMs,
        onStored: (facts) => acknowledged.push(...facts),
        onRetry: tally.retry,
        onViolation: (violation) => violations.push(violation),
      }),
    );
  }
  const browser = options.withBrowser ? await startBrowser() : null;
  stack.defer(() => browser?.close());
  const slowness = { ms: 0 };
  const { readers, tails } = await startReaders({
    ...{ recorder, slowness, browser, addressFor: front.addressFor, draw: seeded(seed + 5) },
    count: options.readers,
    sabotage: options.sabotage === null ? null : sabotages[options.sabotage](),
  });
  stack.defer(async () => {
    await Promise.all(readers.map((reader) => reader.close()));
  });
  note(`${readers.length} readers, ${publishers.length} publishers, ${fleet.size} processes`);

  const stage: Stage = { weather, fleet, redis, replica, upstash, tails, slowness };
  await strikeAll(options, stage, tally, (fault, isOver) => {
    note(`${isOver ? '  over:' : 'begins:'} ${fault}`);
    if (isOver)
      recoveries.await(
        fault,
        recorder.records.map((record) => record.reader),
      );
  });
  note('all faults are over');
  violations.push(...(await settle({ publishers, readers, truth, redis, channels, note })));

  violations.push(...judgeLog(truth.lives, acknowledged));
  for (const what of truth.faults) violations.push({ kind: 'log', who: 'log', what, lost: 0 });
  for (const what of fleet.surprises) violations.push({ kind: 'app', who: 'app', what, lost: 0 });
  for (const record of recorder.records) violations.push(...judgeHistory(truth.lives, record.history()));
  return {
    ...{ violations, tally, timeline, recoveries: recoveries.times() },
    ...{ deliveries: recorder.deliveries(), gaps: recorder.gaps(), acknowledged: acknowledged.length },
    stored: [...truth.lives.values()].flat().reduce((sum, life) => sum + life.events.length, 0),
  };
}
