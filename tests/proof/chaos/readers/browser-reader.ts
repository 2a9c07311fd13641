import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { chromium as tool } from '../../../run/tools.ts';
import { queryOf, type Reader, type ReaderOrder } from './reader.ts';

/** Starts the system's Chromium; null where there is none. */
export async function startBrowser(): Promise<Browser | null> {
  const folders = (process.env.PATH ?? '').split(':');
  const paths = tool.commands.flatMap((name) => folders.map((folder) => join(folder, name)));
  const path = paths.find((each) => existsSync(each));
  return path === undefined ? null : chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}

/** The same, where it is needed. @throws Error that says what is looked for, where there is none. */
export async function startNeededBrowser(neededBy: string): Promise<Browser> {
  const browser = await startBrowser();
  if (browser !== null) return browser;
  throw new Error(`${neededBy}: none of ${tool.commands.join(', ')} is installed`);
}

/** What the page hands out for each event of its source. */
type Told = (kind: 'message' | 'gap' | 'error', data: string) => void;

/** A page with a native EventSource, and nothing of ours. */
export async function startBrowserReader(browser: Browser, order: ReaderOrder): Promise<Reader> {
  const { url, record } = order;
  const page = await browser.newPage();
  let problem: string | null = null;
  const told: Told = (kind, data) => {
    if (kind === 'message') record.event(JSON.parse(data));
    else if (kind === 'gap') record.gap(JSON.parse(data));
    else problem = data;
  };
  await page.exposeFunction('told', told);
  // Any page of the origin will do; the source must not need leave of another one.
  await page.goto(`${url}/api/health`);
  await page.evaluate(
    (address) => {
      const { told } = globalThis as unknown as { told: Told };
      const source = new EventSource(address);
      source.onmessage = ({ data }) => told('message', data);
      source.addEventListener('gap', ({ data }) => told('gap', data));
      source.onerror = () => source.readyState === source.CLOSED && told('error', 'closed for good');
    },
    `/api/stream?${queryOf(order)}`,
  );
  return {
    record,
    state: () => problem ?? 'open',
    gaveUp: () => problem,
    close: () => page.close(),
  };
}
