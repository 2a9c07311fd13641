import { type Case, cases } from './bad-server-cases.ts';
import { type Outage, outage } from './outage.ts';

/** The result of a case: the worst of all seeds. */
export type Figures = {
  readonly outages: readonly Outage[];
  /** The earliest and the latest; null when none came. */
  readonly firstMs: readonly [number, number] | null;
  readonly latestMs: number;
  readonly requests: number;
  readonly eventBackMs: number;
  readonly backMs: number;
  readonly backLateMs: number;
};

const seeds = [1, 2, 3, 4, 5, 6];

/** Each seed's outage is this much longer, in ms, so that it ends at another moment between probes, polls and events. */
const shiftMs = 6_333;

/** Runs a case once per seed with an outage of one minute, and once with one of ten. */
export async function figuresOf({ server, advice }: Case): Promise<Figures> {
  const outages: Outage[] = [];
  for (const minutes of [1, 10]) {
    for (const seed of seeds) {
      outages.push(await outage(server, { seed, forMs: minutes * 60_000 + seed * shiftMs, advice }));
    }
  }
  const first = outages.flatMap(({ firstMs }) => (firstMs === null ? [] : [firstMs]));
  const worst = (of: readonly Outage[], figure: (each: Outage) => number) => Math.max(...of.map(figure));
  const [early, late] = [outages.slice(0, seeds.length), outages.slice(seeds.length)];
  return {
    outages,
    firstMs: first.length === 0 ? null : [Math.min(...first), Math.max(...first)],
    latestMs: worst(outages, ({ latestMs }) => latestMs),
    requests: worst(outages, ({ requests }) => requests[0] ?? 0),
    eventBackMs: worst(outages, ({ eventBackMs }) => eventBackMs),
    backMs: worst(early, ({ backMs }) => backMs),
    backLateMs: worst(late, ({ backMs }) => backMs),
  };
}

/** The figures as Markdown, each with its bound. */
export function figuresTable(all: readonly (readonly [Case, Figures])[]): string {
  const head = ['server', 'first event', 'latest event', 'requests in 60 s', 'by which rule', 'event again'];
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const titles = [...head, 'streams again', 'after ten minutes'];
  const rows = all.map(([each, found]) => [
    each.name,
    within(found.firstMs?.[1] ?? null, each.firstMs?.[1] ?? null),
    within(found.latestMs, each.latestMs),
    `${found.requests} (${each.requests})`,
    each.rule,
    within(found.eventBackMs, each.eventBackMs),
    within(found.backMs, each.backMs),
    within(found.backLateMs, each.backLateMs),
  ]);
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

function within(foundMs: number | null, boundMs: number | null): string {
  if (boundMs === null || foundMs === null) return 'none';
  return `${seconds(foundMs)} (${seconds(boundMs)})`;
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 100) / 10}`;
}

/** Every case with its figures. */
export async function measureAll(): Promise<readonly (readonly [Case, Figures])[]> {
  const all: (readonly [Case, Figures])[] = [];
  for (const each of cases) all.push([each, await figuresOf(each)]);
  return all;
}

if (import.meta.main) console.log(figuresTable(await measureAll()));
