import type { Page } from 'playwright-core';

type Watcher = { returned: Promise<number> };

/**
 * Measures in the page how long a return takes: from `event` until the page is live and shows event `seq`. Call it
 * before the event.
 * @returns a function that waits for the return and returns the time in ms.
 */
export async function watchReturn(
  page: Page,
  event: 'visibilitychange' | 'online',
  seq: number,
): Promise<() => Promise<number>> {
  await page.evaluate(measure, { event, seq });
  return () => page.evaluate(() => (globalThis as unknown as Watcher).returned);
}

/** Runs in the page. */
function measure({ event, seq }: { readonly event: string; readonly seq: number }): void {
  const isBack = () => {
    const newest = document.querySelector('article [title^="id "]')?.getAttribute('title');
    return newest?.endsWith(`-${seq}`) && document.querySelector('output strong')?.textContent === 'Live';
  };
  (globalThis as unknown as Watcher).returned = new Promise((resolve) => {
    const start = () => {
      const startedAt = performance.now();
      const check = () => (isBack() ? resolve(performance.now() - startedAt) : setTimeout(check, 5));
      check();
    };
    (event === 'online' ? window : document).addEventListener(event, start, { once: true });
  });
}
