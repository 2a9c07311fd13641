import type { Browser } from 'playwright-core';
import type { Gap } from '../../../lib/core/continuity.ts';
import { seeded } from '../../support/seeded.ts';
import { awaitRecovery } from './await-recovery.ts';
import type { ChaosOptions } from './chaos-options.ts';
import type { FaultTargets } from './faults/fault.ts';
import { injectFaults } from './inject-faults.ts';
import { createFaultyNetwork } from './network/faulty-network.ts';
import { createLoadBalancer } from './network/load-balancer.ts';
import type { Fact, Snapshot, Violation } from './oracle/history.ts';
import { judgeHistory } from './oracle/judge-history.ts';
import { judgeLog } from './oracle/judge-log.ts';
import { judgeStates } from './oracle/judge-state.ts';
import { createRecorder } from './oracle/recorder.ts';
import { sabotages } from './oracle/sabotage.ts';
import { createRecoveries, createTally, type Tally } from './oracle/tally.ts';
import { createTruth } from './oracle/truth.ts';
import type { Side } from './peer/comparison.ts';
import { startPeer } from './peer/start-peer.ts';
import { startPublisher, startPublishers } from './publisher.ts';
import { startBrowser, startNeededBrowser } from './readers/browser-reader.ts';
import { channels, describeKinds, startReaders, types } from './readers/readers.ts';
import { startAppStand } from './servers/app-stand.ts';

/** The result of a run. */
export type Outcome = {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly recoveries: ReadonlyMap<string, readonly number[]>;
  readonly readers: number;
  /** States that readers had, and that were compared with the log. */
  readonly states: number;
  readonly deliveries: number;
  readonly gaps: Readonly<Record<Gap['reason'], number>>;
  /** Events that were acknowledged. */
  readonly acknowledged: number;
  /** The result of the peer; null if it did not run. */
  readonly peer: Side | null;
  /** What happened: one line for each step, with its time in seconds. */
  readonly timeline: readonly string[];
};

/** The token of the REST API and of publishers. */
const token = 'chaos-token';

/** Runs the app with readers and publishers under faults, ends all faults, and compares what readers got with the log. */
export async function runChaos(options: ChaosOptions, say: (line: string) => void): Promise<Outcome> {
  const { seed } = options;
  await using stack = new AsyncDisposableStack();
  const startedAt = performance.now();
  const timeline: string[] = [];
  const note = (line: string) => {
    const text = `${((performance.now() - startedAt) / 1_000).toFixed(1)} s  ${line}`;
    timeline.push(text);
    if (options.isVerbose) say(text);
  };

  const truth = createTruth(channels);
  // The peer starts first, so that its start does not slow down our own servers.
  const peer = options.withPeer ? await startPeer(stack, options, note) : null;
  const { app, isOverTcp } = options;
  const stand = await startAppStand(stack, { seed, token, channels, truth, app, isOverTcp });

  const tally = createTally();
  const recoveries = createRecoveries();
  const recorder = createRecorder(recoveries);
  const network = createFaultyNetwork(seeded(seed + 3));
  const loadBalancer = stack.use(
    createLoadBalancer({
      upstreams: stand.fleet.serving,
      network,
      draw: seeded(seed + 4),
      onCut(client, fault) {
        tally.cut(fault);
        if (fault !== null) recoveries.await(fault, [client]);
      },
    }),
  );

  const violations: Violation[] = [];
  const acknowledged: Fact[] = [];
  const publishers = await startPublishers({
    ...{ seed, count: options.publishers, called: 'publisher', addressFor: loadBalancer.addressFor },
    start: (own) =>
      startPublisher({
        ...{ ...own, token, channels, types, pauseMs: options.pauseMs },
        onStored: (facts) => acknowledged.push(...facts),
        onRetry: tally.retry,
        onViolation: (violation) => violations.push(violation),
      }),
  });
  const browser = await openBrowser(options.browser);
  stack.defer(() => browser?.close());
  if (browser === null) say('chaos: Chromium does not take part, so no reader is a native EventSource');
  const slowness = { ms: 0 };
  const snapshots: Snapshot[] = [];
  const { readers, tails } = await startReaders({
    ...{ recorder, slowness, browser, addressFor: loadBalancer.addressFor, draw: seeded(seed + 5) },
    count: options.readers,
    onState: (snapshot) => snapshots.push(snapshot),
    sabotage: options.sabotage === null ? null : sabotages[options.sabotage],
  });
  stack.defer(async () => {
    await Promise.all(readers.map((reader) => reader.close()));
  });
  note(`${readers.length} readers, ${publishers.length} publishers, ${stand.fleet.size} processes`);

  say(`chaos: readers: ${describeKinds(readers)}`);

  const targets: FaultTargets = { ...stand, network, tails, slowness };
  await injectFaults(
    options,
    targets,
    tally,
    (fault, isOver) => {
      note(`${isOver ? '  ends:' : 'starts:'} ${fault}`);
      if (isOver) recoveries.await(fault, recorder.names());
    },
    peer?.inject,
  );
  note('all faults are over');
  // The peer's failure must not fail this run.
  const failed = (cause: unknown) => {
    say(`chaos: the peer did not finish: ${cause instanceof Error ? cause.message : cause}`);
    return null;
  };
  const [unsettled, peersSide] = await Promise.all([
    awaitRecovery({ publishers, readers, truth, redis: stand.redis, channels, note }),
    peer?.finish().catch(failed) ?? null,
  ]);
  violations.push(...unsettled);

  violations.push(...judgeLog(truth.lives, acknowledged));
  for (const what of truth.faults) violations.push({ kind: 'log', who: 'log', what, lost: 0 });
  for (const what of stand.fleet.surprises()) violations.push({ kind: 'app', who: 'app', what, lost: 0 });
  for (const record of recorder.records) violations.push(...judgeHistory(truth.lives, record.history()));
  violations.push(...judgeStates(truth.lives, snapshots));
  note(`${snapshots.length} states of channels compared`);
  return {
    ...{
      violations,
      tally,
      timeline,
      recoveries: recoveries.times(),
      peer: peersSide,
      readers: readers.length,
      states: snapshots.length,
    },
    ...{ deliveries: recorder.deliveries(), gaps: recorder.gaps(), acknowledged: acknowledged.length },
  };
}

function openBrowser(wanted: ChaosOptions['browser']): Promise<Browser | null> {
  switch (wanted) {
    case 'needed':
      return startNeededBrowser('--browser');
    case 'if found':
      return startBrowser();
    case 'no':
      return Promise.resolve(null);
  }
}
