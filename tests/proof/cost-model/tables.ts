import { breaksOf, isBroken, readersForBudget } from './breaks.ts';
import { type ConstantName, constants, type Values } from './constants.ts';
import { costOf } from './cost.ts';
import type { Scenario } from './scenario.ts';
import { peer, streams, ways } from './ways.ts';

/** A table of the model; `name` is its marker in docs/scale.md. */
export type Table = { readonly name: string; readonly title: string; readonly text: string };

const readerCounts = [10, 1_000, 100_000, 1_000_000];

/** The feeds of the tables. */
const feeds: readonly (Omit<Scenario, 'readers'> & { readonly name: string })[] = [
  { name: '1 channel, 1 event per second', channels: 1, eventRate: 1 },
  { name: '1 channel, idle', channels: 1, eventRate: 0 },
  { name: '10,000 channels, 1 event per minute in each', channels: 10_000, eventRate: 1 / 60 },
  { name: '10,000 channels, idle', channels: 10_000, eventRate: 0 },
];

const busyFeeds = feeds.filter(({ eventRate }) => eventRate > 0);

/** All tables, in the order of printing. */
export function tablesOf(values: Values): readonly Table[] {
  return [
    { name: 'process', title: 'How many readers one process holds', text: processTable(values) },
    { name: 'streams', title: 'Steadfeed’s streams', text: streamsTable(values) },
    {
      name: 'beside',
      title: 'Redis commands per hour · dollars per month, platform and Redis',
      text: besideTable(values),
    },
    { name: 'breaks', title: 'Where it breaks first', text: breaksTable(values) },
    { name: 'constants', title: 'Constants', text: constantsTable(values) },
  ];
}

function processTable(values: Values): string {
  const rows = [streams, peer].flatMap((way) =>
    busyFeeds.map((feed) => {
      const { readers, limit } = way.perProcess?.(values, { ...feed, readers: 1_000 }) ?? {
        readers: 0,
        limit: '',
      };
      return [way.name, feed.name, roundText(readers), limit];
    }),
  );
  return tableText(['way to deliver', 'feed', 'readers in one process', 'limited by'], rows);
}

function streamsTable(values: Values): string {
  const rows = busyFeeds.flatMap((feed) =>
    readerCounts.map((readers) => {
      const load = streams.load(values, { ...feed, readers });
      const { platform, redis } = costOf(values, load);
      return [
        feed.name,
        readers.toLocaleString('en-US'),
        roundText(load.processes),
        roundText(load.subscriptions),
        roundText(load.redisCommandsPerSecond * 3_600),
        roundText(load.redisBytesPerSecond / 1_000),
        dollarText(platform),
        dollarText(redis),
      ];
    }),
  );
  const head = [
    'feed',
    'readers',
    'processes',
    'subscriptions',
    'Redis commands per hour',
    'Redis sends, KB/s',
    'platform per month',
    'Redis per month',
  ];
  return tableText(head, rows);
}

function besideTable(values: Values): string {
  const rows = feeds.flatMap((feed) =>
    readerCounts.map((readers) => {
      const loads = ways.map((way) => way.load(values, { ...feed, readers }));
      const cells = loads.map((load) => {
        const { platform, redis } = costOf(values, load);
        const mark = isBroken(values, load) ? ' †' : '';
        return `${roundText(load.redisCommandsPerSecond * 3_600)} · ${dollarText(platform + redis)}${mark}`;
      });
      return [feed.name, readers.toLocaleString('en-US'), ...cells];
    }),
  );
  return tableText(['feed', 'readers', ...ways.map(({ name }) => name)], rows);
}

function breaksTable(values: Values): string {
  const rows = ways.flatMap((way) =>
    busyFeeds.map((feed) => {
      const scenario = { ...feed, readers: 1 };
      const [first, next] = breaksOf(way, values, scenario).map(
        ({ readers, limit }) => `${roundText(readers)}: ${limit}`,
      );
      const paid = readersForBudget(way, values, scenario);
      return [way.name, feed.name, first ?? 'never', next ?? 'never', roundText(paid)];
    }),
  );
  const head = [
    'way to deliver',
    'feed',
    'breaks first at',
    'then at',
    `readers for $${values.budgetDollars.toLocaleString('en-US')} per month`,
  ];
  return tableText(head, rows);
}

/** The constants. Those from providers and measurements are grouped by source; each of the others names its own. */
function constantsTable(values: Values): string {
  const all = Object.entries(constants).map(([name, { unit, kind, source }]) => {
    const value = values[name as ConstantName].toLocaleString('en-US', { maximumFractionDigits: 6 });
    const text = `\`${name}\` ${value} ${unit}`;
    return kind === 'code' || kind === 'assumed'
      ? { from: `${kind} | named with each`, text: `${text} (${source})` }
      : { from: `${kind} | ${source}`, text };
  });
  const groups = Object.entries(Object.groupBy(all, ({ from }) => from));
  const rows = groups.map(([from, group = []]) => [from, group.map(({ text }) => text).join('; ')]);
  return tableText(['kind', 'source', 'constants'], rows);
}

function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

/** A number with two significant digits and thousands separators; whole numbers below 100 stay as they are. */
export function roundText(value: number): string {
  if (value > 0 && value < 1) return '< 1';
  const digits = Number.isInteger(value) && value < 100 ? value : Number(value.toPrecision(2));
  return Math.round(digits) === digits || digits >= 10
    ? Math.round(digits).toLocaleString('en-US')
    : String(digits);
}

/** Dollars, rounded to whole ones. */
export function dollarText(value: number): string {
  return value > 0 && value < 1 ? '< $1' : `$${roundText(Math.round(value))}`;
}
