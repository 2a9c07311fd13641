import type { Page } from 'playwright-core';

/** When a page showed what; Unix time in ms. */
export type ShownEvents = {
  /** Each time the list got longer: the seq of its newest event. */
  readonly newest: readonly { readonly seq: number; readonly at: number }[];
  /** From when to when the page was not simply live. */
  readonly handovers: readonly { readonly from: number; readonly to: number }[];
};

type Recorder = {
  readonly newest: { seq: number; at: number }[];
  readonly words: { word: string; at: number }[];
};

/** Notes from now on what `page` shows. @returns gives what it has noted. */
export async function noteShownEvents(page: Page): Promise<() => Promise<ShownEvents>> {
  await page.evaluate(note);
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
function note(): void {
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
