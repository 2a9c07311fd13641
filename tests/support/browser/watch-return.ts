import type { Page } from 'playwright-core';

type Watcher = { returned: Promise<number> };

/**
 * Measures in the page itself how long a return takes: from its `event` until it is live and shows event `seq`.
 * Call it ahead of the event.
 * @returns gives the time in ms, once it is back.
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
    const begin = () => {
      const beganAt = performance.now();
      const look = () => (isBack() ? resolve(performance.now() - beganAt) : setTimeout(look, 5));
      look();
    };
    (event === 'online' ? window : document).addEventListener(event, begin, { once: true });
  });
}
