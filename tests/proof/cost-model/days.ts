import { join } from 'node:path';
import { costOf, hoursPerMonth, type Usage } from '../../../lib/config/prices.ts';
import { regionsOf } from '../../../scripts/cost.ts';
import { type DocTable, markdownTable } from '../../support/doc-table.ts';
import { root } from '../../support/root.ts';
import { seeded } from '../../support/seeded.ts';
import { simulatedPlatform } from '../../support/server/simulated-platform.ts';
import type { About } from '../bench/kept-runs.ts';
import { type PeerDay, startPeerDay } from './peer-day.ts';

/*
 * A day of readers on the simulated platform, and what a month of such days costs. Nothing is computed from a formula: the real
 * client and the real server run, and the requests, the commands, the bytes and the open time are counted.
 */

/** How the readers get their events. */
export const dayWays = {
  rest: { name: 'streams and rest', env: {}, transport: 'auto' },
  stream: { name: 'always streaming', env: { QUIET_SECONDS: '0' }, transport: 'auto' },
  poll: { name: 'always polling, each 2 s', env: { QUIET_SECONDS: '0' }, transport: 'poll' },
  peer: { name: '@upstash/realtime 1.1' },
} as const;

export type DayWay = keyof typeof dayWays;

/** A row of the table. */
export type DayRow = { readonly readers: number; readonly eventsPerHour: number };

/** The rows of docs/scale.md. */
export const dayRows: readonly DayRow[] = [1, 10, 1_000].flatMap((readers) =>
  [0, 1, 360].map((eventsPerHour) => ({ readers, eventsPerHour })),
);

/** The life of a stream, and two: the handovers in such a time are as many as they are on average. */
const [oneLife, twoLives] = [275, 550];

/**
 * How much of the day is run, in s. The rest of it is taken to be the same. A thousand readers never rest, and ten do not in a
 * busy time; all others need the time in which they do.
 */
function secondsOf({ readers, eventsPerHour }: DayRow, way: DayWay): number {
  if (way === 'rest' && readers === 1) return 86_400;
  if (way === 'rest' && readers === 10 && eventsPerHour < 360) return 43_200;
  if (way === 'peer') return readers === 1_000 ? 298 : 10 * 298;
  if (way === 'poll') return readers === 1_000 ? 60 : 600;
  return readers === 1_000 ? twoLives : 10 * oneLife;
}

/** One cell: what a month of such days uses. */
export type DayCell = DayRow & { readonly way: DayWay; readonly use: Usage };

/** A run of all cells. */
export type DayRun = { readonly about: About; readonly cells: readonly DayCell[] };

/** Where `npm run proof:cost -- --record` keeps its run. */
export const dayRunFile = join(root, 'tests/proof/runs/cost.json');

/**
 * What a month of such days uses.
 * @param packages the folder of the peers' packages; only for the peer.
 * @param seconds of the day that are run.
 */
export async function useOfMonth(
  row: DayRow,
  way: DayWay,
  packages = '',
  seconds = secondsOf(row, way),
): Promise<Usage> {
  const eventsPerRun = (row.eventsPerHour * seconds) / 3_600;
  const quiet = eventsPerRun < 1 ? await useOfRun(row, way, packages, seconds, 0) : null;
  const factor = (hoursPerMonth * 3_600) / seconds;
  if (quiet !== null && eventsPerRun === 0) return times(quiet, factor);
  // Less than one event: one of several such times has it.
  const events = Math.max(1, Math.round(eventsPerRun));
  const busy = await useOfRun(row, way, packages, seconds, events);
  if (quiet === null) return times(busy, factor);
  return plus(times(quiet, factor * (1 - eventsPerRun)), times(busy, factor * eventsPerRun));
}

/** Runs without events, which several cells use. */
const quietRuns = new Map<string, Promise<Usage>>();

function useOfRun(
  row: DayRow,
  way: DayWay,
  packages: string,
  seconds: number,
  events: number,
): Promise<Usage> {
  if (events > 0) return countRun(row, way, packages, seconds, events);
  const key = `${row.readers} ${way} ${seconds}`;
  const use = quietRuns.get(key) ?? countRun(row, way, packages, seconds, 0);
  quietRuns.set(key, use);
  return use;
}

async function countRun(
  { readers }: DayRow,
  way: DayWay,
  packages: string,
  seconds: number,
  events: number,
): Promise<Usage> {
  using day = way === 'peer' ? await startPeerDay(packages) : startDay(readers, way);
  const random = seeded(readers);
  // They open their pages within a minute.
  const starts = Array.from({ length: readers }, () => random.next() * 60_000).toSorted((a, b) => a - b);
  const closes: (() => void)[] = [];
  let nowMs = 0;
  for (const start of starts) {
    await day.clock.advance(start - nowMs);
    nowMs = start;
    closes.push(day.read());
  }
  await day.clock.advance(60_000 - nowMs);
  day.use();
  for (let event = 0; event < events; event++) {
    await day.clock.advance((seconds * 500) / events);
    await day.publish();
    await day.clock.advance((seconds * 500) / events);
  }
  if (events === 0) await day.clock.advance(seconds * 1_000);
  const use = day.use();
  for (const close of closes) close();
  await day.clock.advance(1_000);
  return use;
}

function startDay(readers: number, way: 'rest' | 'stream' | 'poll'): PeerDay {
  const { env, transport } = dayWays[way];
  const regions = regionsOf(readers);
  const platform = simulatedPlatform({ env, regions });
  let region = 0;
  return {
    clock: platform.clock,
    read: () => platform.read(region++ % regions, { transport }).close,
    publish: async () => void (await platform.publish()),
    use: platform.use,
    [Symbol.dispose]() {},
  };
}

function times(use: Usage, factor: number): Usage {
  return Object.fromEntries(Object.entries(use).map(([name, value]) => [name, value * factor])) as Usage;
}

function plus(one: Usage, other: Usage): Usage {
  return Object.fromEntries(
    Object.entries(one).map(([name, value]) => [name, value + other[name as keyof Usage]]),
  ) as Usage;
}

/** Counts every cell. @param tell hears of each that is counted. */
export async function countDays(
  about: About,
  packages: string,
  tell: (cell: DayCell) => void,
): Promise<DayRun> {
  const cells: DayCell[] = [];
  for (const row of dayRows) {
    for (const way of Object.keys(dayWays) as DayWay[]) {
      const cell = { ...row, way, use: await useOfMonth(row, way, packages) };
      tell(cell);
      cells.push(cell);
    }
  }
  return { about, cells };
}

/** The tables of docs/scale.md from a run: dollars of a month, and what they are for. */
export function dayTables({ cells }: DayRun): readonly DocTable[] {
  const ways = Object.keys(dayWays) as DayWay[];
  const head = ['open tabs', 'events', ...ways.map((way) => dayWays[way].name)];
  const table = (textOf: (use: Usage) => string) =>
    markdownTable(
      head,
      dayRows.map((row) => [
        row.readers.toLocaleString('en-US'),
        eventsText(row.eventsPerHour),
        ...ways.map((way) => {
          const { use } = cells.find((cell) => isOf(cell, row) && cell.way === way) ?? {};
          return use === undefined ? '–' : textOf(use);
        }),
      ]),
    );
  const uses = ({ gbHours, invocations, edgeRequests, redisCommands }: Usage) =>
    [gbHours, invocations, edgeRequests, redisCommands].map(shortText).join(' · ');
  return [
    { name: 'counted: dollars', text: table((use) => `$${costOf(use).total.toFixed(2)}`) },
    { name: 'counted: usage', text: table(uses) },
  ];
}

/** Whether a cell belongs to a row. */
function isOf(cell: DayRow, { readers, eventsPerHour }: DayRow): boolean {
  return cell.readers === readers && cell.eventsPerHour === eventsPerHour;
}

function eventsText(eventsPerHour: number): string {
  if (eventsPerHour === 0) return 'none';
  return eventsPerHour === 1 ? '1 an hour' : `1 each ${3_600 / eventsPerHour} s`;
}

/** `1,460`, `12 K`, `3.4 M` */
function shortText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3)).toLocaleString('en-US')} M`;
  if (value >= 1e4) return `${Math.round(value / 1e3).toLocaleString('en-US')} K`;
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
