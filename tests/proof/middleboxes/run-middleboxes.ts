import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../../support/seeded.ts';
import { honestBox } from './catalogue.ts';
import { figuresOf, type Phases, type ReaderFigures } from './figures.ts';
import { watchLoop } from './loop-delay.ts';
import type { Middlebox, RunningBox, Target } from './middlebox.ts';
import { type Publish, startPublishing } from './publishing.ts';
import { startOwnSide } from './readers/own-side.ts';
import { startPeerSide } from './readers/peer-side.ts';
import { feeds, type ReaderKind, type ReaderOrder, type ReaderRecord } from './readers/record.ts';

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
  readonly delays: Delays;
};

/** What the machine and the harness add, at most, in ms. */
export type Delays = {
  /** The thread of the publishers and of our own boxes. */
  readonly boxesMs: number;
  /** The threads of the readers. */
  readonly readersMs: number;
  /** The worst latency behind the box that does all right: the server is late, too. 0 without that box. */
  readonly honestMs: number;
  /** The share of the round in which the server waited for a processor. */
  readonly serverWaitedShare: number;
};

/** The worst of all rounds. */
export function worstDelays(rounds: readonly Delays[]): Delays {
  const worst = (name: keyof Delays) => Math.max(...rounds.map((delays) => delays[name]));
  return {
    boxesMs: worst('boxesMs'),
    readersMs: worst('readersMs'),
    honestMs: worst('honestMs'),
    serverWaitedShare: worst('serverWaitedShare'),
  };
}

/** A server and its readers. They end with the stack of the function that starts them. */
export type Side = Target & {
  readonly kinds: readonly ReaderKind[];
  readonly publish: Publish;
  startReaders(orders: readonly ReaderOrder[]): Promise<Readers>;
  /** How long the server has waited for a processor so far, in ms. */
  waitedMs(): number;
};

/** Readers that run. */
export type Readers = { finish(): Promise<Readings> };

/** What readers give at their end. */
export type Readings = {
  readonly records: readonly ReaderRecord[];
  /** The longest time that their threads were busy or had no processor, in ms. */
  readonly maxDelayMs: number;
};

export type RoundOptions = {
  readonly boxes: readonly Middlebox[];
  readonly times: Times;
  readonly seed: number;
  /** Whether the readers are those of the peer. */
  readonly isPeer: boolean;
  /** Called with each step. */
  readonly note: (line: string) => void;
};

/** After the last event, the time that late ones have, in ms. */
const drainMs = 5_000;

/** The time in which the first request of a reader reaches the server, on a machine that is never late, in ms. */
const reachMs = 2_000;

/** The limit of one request: streams hand over once or twice in each part of a round. */
const streamSeconds = '60';

/** Runs readers behind all boxes at the same time. */
export async function runRound({ boxes, times, seed, isPeer, note }: RoundOptions): Promise<Round> {
  await using stack = new AsyncDisposableStack();
  const loop = watchLoop();
  const side = await (isPeer ? startPeerSide : startOwnSide)(stack, streamSeconds);
  const { running, orders } = await startBoxes(stack, boxes, side);
  const readers = await side.startReaders(orders);
  const startMs = loop.takeMaxMs();
  note(`${orders.length} readers behind ${boxes.length} boxes`);

  const [waitedMs, begunAt] = [side.waitedMs(), Date.now()];
  const publishing = feeds.map((feed, index) => startPublishing(side.publish, feed, seeded(seed + index)));
  await sleep(times.learnMs);
  const steadyAt = Date.now();
  await sleep(times.steadyMs);
  const behaveAt = Date.now();
  for (const box of running) box.behave();
  note('all boxes behave');
  await sleep(times.behaveMs);
  const endAt = Date.now();
  const published = (await Promise.all(publishing.map(({ stop }) => stop()))).flat();
  await sleep(drainMs);
  const serverWaitedShare = (side.waitedMs() - waitedMs) / (Date.now() - begunAt);

  // Before the records are read, which takes long.
  const boxesMs = loop.takeMaxMs();
  const { records, maxDelayMs: readersMs } = await readers.finish();
  const phases: Phases = { reachMs: reachMs + startMs + boxesMs + readersMs, steadyAt, behaveAt, endAt };
  const unreachable = boxes.filter(({ due }) => due === null).map(({ name }) => name);
  const rows = records.map((record) =>
    figuresOf(record, published, phases, !unreachable.includes(record.box)),
  );
  const honest = rows.filter(({ box, kind }) => box === honestBox.name && kind === side.kinds[0]);
  const honestMs = Math.max(0, ...honest.map(({ worstMs }) => worstMs ?? 0));
  return { rows, delays: { boxesMs, readersMs, honestMs, serverWaitedShare } };
}

type Started = { readonly running: readonly RunningBox[]; readonly orders: readonly ReaderOrder[] };

/** Starts each box once, or once for each reader if it counts clients. */
async function startBoxes(
  stack: AsyncDisposableStack,
  boxes: readonly Middlebox[],
  side: Side,
): Promise<Started> {
  const running: RunningBox[] = [];
  const readers = side.kinds.flatMap((kind) => feeds.map((feed) => ({ kind, feed })));
  const orders = await Promise.all(
    boxes.map(async (box) => {
      const start = async () => {
        const started = stack.use(await box.start(side));
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
