import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { commandArguments } from '../../scripts/command-line.ts';
import { root } from '../support/root.ts';
import { overnightCase } from './bench/cases/overnight.ts';
import { contestants } from './bench/contestants.ts';
import { describeRun, keepRun, withRun } from './bench/kept-runs.ts';
import { prepare } from './bench/prepare.ts';
import { linesOf, tableOf } from './bench/report.ts';

const help = `Runs the app with 300 readers, streams of 10 s and cuts at random, and compares the memory and the open descriptors of its
process at the end with those at the beginning. In 20 minutes each reader is handed over as often as in a night.

  npm run proof:overnight                  20 minutes
  npm run proof:overnight -- --minutes 2   a short night; then a quarter of it takes the place of each minute
  --json <file>                            also write the figures to this file. npm run proof:bench -- --doc writes them
                                           from tests/proof/runs/performance.json into docs/performance.md

Exit code 1 if a figure has grown by more than 5 %, or if the readers do not all have the last event.
`;

async function overnight(): Promise<void> {
  const { values } = parseArgs({
    args: commandArguments(),
    options: {
      minutes: { type: 'string', default: '20' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(help);
  const minutes = Number(values.minutes);
  if (!/^\d+$/.test(values.minutes) || minutes < 2 || minutes > 600) {
    throw new Error(`--minutes ${values.minutes} is not valid. Use a whole number from 2 to 600.`);
  }
  const folders = await prepare(root, true);
  process.once('exit', () => rmSync(folders.data, { recursive: true, force: true }));
  const night = overnightCase(minutes);
  const lines = linesOf([
    { of: night, rounds: { steadfeedTcp: [await night.run(contestants(folders).steadfeedTcp, 'full')] } },
  ]);
  if (values.json !== undefined) keepRun(values.json, { about: describeRun(root, 1, 0), lines }, withRun);
  console.log(tableOf(lines));
  if (lines.some(({ verdicts }) => verdicts.some(({ isMet }) => !isMet))) process.exitCode = 1;
}

process.setMaxListeners(50);
// `exit` ends all started processes. A signal alone does not emit it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(130));

try {
  await overnight();
} catch (cause) {
  console.error('overnight:', cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
}
process.exit();
