import { buildOnce } from '../../scripts/build-app.ts';
import { commandArguments } from '../../scripts/command-line.ts';
import { fuzzApp } from './fuzz/fuzz-app.ts';
import { fuzzHelp, readFuzzOptions } from './fuzz/fuzz-options.ts';
import type { Run } from './fuzz/run-fuzz.ts';

async function fuzz(run: Run): Promise<number> {
  await buildOnce();
  console.log(`seed ${run.seed}, requests ${run.from} to ${run.from + run.requests - 1}`);
  const startedAt = performance.now();
  const result = await fuzzApp(run, { awaitsTails: true, tell: (text) => console.error(`\n${text}`) });
  const { tally, failures, storedCount, heldKb } = result;
  const { tookMs, number } = tally.slowest();
  const megabytes = (kilobytes: number) => (kilobytes / 1_024).toFixed(1);
  console.log(`
answers: ${[...tally.statuses()].map(([status, count]) => `${count} × ${status}`).join(', ')}
slowest: ${Math.round(tookMs)} ms (request ${number})
events stored: ${storedCount}
memory after garbage collection: ${megabytes(heldKb.before)} MB before, ${megabytes(heldKb.after)} MB after
${Math.round((performance.now() - startedAt) / 1_000)} s, ${failures.length} failures`);
  return failures.length === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  const options = readFuzzOptions(commandArguments());
  if (options.kind === 'help') console.log(fuzzHelp);
  else process.exitCode = await fuzz(options.run);
} catch (cause) {
  process.stderr.write(`fuzz: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exit(1);
}
