import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { costOf } from '../../../lib/config/prices.ts';
import { costWays, regionsOf } from '../../../scripts/cost.ts';
import { fillIn } from '../../support/doc-table.ts';
import { root } from '../../support/root.ts';
import {
  type DayRow,
  type DayRun,
  type DayWay,
  dayRows,
  dayRunFile,
  dayTables,
  dayWays,
  useOfMonth,
} from './days.ts';

/** The event of the simulated days, as a frame. */
const eventBytes = 140;

const run: DayRun = JSON.parse(readFileSync(dayRunFile, 'utf8'));

/** Dollars of a month, as the recorded run has counted them. */
function recorded({ readers, eventsPerHour }: DayRow, way: DayWay): number {
  const cell = run.cells.find(
    (each) => each.readers === readers && each.eventsPerHour === eventsPerHour && each.way === way,
  );
  if (cell === undefined) throw new Error(`${way} was not counted for ${readers}, ${eventsPerHour}`);
  return costOf(cell.use).total;
}

/** The way of `npm run cost` that is the same as a counted one. */
const saidWays: Readonly<Record<DayWay, string>> = {
  rest: 'the default on Vercel',
  stream: 'QUIET_SECONDS=0',
  poll: 'always polling',
  peer: '@upstash/realtime',
};

describe('the recorded run of simulated days', () => {
  test('is what docs/scale.md shows', () => {
    const doc = readFileSync(join(root, 'docs/scale.md'), 'utf8');
    expect(fillIn(doc, dayTables(run)), 'write it with: npm run proof:cost -- --record').toBe(doc);
  });

  test.each(dayRows)('has no row that is dearer than streams or polls by more than a tenth: %o', (row) => {
    const best = Math.min(recorded(row, 'stream'), recorded(row, 'poll'));
    expect(recorded(row, 'rest') / best).toBeLessThan(1.1);
  });

  test.each(dayRows)('has no row that is dearer than the peer: %o', (row) => {
    expect(recorded(row, 'rest')).toBeLessThan(recorded(row, 'peer'));
  });

  test('has an idle tab for less than 2 dollars a month, and always streaming for more than 15', () => {
    const idle = { readers: 1, eventsPerHour: 0 };
    expect(recorded(idle, 'rest')).toBeLessThan(2);
    expect(recorded(idle, 'stream')).toBeGreaterThan(15);
  });

  test.each(dayRows.flatMap((row) => (Object.keys(dayWays) as DayWay[]).map((way) => ({ ...row, way }))))(
    'is what npm run cost says, within a tenth: %o',
    ({ way, ...row }) => {
      const said = costWays.find(({ name }) => name.includes(saidWays[way]));
      const dollars = said && costOf(said.use({ ...row, regions: regionsOf(row.readers), eventBytes })).total;
      expect(recorded(row, way) / (dollars ?? 0)).toBeGreaterThan(0.9);
      expect(recorded(row, way) / (dollars ?? 0)).toBeLessThan(1.1);
    },
  );
});

describe('a month, counted again from the real client and the real server', () => {
  test.each([
    { readers: 1, eventsPerHour: 0, way: 'rest', hours: 4 },
    { readers: 1, eventsPerHour: 1, way: 'rest', hours: 4 },
    { readers: 1, eventsPerHour: 360, way: 'poll', hours: 0.1 },
    { readers: 10, eventsPerHour: 0, way: 'rest', hours: 2 },
    { readers: 10, eventsPerHour: 360, way: 'stream', hours: 0.5 },
  ] as const)(
    'costs what is recorded: %o',
    async ({ way, hours, ...row }) => {
      const use = await useOfMonth(row, way, '', hours * 3_600);
      expect(Math.abs(costOf(use).total / recorded(row, way) - 1)).toBeLessThan(0.1);
    },
    120_000,
  );

  test('costs fifty quiet readers the same with rest as without: so many stream', async () => {
    const row = { readers: 50, eventsPerHour: 0 };
    const [rest, stream] = [await useOfMonth(row, 'rest', '', 275), await useOfMonth(row, 'stream', '', 275)];
    expect(costOf(rest).total / costOf(stream).total).toBeLessThan(1.02);
  });
});
