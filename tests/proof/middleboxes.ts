import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce } from '../../scripts/build-app.ts';
import { commandArguments } from '../../scripts/command-line.ts';
import { findMissing, searchPath } from '../run/tools.ts';
import { fillIn } from '../support/doc-table.ts';
import { root } from '../support/root.ts';
import { describeRun, keepRun, readRuns } from './bench/kept-runs.ts';
import { middleboxes } from './middleboxes/catalogue.ts';
import { overRounds, type ReaderFigures } from './middleboxes/figures.ts';
import {
  type MiddleboxOptions,
  middleboxHelp,
  readMiddleboxOptions,
} from './middleboxes/middlebox-options.ts';
import {
  brokenBehind,
  comparedTable,
  conditionsTable,
  docTables,
  ownTable,
  type Run,
  withRun,
} from './middleboxes/report.ts';
import { type Round, runRound, worstDelays } from './middleboxes/run-middleboxes.ts';

type Order = MiddleboxOptions & { readonly kind: 'run' };

async function run(order: Order): Promise<void> {
  const { boxes, times, rounds, seed, isPeer } = order;
  const path = searchPath(process.env.PATH);
  const missing = findMissing(
    [...new Set(boxes.flatMap(({ program }) => (program === null ? [] : [program])))],
    path,
  );
  if (missing.length > 0) {
    const names = missing.map(({ commands }) => commands[0]).join(', ');
    throw new Error(`${names} not found. Install them, or leave them out with --only.`);
  }
  console.error(`middleboxes: seed ${seed}`);
  await buildOnce();
  const done: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`round ${round}/${rounds}`);
    done.push(await runRound({ boxes, times, seed: seed + round, isPeer, note: console.error }));
  }
  report(order, {
    about: describeRun(root, rounds, seed),
    times,
    delays: worstDelays(done.map(({ delays }) => delays)),
    rows: merge(done.flatMap(({ rows }) => rows)),
  });
}

function merge(rows: readonly ReaderFigures[]): readonly ReaderFigures[] {
  const groups = Map.groupBy(rows, ({ box, kind, feed }) => `${box} ${kind} ${feed}`);
  return [...groups.values()].map(overRounds);
}

function report({ boxes, json, isPeer }: Order, result: Run): void {
  if (json !== null) keepRun(json, result, withRun);
  const all = isPeer ? [conditionsTable, comparedTable] : [conditionsTable, ownTable, comparedTable];
  const tables = all.map((table) => table([result], boxes));
  console.log(tables.join('\n\n'));
  const broken = boxes.flatMap((box) => brokenBehind([result], box));
  if (broken.length === 0) return;
  process.exitCode = 1;
  console.error(`\n${broken.length} promises were broken:\n\n  ${broken.join('\n  ')}`);
}

function writeDoc(): void {
  const doc = join(root, 'docs/reliability.md');
  const runs = readRuns<Run>(join(root, 'tests/proof/runs/middleboxes.json'));
  writeFileSync(doc, fillIn(readFileSync(doc, 'utf8'), docTables(runs, middleboxes)));
}

async function obey(): Promise<void> {
  const options = readMiddleboxOptions(commandArguments());
  switch (options.kind) {
    case 'help':
      return console.log(middleboxHelp);
    case 'doc':
      return writeDoc();
    case 'run':
      return run(options);
    default:
      return options satisfies never;
  }
}

// Each started process adds a listener; more than ten are no leak here.
process.setMaxListeners(200);
// `exit` ends all started processes. A signal alone does not emit it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(130));

try {
  await obey();
} catch (cause) {
  process.stderr.write(`middleboxes: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exitCode = 1;
}
// A connection that a box has lost must not keep this process alive.
process.exit();
