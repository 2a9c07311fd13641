import { z } from 'zod';

/** The parts of vitest's JSON report that `npm test` reads. */
export const vitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numTotalTests: z.number(),
  testResults: z.array(
    z.object({
      /** Absolute path of the test file. */
      name: z.string(),
      status: z.string(),
      /** Unix time in ms. */
      startTime: z.number(),
      endTime: z.number(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

export type VitestReport = z.infer<typeof vitestReport>;

export type TestResult = {
  readonly passed: number;
  /** Tests that failed, and everything that should have run but did not. */
  readonly failed: number;
  /** Everything that did not run, in words. */
  readonly notRun: readonly string[];
};

/**
 * Counts a run. These are failures too: a test file that could not be loaded, a test file that did not run, a skipped
 * test, and an error outside any test.
 * @param expected the test files that should have run; null when the arguments chose some tests.
 * @param exitCode the exit code of vitest.
 */
export function countTests(
  report: VitestReport,
  expected: readonly string[] | null,
  exitCode: number | null,
): TestResult {
  const ran = new Set(report.testResults.map((file) => file.name));
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const absent = (expected ?? []).filter((name) => !ran.has(name));
  const skipped = report.numTotalTests - report.numPassedTests - report.numFailedTests;
  const notRun = [
    ...broken.map((file) => `${file.name} could not be run`),
    ...absent.map((name) => `${name} was not run`),
    ...(expected === null || skipped === 0 ? [] : Array<string>(skipped).fill('a test was skipped')),
  ];
  const failed = report.numFailedTests + notRun.length;
  if (failed > 0 || exitCode === 0) return { passed: report.numPassedTests, failed, notRun };
  return { passed: report.numPassedTests, failed: 1, notRun: [`vitest ended with ${exitCode}; see above`] };
}

/** Seconds that each test file took, the slowest first. */
export function runTimes(report: VitestReport): { readonly name: string; readonly seconds: number }[] {
  return report.testResults
    .map(({ name, startTime, endTime }) => ({ name, seconds: Math.round((endTime - startTime) / 1_000) }))
    .sort((one, other) => other.seconds - one.seconds);
}
