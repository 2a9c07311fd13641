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
import { startPeer } from './readers/peer.ts';
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
export async function runRound({ boxes, times, seed, withPeer, note }: RoundOptions): Promise<Round> {
  await using stack = new AsyncDisposableStack();
  const loop = watchLoop();
  const data = mkdtempSync(join(tmpdir(), 'steadfeed-middleboxes-'));
  stack.defer(() => rmSync(data, { recursive: true, force: true }));
  const ours = steadfeed(root, data);
  const server = stack.use(await ours.start({ STREAM_MAX_SECONDS: streamSeconds }));
  const { publishPath, publishHeaders } = ours.target(server);
  const publish: Publish = (feed) =>
    store(`http://127.0.0.1:${server.port}${publishPath}`, publishHeaders, feed);
  const peer = withPeer ? await startPeer(stack, streamSeconds) : null;

  const own = await startBoxes(stack, boxes, server, ['steadfeed', 'eventSource']);
  const peers = peer === null ? null : await startBoxes(stack, boxes, peer, ['upstashRealtime']);
  note(`${own.orders.length + (peers?.orders.length ?? 0)} readers behind ${boxes.length} boxes`);
  const groups: Readers[] = [];
  // The peer's readers begin when they have loaded: they are first.
  if (peer !== null && peers !== null) groups.push(await peer.startReaders(peers.orders));
  for (const orders of Map.groupBy(own.orders, ({ kind, feed }) => `${kind} ${feed}`).values())
    groups.push(await startNodeReaders(stack, orders));

  const [waitedMs, begunAt] = [server.waitedMs(), Date.now()];
  const publishers = [publish, ...(peer === null ? [] : [peer.publish])];
  const publishing = publishers.map((each) =>
    feeds.map((feed, index) => startPublishing(each, feed, seeded(seed + index))),
  );
  await sleep(times.learnMs);
  const steadyAt = Date.now();
  await sleep(times.steadyMs);
  const behaveAt = Date.now();
  for (const box of [...own.running, ...(peers?.running ?? [])]) box.behave();
  note('all boxes behave');
  await sleep(times.behaveMs);
  const endAt = Date.now();
  const [published = [], publishedByPeer = []] = await Promise.all(
    publishing.map(async (each) => (await Promise.all(each.map(({ stop }) => stop()))).flat()),
  );
  await sleep(drainMs);

  const readings = await Promise.all(groups.map((each) => each.finish()));
  const phases: Phases = { steadyAt, behaveAt, endAt };
  const unreachable = boxes.filter(({ due }) => due === null).map(({ name }) => name);
  const rows = readings.flatMap(({ records }) =>
    records.map((record) => {
      const all = record.kind === 'upstashRealtime' ? publishedByPeer : published;
      return figuresOf(record, all, phases, !unreachable.includes(record.box));
    }),
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
  const readers = kinds.flatMap((kind) => feeds.map((feed) => ({ kind, feed })));
  const orders = await Promise.all(
    boxes.map(async (box) => {
      const start = async () => {
        const started = stack.use(await box.start(target));
        running.push(started);
        return started.url;
      };
      const shared = box.countsClients ? null : await start();
      return Promise.all(
        readers.map(async (reader) => ({ ...reader, box: box.name, url: shared ?? (await start()) })),
      );
    }),
  );
  return { running, orders: orders.flat() };
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
