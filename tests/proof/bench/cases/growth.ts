import { setTimeout as sleep } from 'node:timers/promises';
import { type GrowthStand, withGrowth } from '../growth-stand.ts';
import type { Case, Figure, Measured, Size } from './case.ts';

/*
 * How the costs grow. Each case measures the same servers at several sizes. What one more costs must not grow with the size:
 * between the two largest sizes it may be 1.2 times what it is between the two smallest.
 */

/** The sizes of a case, and what is counted. */
type Scale = { readonly sizes: readonly number[]; readonly noun: string };

/** What is measured at each size. */
type Cost = {
  readonly what: string;
  readonly unit: string;
  /** The unit of what one more costs, and how many of it are one `unit`. */
  readonly more: { readonly unit: string; readonly times: number };
  /** Whether the cost of one more is judged. */
  readonly isJudged: boolean;
};

/** Most that one more may cost between the two largest sizes, compared with the two smallest. */
const mostGrowth = 1.2;

/** The figures of a cost: one for each size, then what one more costs at the bottom and at the top. */
export function growthFigures(scale: Scale, { what, unit, more, isJudged }: Cost): readonly Figure[] {
  const { sizes, noun } = scale;
  const [bottom, top] = rangesOf(sizes);
  return [
    ...sizes.map((size) => ({ ...cell(what, `${text(size)} ${noun}`), unit, goals: [] })),
    { ...cell(what, bottom.name), unit: more.unit, goals: [] },
    {
      ...cell(what, top.name),
      unit: more.unit,
      goals: isJudged
        ? [{ to: [{ own: cell(what, bottom.name).name, as: 'at the bottom' }], atMost: mostGrowth }]
        : [],
    },
  ];
}

/** The values of these figures. @param values one for each size. */
export function growthValues(
  scale: Scale,
  { what, more }: Cost,
  values: readonly number[],
): Record<string, number> {
  const found = growthFigures(scale, { what, unit: '', more, isJudged: false });
  const slopes = rangesOf(scale.sizes).map(({ from, to }) => {
    const [fewer = 0, many = 0] = [scale.sizes[from], scale.sizes[to]];
    return (((values[to] ?? Number.NaN) - (values[from] ?? Number.NaN)) / (many - fewer)) * more.times;
  });
  return Object.fromEntries([...values, ...slopes].map((value, at) => [found[at]?.name ?? '', value]));
}

/** The two smallest and the two largest sizes, as indexes. */
function rangesOf(sizes: readonly number[]) {
  const range = (from: number, to: number) => ({
    ...{ from, to },
    name: `one more, from ${text(sizes[from] ?? 0)} to ${text(sizes[to] ?? 0)}`,
  });
  return [range(0, 1), range(sizes.length - 2, sizes.length - 1)] as const;
}

function cell(row: string, column: string) {
  return { name: `${row}: ${column}`, cell: { row, column } };
}

function text(size: number): string {
  return size.toLocaleString('en-US');
}

const isOurs = ['steadfeedTcp'] as const;

const memory: Cost = {
  ...{ what: 'memory after garbage collection', unit: 'MB', isJudged: true },
  more: { unit: 'KB', times: 1_024 },
};
const resident: Cost = { ...memory, what: 'resident memory', isJudged: false };
const idle: Cost = {
  ...{ what: 'CPU time a second while nothing happens', unit: 'ms', isJudged: false },
  more: { unit: 'µs', times: 1_000 },
};
const delivering: Cost = {
  ...{ what: 'CPU time of one event to all readers', unit: 'ms', isJudged: true },
  more: { unit: 'µs', times: 1_000 },
};
const toEachChannel: Cost = { ...delivering, what: 'CPU time of one event in each channel' };
const atRate: Cost = { ...delivering, what: 'CPU time a second' };

const readers: Scale = { sizes: [100, 1_000, 5_000, 10_000], noun: 'readers' };
const channels: Scale = { sizes: [1, 100, 1_000, 10_000], noun: 'channels' };
const rates: Scale = { sizes: [1, 100, 1_000], noun: 'events a second' };

/** The cost of more readers, channels and events. */
export const growthCases: readonly Case[] = [
  {
    name: 'growth-readers',
    what: 'four processes on one Redis, one channel; one event at a time, with the comment that follows it',
    contestants: isOurs,
    figures: [delivering, memory, resident, idle].flatMap((cost) => growthFigures(readers, cost)),
    run: (contestant, size) =>
      withGrowth(contestant, size, 4, (stand) =>
        measureGrowth(stand, size, readers, delivering, {
          counts: size === 'full' ? readers.sizes : [4, 8, 12, 16],
          isOwnChannel: false,
          times: size === 'full' ? [200, 60, 40, 20] : [2, 2, 2, 2],
          pauseMs: commentMs,
          event: (count) => [{ events: 1, channels: null, batch: 1, perSecond: null }, count],
        }),
      ),
  },
  {
    name: 'growth-channels',
    what: 'four processes on one Redis, each channel with one reader; one event to each channel',
    contestants: isOurs,
    figures: [toEachChannel, memory, resident, idle].flatMap((cost) => growthFigures(channels, cost)),
    run: (contestant, size) =>
      withGrowth(contestant, size, 4, (stand) =>
        measureGrowth(stand, size, channels, toEachChannel, {
          counts: size === 'full' ? channels.sizes : [1, 4, 8, 12],
          isOwnChannel: true,
          times: size === 'full' ? [400, 40, 10, 4] : [2, 2, 2, 2],
          pauseMs: 0,
          event: (count) => [{ events: count, channels: count, batch: 100, perSecond: null }, count],
        }),
      ),
  },
  {
    name: 'growth-events',
    what: 'one process on Redis, one channel with 100 readers',
    contestants: isOurs,
    figures: growthFigures(rates, atRate),
    run: (contestant, size) =>
      withGrowth(contestant, size, 1, async (stand) => {
        const count = size === 'full' ? 100 : 4;
        await stand.grow(count, false);
        const used: number[] = [];
        for (const perSecond of rates.sizes) {
          const seconds = size === 'full' ? Math.max(10, 40 / perSecond) : 0.1;
          const events = Math.ceil(perSecond * seconds);
          const before = stand.cpuMs();
          await stand.append({ events, channels: null, batch: 1, perSecond }, events * count);
          used.push((stand.cpuMs() - before) / (events / perSecond));
        }
        return { figures: growthValues(rates, atRate, used), clientLoad: stand.clientLoad() };
      }),
  },
];

type Growth = {
  /** How many readers there are at each size. */
  readonly counts: readonly number[];
  readonly isOwnChannel: boolean;
  /** How often the event is sent at each size. */
  readonly times: readonly number[];
  /** How long to wait after each. */
  readonly pauseMs: number;
  /** What is appended each time for so many readers, and how many deliveries that makes. */
  event(count: number): Parameters<GrowthStand['append']>;
};

/** At each size: memory and CPU time without events, then CPU time for events, one after the other. */
async function measureGrowth(
  stand: GrowthStand,
  size: Size,
  scale: Scale,
  events: Cost,
  { counts, isOwnChannel, times, pauseMs, event }: Growth,
): Promise<Measured> {
  const found = {
    events: [] as number[],
    memory: [] as number[],
    resident: [] as number[],
    idle: [] as number[],
  };
  for (const [at, count] of counts.entries()) {
    await stand.grow(count, isOwnChannel);
    await sleep(size === 'full' ? settleMs : 100);
    const idleFrom = { cpuMs: stand.cpuMs(), at: performance.now() };
    await sleep(size === 'full' ? idleMs : 100);
    found.idle.push((stand.cpuMs() - idleFrom.cpuMs) / ((performance.now() - idleFrom.at) / 1_000));
    const { residentMb, heldMb } = await stand.memory();
    found.resident.push(residentMb);
    found.memory.push(heldMb);
    const before = stand.cpuMs();
    const often = times[at] ?? 1;
    for (let time = 0; time < often; time += 1) {
      await stand.append(...event(count));
      await sleep(pauseMs);
    }
    found.events.push((stand.cpuMs() - before) / often);
  }
  return {
    figures: {
      ...growthValues(scale, events, found.events),
      ...growthValues(scale, memory, found.memory),
      ...growthValues(scale, resident, found.resident),
      ...growthValues(scale, idle, found.idle),
    },
    clientLoad: stand.clientLoad(),
  };
}

/**
 * Long enough that each stream has sent the lone comment that follows its newest event after 100 ms. Without a pause, only the
 * sizes at which one event takes longer would have it in their figure.
 */
const commentMs = 250;

/** V8 shrinks an idle heap about 8 to 15 s after it was busy. */
const settleMs = 20_000;

/** Two heartbeats of each stream. */
const idleMs = 30_000;
