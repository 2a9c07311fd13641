import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The flags of every Chromium of the suite. */
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The path of the system's Chromium. @throws Error that names the package if there is none. */
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

/** A record of a page: every event as it first appeared, and the errors in its console. */
export type Watch = {
  /** The id and text of every event that was added to the page, in the order of the additions. */
  shown(): Promise<readonly Shown[]>;
  /** The present label of the status bar. */
  status(): Promise<string>;
  /** Every status word since the page was opened. A repeated word is in it once. */
  statuses(): Promise<readonly string[]>;
  /** Errors of the console and of scripts. */
  readonly errors: readonly string[];
};

export type Shown = { readonly id: string; readonly text: string };

/** Watches `page`. Call it before the first navigation. */
export async function watch(page: Page): Promise<Watch> {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    // Failed requests are no fault of the page: the tests make the network fail.
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

/** Runs in the page: records every event row that is added to the document, and every label of the status bar. */
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
