import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { buildOnce } from './build-once.ts';
import { type ChaosOptions, chaosHelp, readChaosOptions } from './chaos/chaos-options.ts';
import { figuresOf } from './chaos/figures.ts';
import { type Outcome, runChaos } from './chaos/run-chaos.ts';
import { tableOf } from './chaos/table.ts';

/** Most violations that are printed; the first tell most. */
const maxTold = 40;

function report(options: ChaosOptions, outcome: Outcome): void {
  const figures = figuresOf(options, outcome);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(figures, null, 1)}\n`);
  console.log(tableOf(figures));
  const { violations, timeline } = outcome;
  if (violations.length === 0) return;
  process.exitCode = 1;
  console.error(`\n${violations.length} promises were not kept (seed ${options.seed}):\n`);
  for (const { kind, who, what } of violations.slice(0, maxTold)) console.error(`  ${kind}: ${who}: ${what}`);
  console.error(`\nWhat happened:\n\n${timeline.map((line) => `  ${line}`).join('\n')}`);
  const only = process.argv.slice(2).join(' ');
  console.error(`\nThe same plan again: npm run chaos -- ${only} --seed ${options.seed}`);
}

try {
  const options = readChaosOptions(process.argv.slice(2), randomInt(2 ** 31));
  if (options === null) {
    console.log(chaosHelp);
  } else {
    console.error(`chaos: seed ${options.seed}`);
    await buildOnce();
    report(options, await runChaos(options, (line) => console.error(line)));
  }
} catch (cause) {
  console.error(`chaos: ${cause instanceof Error ? (cause.stack ?? cause.message) : cause}`);
  process.exitCode = 1;
}
