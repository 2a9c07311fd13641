import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commandArguments } from '../../scripts/command-line.ts';
import { fillIn, tableIn } from '../support/doc-table.ts';
import { root } from '../support/root.ts';
import { breakGuard } from './mutants/break-guard.ts';
import { type Catch, readCatches } from './mutants/catches.ts';
import { mutants } from './mutants/mutants.ts';
import { mutantsTable } from './mutants/mutants-table.ts';

const help = `Breaks the guards of the promises in a copy of this project, one at a time, and checks that a test fails each time.
Takes about 45 minutes, or 20 s for each.

  npm run proof:mutants                 all mutants
  npm run proof:mutants -- --only key   only mutants with this text in their name
  npm run proof:mutants -- --doc        also write what was run into the table of docs/reliability.md

Exit code 1 if no test fails for one of them.
`;

/** The files and folders that the quick suites need. */
const sources = [
  'app',
  'docs',
  'lib',
  'scripts',
  'tests',
  '.env.example',
  'instrumentation.ts',
  'next.config.mjs',
  'package.json',
  'proxy.ts',
  'tsconfig.json',
  'vercel.json',
];

/**
 * Runs suites in `folder` until the first test fails. @returns the tests that failed. Vitest may stop before it has reported
 * the failed test; then the suites run again to their end.
 */
function failures(folder: string, projects: readonly string[], bail = 1): readonly Catch[] {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const chosen = projects.flatMap((project) => ['--project', project]);
  const args = [
    vitest,
    'run',
    '--config',
    'tests/vitest.config.ts',
    ...chosen,
    `--bail=${bail}`,
    '--reporter=json',
    `--outputFile=${report}`,
  ];
  const { stderr, error, status } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  try {
    const catches = readCatches(JSON.parse(readFileSync(report, 'utf8')), folder);
    return catches.length === 0 && status !== 0 && bail > 0 ? failures(folder, projects, 0) : catches;
  } catch (cause) {
    throw new Error(`The tests wrote no report: ${stderr}`, { cause });
  }
}

const { values: options } = parseArgs({
  args: commandArguments(),
  options: {
    only: { type: 'string', default: '' },
    doc: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(help);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'steadfeed-mutants-'));
try {
  for (const source of sources) cpSync(join(root, source), join(folder, source), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const found = mutants
    .filter(({ name }) => name.includes(options.only))
    .map((mutant) => {
      const file = join(folder, mutant.file);
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, breakGuard(text, mutant));
      const catches = failures(folder, mutant.projects);
      writeFileSync(file, text);
      console.log(`${catches.length === 0 ? 'NO TEST FAILED' : 'found'}: ${mutant.name}`);
      return { mutant, catches };
    });
  if (options.doc) {
    const file = join(root, 'docs/reliability.md');
    const doc = readFileSync(file, 'utf8');
    const text = mutantsTable(mutants, found, tableIn(doc, 'mutants'));
    writeFileSync(file, fillIn(doc, [{ name: 'mutants', text }]));
  }
  process.exitCode = found.every(({ catches }) => catches.length > 0) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
