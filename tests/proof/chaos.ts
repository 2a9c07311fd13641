import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FeedError } from '../../lib/core/feed-error.ts';
import { buildOnce } from '../../scripts/build-app.ts';
import { commandArguments } from '../../scripts/command-line.ts';
import { type ChaosOptions, chaosHelp, readChaosOrder } from './chaos/chaos-options.ts';
import { tableOf, withTable } from './chaos/doc-tables.ts';
import { type Figures, figuresOf } from './chaos/figures.ts';
import { type Outcome, runChaos } from './chaos/run-chaos.ts';

const doc = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

/** How many violations are printed at most. The first ones show the most. */
const maxPrinted = 40;

function report(options: ChaosOptions, outcome: Outcome): void {
  const figures = figuresOf(options, outcome);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  console.log(tableOf(figures));
  const { violations, timeline } = outcome;
  if (violations.length === 0) return;
  process.exitCode = 1;
  console.error(`\n${violations.length} promises were broken (seed ${options.seed}):\n`);
  for (const { kind, who, what } of violations.slice(0, maxPrinted))
    console.error(`  ${kind}: ${who}: ${what}`);
  console.error(`\nTimeline:\n\n${timeline.map((line) => `  ${line}`).join('\n')}`);
  const only = commandArguments().join(' ');
  console.error(`\nTo run the same plan again: npm run proof:chaos -- ${only} --seed ${options.seed}`);
}

/** Writes the table of a recorded run into the docs. */
function writeTable(file: string): void {
  const figures = JSON.parse(readFileSync(file, 'utf8')) as Figures;
  writeFileSync(doc, withTable(readFileSync(doc, 'utf8'), figures));
}

async function chaos(): Promise<void> {
  const order = readChaosOrder(commandArguments(), randomInt(2 ** 31));
  switch (order.kind) {
    case 'help':
      console.log(chaosHelp);
      return;
    case 'table':
      writeTable(order.file);
      return;
    case 'run':
      console.error(`chaos: seed ${order.options.seed}`);
      if (order.options.app === null) await buildOnce();
      report(order.options, await runChaos(order.options, (line) => console.error(line)));
  }
}

// Each started process adds one listener; Node would warn at 11.
process.setMaxListeners(100);
// `exit` ends all started processes. A signal alone does not emit it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

try {
  await chaos();
} catch (cause) {
  console.error('chaos:', cause instanceof FeedError ? cause.message : cause);
  process.exitCode = 1;
}
// A connection that a fault left half-open must not keep this process alive.
process.exit();
