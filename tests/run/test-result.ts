import { z } from 'zod';

/** The parts of vitest's own JSON report that are read here. */
export const vitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numTotalTests: z.number(),
  testResults: z.array(
    z.object({
      /** Absolute path of the test file. */
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

export type VitestReport = z.infer<typeof vitestReport>;

export type TestResult = {
  readonly passed: number;
  /** Tests that failed, and everything that should have run and did not. */
  readonly failed: number;
  /** What did not run, in words. */
  readonly notRun: readonly string[];
};

/**
 * Counts a run, so that nothing is left out in silence: a test file that could not be loaded, one that was not run, a
 * skipped test, and an error outside of any test are failures.
 * @param expected the test files that should have run; null when the run was narrowed by arguments.
 * @param exitCode vitest's own.
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
