import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandArguments } from '../../scripts/command-line.ts';
import { fillIn } from '../support/doc-table.ts';
import { root } from '../support/root.ts';
import { describeRun } from './bench/kept-runs.ts';
import { preparePeerPackages } from './bench/prepare.ts';
import { countDays, dayRunFile, dayTables } from './cost-model/days.ts';
import { measure } from './cost-model/measure.ts';
import { readScaleOptions, scaleHelp } from './cost-model/scale-options.ts';
import { tablesOf } from './cost-model/tables.ts';

async function printCosts(): Promise<void> {
  const options = readScaleOptions(commandArguments());
  switch (options.kind) {
    case 'help':
      console.log(scaleHelp);
      return;
    case 'measure':
      for (const [name, value] of Object.entries(await measure()))
        console.log(`${name}: ${value.toFixed(3)}`);
      return;
    case 'count':
      await countAll(options.isKept);
      return;
    case 'print':
      for (const { title, text } of tablesOf(options.values)) console.log(`${title}\n\n${text}\n`);
  }
}

async function countAll(isKept: boolean): Promise<void> {
  // Each stream prints a line at its end.
  process.env.LOG_LEVEL = 'error';
  const run = await countDays(describeRun(root, 1, 1), preparePeerPackages(root), ({ way, ...row }) =>
    console.error(`counted: ${way}, ${row.readers} readers, ${row.eventsPerHour} events per hour`),
  );
  const tables = dayTables(run);
  for (const { text } of tables) console.log(`${text}\n`);
  if (!isKept) return;
  writeFileSync(dayRunFile, `${JSON.stringify(run, null, 1)}\n`);
  const file = join(root, 'docs/scale.md');
  writeFileSync(file, fillIn(readFileSync(file, 'utf8'), tables));
}

try {
  await printCosts();
} catch (cause) {
  process.stderr.write(`cost: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exit(1);
}
