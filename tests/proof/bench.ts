import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandArguments } from '../../scripts/command-line.ts';
import { fillIn } from '../support/doc-table.ts';
import { root } from '../support/root.ts';
import { seededRandom } from '../support/seeded.ts';
import { type BenchOptions, benchHelp, readBenchOptions } from './bench/bench-options.ts';
import type { Case, Measured } from './bench/cases/case.ts';
import { documentedCases } from './bench/cases/cases.ts';
import {
  type Contestant,
  type ContestantKey,
  contestantNames,
  contestants,
  isPeer,
} from './bench/contestants.ts';
import { shuffled } from './bench/figures.ts';
import { describeRun, keepRun, readRuns, withRun } from './bench/kept-runs.ts';
import { prepare } from './bench/prepare.ts';
import { docTables, linesOf, type Outcome, tableOf } from './bench/report.ts';

type Order = BenchOptions & { readonly kind: 'measure' };

/** Runs all rounds of one case. In each round every contestant runs once, in a new order. */
async function measureCase(
  of: Case,
  { size, rounds }: Order,
  all: Readonly<Record<ContestantKey, Contestant>>,
  random: () => number,
): Promise<Outcome> {
  const measured: Partial<Record<ContestantKey, Measured[]>> = {};
  for (const key of of.contestants) measured[key] = [];
  const most = of.isCounted ? 1 : rounds;
  for (let round = 1; round <= most; round += 1) {
    for (const key of shuffled(of.contestants, random)) {
      const result = await of.run(all[key], size).catch((cause: unknown) => {
        throw new Error(
          `${of.name}, ${contestantNames[key]}: ${cause instanceof Error ? cause.message : cause}`,
          {
            cause,
          },
        );
      });
      measured[key]?.push(result);
      console.error(`${of.name} ${round}/${most} ${contestantNames[key]}: ${JSON.stringify(result.figures)}`);
    }
  }
  return { of, rounds: measured };
}

async function measure(order: Order): Promise<void> {
  const isAlone = order.cases.every((each) => !each.contestants.some(isPeer));
  const folders = await prepare(root, isAlone);
  process.once('exit', () => rmSync(folders.data, { recursive: true, force: true }));
  const random = seededRandom(order.seed);
  const outcomes: Outcome[] = [];
  for (const each of order.cases) {
    outcomes.push(await measureCase(each, order, contestants(folders), random));
    // Saved after each case, so that a run that is stopped early keeps its results.
    if (order.json !== null) {
      const run = { about: describeRun(root, order.rounds, order.seed), lines: linesOf(outcomes) };
      keepRun(order.json, run, withRun);
    }
  }
  console.log(tableOf(linesOf(outcomes)));
  console.error(`To repeat this order: --seed ${order.seed}`);
}

function writeDoc(): void {
  const doc = join(root, 'docs/performance.md');
  const tables = docTables(readRuns(join(root, 'tests/proof/runs/performance.json')), documentedCases);
  writeFileSync(doc, fillIn(readFileSync(doc, 'utf8'), tables));
}

async function bench(): Promise<void> {
  const options = readBenchOptions(commandArguments());
  switch (options.kind) {
    case 'help':
      return console.log(benchHelp);
    case 'doc':
      return writeDoc();
    case 'measure':
      return measure(options);
    default:
      return options satisfies never;
  }
}

// Each started process adds a listener; more than ten are no leak here.
process.setMaxListeners(50);
// `exit` ends all started processes. A signal alone does not emit it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(130));

try {
  await bench();
} catch (cause) {
  process.stderr.write(`bench: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exit(1);
}
