import type { Page } from 'playwright-core';

/** The times at which a page showed its events; Unix time in ms. */
export type ShownEvents = {
  /** The seq of the newest event, each time the list grew. */
  readonly newest: readonly { readonly seq: number; readonly at: number }[];
  /** The times in which the status was not `Live`. */
  readonly handovers: readonly { readonly from: number; readonly to: number }[];
};

type Recorder = {
  readonly newest: { seq: number; at: number }[];
  readonly words: { word: string; at: number }[];
};

/** Records from now on which events `page` shows. @returns a function that returns the record. */
export async function recordShownEvents(page: Page): Promise<() => Promise<ShownEvents>> {
  await page.evaluate(record);
  return async () => {
    const { newest, words } = await page.evaluate(read);
    const handovers = words.flatMap(({ word, at }, index) => {
      const isFirst = word !== 'Live' && words[index - 1]?.word === 'Live';
      const end = words.slice(index).find((later) => later.word === 'Live');
      return isFirst && end !== undefined ? [{ from: at, to: end.at }] : [];
    });
    return { newest, handovers };
  };
}

/** Runs in the page. */
function record(): void {
  const shownEvents: Recorder = { newest: [], words: [] };
  const { newest, words } = Object.assign(globalThis, { shownEvents }).shownEvents;
  const observer = new MutationObserver(() => {
    const at = Date.now();
    const id = document.querySelector('article [title^="id "]')?.getAttribute('title');
    const seq = Number(id?.split('-')[1] ?? 0);
    if (seq > (newest.at(-1)?.seq ?? 0)) newest.push({ seq, at });
    const word = document.querySelector('output strong')?.textContent ?? '';
    if (words.at(-1)?.word !== word) words.push({ word, at });
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}

/** Runs in the page. */
function read(): Recorder {
  return (globalThis as unknown as { readonly shownEvents: Recorder }).shownEvents;
}
