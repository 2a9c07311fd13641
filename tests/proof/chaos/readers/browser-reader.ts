import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { chromium as tool } from '../../../run/tools.ts';
import { queryOf, type Reader, type ReaderOrder } from './reader.ts';

/** Starts the system's Chromium; null if it is not installed. */
export async function startBrowser(): Promise<Browser | null> {
  const folders = (process.env.PATH ?? '').split(':');
  const paths = tool.commands.flatMap((name) => folders.map((folder) => join(folder, name)));
  const path = paths.find((each) => existsSync(each));
  return path === undefined ? null : chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}

/** Starts the system's Chromium. @throws Error that says what to install, if it is not installed. */
export async function startNeededBrowser(neededBy: string): Promise<Browser> {
  const browser = await startBrowser();
  if (browser !== null) return browser;
  throw new Error(`${neededBy} needs Chromium. Install one of ${tool.commands.join(', ')}.`);
}

/** The page calls this for each event of its EventSource. */
type Report = (kind: 'message' | 'gap' | 'error', data: string) => void;

/** A page with a native EventSource and none of our code. */
export async function startBrowserReader(browser: Browser, order: ReaderOrder): Promise<Reader> {
  const { url, record } = order;
  const page = await browser.newPage();
  let problem: string | null = null;
  const report: Report = (kind, data) => {
    if (kind === 'message') record.event(JSON.parse(data));
    else if (kind === 'gap') record.gap(JSON.parse(data));
    else problem = data;
  };
  await page.exposeFunction('report', report);
  // Any page of the same origin works; another origin would need CORS.
  await page.goto(`${url}/api/health`);
  await page.evaluate(
    (address) => {
      const { report } = globalThis as unknown as { report: Report };
      const source = new EventSource(address);
      source.onmessage = ({ data }) => report('message', data);
      source.addEventListener('gap', ({ data }) => report('gap', data));
      source.onerror = () => source.readyState === source.CLOSED && report('error', 'closed for good');
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
