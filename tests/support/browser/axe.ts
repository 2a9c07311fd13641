import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Finding = { readonly id: string; readonly targets: readonly string[] };

/** The findings of axe: the rules of WCAG 2.2 A and AA, and its best practices. */
export async function findByAxe(page: Page): Promise<readonly Finding[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    type Result = { violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] };
    const { axe } = globalThis as unknown as { axe: { run(context: object): Promise<Result> } };
    const { violations } = await axe.run(document);
    return violations.map(({ id, nodes }) => ({
      id,
      targets: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target}: ${failureSummary}`),
    }));
  });
}
