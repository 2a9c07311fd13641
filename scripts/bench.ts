import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Case, Measured, Size } from './bench/case.ts';
import { cases } from './bench/cases.ts';
import { type Contestant, type ContestantKey, contestants } from './bench/contestants.ts';
import { shuffled } from './bench/figures.ts';
import { prepare } from './bench/prepare.ts';
import { linesOf, type Outcome, tableOf } from './bench/report.ts';

const help = `Measures this feed beside bare Node and its peers, each in processes of its own, in one run.

  npm run bench                      everything, five rounds
  npm run bench -- --only fanout     one case: ${cases.map(({ name }) => name).join(', ')}
  npm run bench -- --rounds 9        more rounds; what is told are medians
  npm run bench -- --json FILE       the figures, as JSON
  npm run bench -- --smoke           a little of everything, once: does it still run?`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const root = fileURLToPath(new URL('..', import.meta.url));
const size: Size = options.smoke ? 'smoke' : 'full';

/** Ends with a word why. */
function fail(reason: string): never {
  console.error(`bench: ${reason}`);
  process.exit(1);
}

function chosenCases(): readonly Case[] {
  const names = options.only ?? cases.map(({ name }) => name);
  return names.map(
    (name) =>
      cases.find((each) => each.name === name) ??
      fail(`--only ${name}: allowed are ${cases.map((each) => each.name).join(', ')}`),
  );
}

function chosenRounds(): number {
  const rounds = size === 'smoke' ? 1 : Number(options.rounds);
  return Number.isInteger(rounds) && rounds > 0
    ? rounds
    : fail(`--rounds ${options.rounds}: a whole number, at least 1`);
}

/** All rounds of one case: in each, every contestant once, in another order. */
async function measure(
  of: Case,
  rounds: number,
  all: Readonly<Record<ContestantKey, Contestant>>,
): Promise<Outcome> {
  const measured: Partial<Record<ContestantKey, Measured[]>> = {};
  for (const key of of.contestants) measured[key] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const key of shuffled(of.contestants, Math.random)) {
      const result = await of.run(all[key], size);
      measured[key]?.push(result);
      console.error(`${of.name} ${round}/${rounds} ${all[key].name}: ${JSON.stringify(result.figures)}`);
    }
  }
  return { of, rounds: measured };
}

if (options.help) {
  console.log(help);
  process.exit(0);
}
const chosen = chosenCases();
const rounds = chosenRounds();
const folders = await prepare(root).catch((cause: unknown) =>
  fail(cause instanceof Error ? cause.message : String(cause)),
);
try {
  const outcomes: Outcome[] = [];
  for (const each of chosen) outcomes.push(await measure(each, rounds, contestants(folders)));
  const lines = linesOf(outcomes);
  console.log(tableOf(lines));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(lines, null, 1)}\n`);
} finally {
  rmSync(folders.data, { recursive: true, force: true });
}
