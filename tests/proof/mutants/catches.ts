import { relative } from 'node:path';

/** A test that failed. */
export type Catch = { readonly file: string; readonly test: string };

/** A report of Vitest, as its reporter `json` writes it. */
export type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

/** The tests that failed, with their files relative to `folder`. A file that does not load has no failed test. */
export function readCatches({ testResults }: Report, folder: string): readonly Catch[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => ({ file: relative(folder, name), test: fullName })),
  );
}
