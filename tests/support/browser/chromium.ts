import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** What every Chromium of the suite is started with. */
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Path of the system's Chromium. @throws Error naming the package where there is none. */
export function chromiumPath(): string {
  const folders = (process.env.PATH ?? '').split(':');
  const paths = folders.flatMap((folder) => names.map((name) => `${folder}/${name}`));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error('no Chromium found; install the package chromium');
  return found;
}

/** Starts the system's Chromium. */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: flags });
}

/** What a page showed: every event as it first appeared, and what went wrong in its console. */
export type Watch = {
  /** Id and text of every event that was put into the page, in the order it was put there. */
  shown(): Promise<readonly Shown[]>;
  /** The label of the status bar, now. */
  status(): Promise<string>;
  /** Every status word since the page was opened, without repeats in a row. */
  statuses(): Promise<readonly string[]>;
  /** Errors of the console and of scripts. */
  readonly errors: readonly string[];
};

export type Shown = { readonly id: string; readonly text: string };

/** Watches `page`; call it ahead of the first navigation. */
export async function watch(page: Page): Promise<Watch> {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    // The browser reports requests that a proxy or the network failed; the page has to live with those.
    const isNetwork = /Failed to load resource|net::ERR/.test(message.text());
    if (message.type() === 'error' && !isNetwork) errors.push(message.text());
  });
  await page.addInitScript(record);
  return {
    shown: () => page.evaluate(() => (globalThis as unknown as Recorder).shown),
    status: async () => (await page.locator('output strong').textContent()) ?? '',
    statuses: () => page.evaluate(() => (globalThis as unknown as Recorder).statuses),
    errors,
  };
}

type Recorder = { shown: Shown[]; statuses: string[] };

/** Runs in the page: notes every event row that is put into the document, and every label of the status bar. */
function record(): void {
  const recorder = globalThis as unknown as Recorder;
  recorder.shown = [];
  recorder.statuses = [];
  const note = (node: Node) => {
    if (!(node instanceof Element)) return;
    const rows = node.matches('article') ? [node] : node.querySelectorAll('article');
    for (const row of rows) {
      const id = row.querySelector('[title^="id "]')?.getAttribute('title')?.slice(3);
      if (id !== undefined) recorder.shown.push({ id, text: row.querySelector('p')?.textContent ?? '' });
    }
  };
  const observer = new MutationObserver((mutations) => {
    for (const { addedNodes } of mutations) for (const node of addedNodes) note(node);
    const word = document.querySelector('output strong')?.textContent;
    if (word && recorder.statuses.at(-1) !== word) recorder.statuses.push(word);
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}
