import { costOf, hoursPerMonth, type Usage } from '../../../lib/config/prices.ts';
import { simulatedPlatform } from '../../support/server/simulated-platform.ts';

/*
 * A day of readers on the simulated platform, and what a month of such days costs. Nothing is computed from a formula: the real
 * client and the real server run, and the requests, the commands, the bytes and the open time are counted.
 */

/** How the readers get their events. */
export const dayWays = {
  rest: { name: 'Steadfeed: streams and rest', env: { QUIET_SECONDS: '60' }, transport: 'auto' },
  stream: { name: 'always streaming', env: { QUIET_SECONDS: '0' }, transport: 'auto' },
  poll: { name: 'always polling', env: { QUIET_SECONDS: '0' }, transport: 'poll' },
} as const;

export type DayWay = keyof typeof dayWays;

/** A row: so many readers, so many events, and how much of the day is run. The rest of it is taken to be the same. */
export type Day = {
  readonly readers: number;
  readonly eventsPerHour: number;
  readonly hours: Readonly<Record<DayWay, number>>;
};

/** The counted rows of docs/scale.md. More than 36 readers never rest. */
export const days: readonly Day[] = [
  { readers: 1, eventsPerHour: 0, hours: { rest: 24, stream: 4, poll: 4 } },
  { readers: 1, eventsPerHour: 1, hours: { rest: 24, stream: 4, poll: 4 } },
  { readers: 1, eventsPerHour: 360, hours: { rest: 1, stream: 1, poll: 1 } },
  { readers: 10, eventsPerHour: 0, hours: { rest: 6, stream: 1, poll: 1 } },
  { readers: 10, eventsPerHour: 1, hours: { rest: 6, stream: 1, poll: 1 } },
  { readers: 10, eventsPerHour: 360, hours: { rest: 0.5, stream: 0.5, poll: 0.5 } },
];

/** What a month of such days uses. */
export async function useOfMonth({ readers, eventsPerHour, hours }: Day, way: DayWay): Promise<Usage> {
  const { env, transport } = dayWays[way];
  const regions = readers >= 100 ? 4 : 1;
  const platform = simulatedPlatform({ env, regions });
  const { clock } = platform;
  await platform.publish();
  const feeds = [];
  // They open their pages within a minute, or in a second where many do.
  const betweenMs = Math.min(60_000, 60_000 / readers);
  for (let index = 0; index < readers; index++) {
    feeds.push(platform.read(index % regions, { transport }));
    await clock.advance(betweenMs);
  }
  platform.use();
  const spanMs = hours[way] * 3_600_000;
  const everyMs = eventsPerHour === 0 ? spanMs : 3_600_000 / eventsPerHour;
  for (let at = 0; at < spanMs; at += everyMs) {
    const leftMs = Math.min(everyMs, spanMs - at);
    await clock.advance(leftMs / 2);
    if (eventsPerHour > 0) await platform.publish();
    await clock.advance(leftMs / 2);
  }
  const use = platform.use();
  for (const feed of feeds) feed.close();
  const factor = hoursPerMonth / hours[way];
  return Object.fromEntries(Object.entries(use).map(([name, value]) => [name, value * factor])) as Usage;
}

/** The cost of that use. */
export async function dollarsOfMonth(day: Day, way: DayWay): Promise<number> {
  return costOf(await useOfMonth(day, way)).total;
}
