import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../support/root.ts';
import { seeded } from '../../support/seeded.ts';
import { steadfeed } from '../bench/contestants.ts';
import { figuresOf, type Phases, type ReaderFigures } from './figures.ts';
import { watchLoop } from './loop-delay.ts';
import type { Middlebox, RunningBox, Target } from './middlebox.ts';
import { type Publish, startPublishing } from './publishing.ts';
import { type FeedName, feeds, type ReaderKind, type ReaderOrder } from './readers/record.ts';
import { type Readers, startNodeReaders } from './readers/start-readers.ts';

/** How long the parts of a round take, in ms. */
export type Times = {
  /** The readers learn what their boxes do. */
  readonly learnMs: number;
  /** The steady state, which is measured. */
  readonly steadyMs: number;
  /** All boxes behave. */
  readonly behaveMs: number;
};

/** The result of a round. */
export type Round = {
  readonly rows: readonly ReaderFigures[];
  /** By how much the machine made the round late at most, in ms. */
  readonly delays: Delays;
};

/** What the machine and the harness add, at most, in ms. */
export type Delays = {
  /** The thread of the publishers and of our own boxes. */
  readonly boxesMs: number;
  /** The threads of the readers. */
  readonly readersMs: number;
  /** The share of the round in which the server waited for a processor. */
  readonly serverWaitedShare: number;
};

/** After the last event, the time that late ones have, in ms. */
const drainMs = 5_000;

/** The limit of one request: streams hand over once or twice in each part of a round. */
const streamSeconds = '60';

export type RoundOptions = {
  readonly boxes: readonly Middlebox[];
  readonly times: Times;
  readonly seed: number;
  readonly withPeer: boolean;
  /** Called with each step. */
  readonly note: (line: string) => void;
};

/** The worst of all rounds. */
export function worstDelays(rounds: readonly Delays[]): Delays {
  const worst = (name: keyof Delays) => Math.max(...rounds.map((delays) => delays[name]));
  return {
    boxesMs: worst('boxesMs'),
    readersMs: worst('readersMs'),
    serverWaitedShare: worst('serverWaitedShare'),
  };
}

/** Runs readers behind all boxes at the same time. */
export async function runRound({ boxes, times, seed, note }: RoundOptions): Promise<Round> {
  await using stack = new AsyncDisposableStack();
  const loop = watchLoop();
  const data = mkdtempSync(join(tmpdir(), 'steadfeed-middleboxes-'));
  stack.defer(() => rmSync(data, { recursive: true, force: true }));
  const ours = steadfeed(root, data);
  const server = stack.use(await ours.start({ STREAM_MAX_SECONDS: streamSeconds }));
  const { publishPath, publishHeaders } = ours.target(server);
  const publish: Publish = (feed) =>
    store(`http://127.0.0.1:${server.port}${publishPath}`, publishHeaders, feed);

  const kinds: readonly ReaderKind[] = ['steadfeed', 'eventSource'];
  const started = await startBoxes(stack, boxes, server, kinds);
  const groups: Readers[] = [];
  for (const kind of kinds) {
    for (const feed of feeds) {
      const orders = started.orders.filter((each) => each.kind === kind && each.feed === feed);
      groups.push(await startNodeReaders(stack, orders));
    }
  }
  note(`${started.orders.length} readers behind ${boxes.length} boxes`);

  const [waitedMs, begunAt] = [server.waitedMs(), Date.now()];
  const publishing = feeds.map((feed, index) => startPublishing(publish, feed, seeded(seed + index)));
  await sleep(times.learnMs);
  const steadyAt = Date.now();
  await sleep(times.steadyMs);
  const behaveAt = Date.now();
  for (const box of started.running) box.behave();
  note('all boxes behave');
  await sleep(times.behaveMs);
  const endAt = Date.now();
  const published = (await Promise.all(publishing.map((each) => each.stop()))).flat();
  await sleep(drainMs);

  const readings = await Promise.all(groups.map((each) => each.finish()));
  const phases: Phases = { steadyAt, behaveAt, endAt };
  const rows = readings.flatMap(({ records }) =>
    records.map((record) => figuresOf(record, published, phases)),
  );
  return {
    rows,
    delays: {
      boxesMs: loop.maxMs(),
      readersMs: Math.max(...readings.map(({ maxDelayMs }) => maxDelayMs)),
      serverWaitedShare: (server.waitedMs() - waitedMs) / (Date.now() - begunAt),
    },
  };
}

type Started = { readonly running: readonly RunningBox[]; readonly orders: readonly ReaderOrder[] };

/** Starts each box once, or once for each reader if it counts clients. */
async function startBoxes(
  stack: AsyncDisposableStack,
  boxes: readonly Middlebox[],
  target: Target,
  kinds: readonly ReaderKind[],
): Promise<Started> {
  const running: RunningBox[] = [];
  const orders: ReaderOrder[] = [];
  for (const box of boxes) {
    const start = async () => {
      const started = stack.use(await box.start(target));
      running.push(started);
      return started.url;
    };
    const shared = box.countsClients ? null : await start();
    for (const kind of kinds) {
      for (const feed of feeds) orders.push({ kind, feed, box: box.name, url: shared ?? (await start()) });
    }
  }
  return { running, orders };
}

/** Publishes one event to our server. */
async function store(address: string, headers: Readonly<Record<string, string>>, feed: FeedName) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ channel: feed, data: 'an event' }),
  });
  const text = await response.text();
  if (response.status !== 201)
    throw new Error(`the answer to the publish request was ${response.status}: ${text}`);
  const [event] = (JSON.parse(text) as { events: readonly { id: string }[] }).events;
  const name = event?.id ?? '';
  return { feed, name, at: Number(name.split('-')[0]) };
}
