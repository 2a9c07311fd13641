import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../scripts/free-port.ts';
import { startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { type ProxyName, startDocumentedProxy } from '../../support/node/documented-proxies.ts';
import { range } from '../../support/node/publish.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);

/** A module of the page that the browser loads. The next release has one more line in it. */
const clientModule = 'app/_feed/feed-view.tsx';

let next: AppCopy;

beforeAll(async () => {
  const text = readFileSync(join(root, clientModule), 'utf8');
  next = copyAppToBuild({ [clientModule]: `${text}\nReflect.set(globalThis, 'release', 'next');\n` });
  await next.build({});
}, 300_000);
afterAll(() => next[Symbol.dispose]());

/** Opens the page, and asks for its scripts and styles. @returns the status of each, by its path. */
async function openPage(site: { readonly url: string }): Promise<ReadonlyMap<string, number>> {
  const { text } = await ask(site, '/');
  const paths = new Set(
    [...text.matchAll(/(?:src|href)="(\/_next\/static\/[^"]+)"/g)].map(([, path = '']) => path),
  );
  expect(paths.size, 'files of the page').toBeGreaterThan(3);
  return new Map(
    await Promise.all([...paths].map(async (path) => [path, (await ask(site, path)).status] as const)),
  );
}

const buildIdIn = (folder: string) => readFileSync(join(folder, '.next/BUILD_ID'), 'utf8');

const missing = (files: ReadonlyMap<string, number>) => [...files].filter(([, status]) => status !== 200);

describe('while one process has the old build and one the new', () => {
  test.each<ProxyName>(['nginx', 'haproxy', 'caddy'])(
    'each page behind %s gets all its files',
    async (name) => {
      using folder = makeTemporaryFolder();
      const env = { FEED_DB: join(folder.path, 'feed.db') };
      await using oldApp = await startApp(env);
      await using newApp = await next.start(env);
      const tls = await findFreePort(0, '127.0.0.1');
      await using proxy = await startDocumentedProxy(name, [oldApp.port, newApp.port], tls);
      const ids = [(await oldApp.health()).build, (await newApp.health()).build];
      expect(ids).toEqual([buildIdIn(root), buildIdIn(next.folder)]);
      const builds = new Set<string>();
      for (const round of range(1, 24)) {
        const files = await openPage(proxy);
        expect(missing(files)).toEqual([]);
        builds.add([...files.keys()].toSorted().join(' '));
        // Other requests come in between, in changing numbers, so that both processes get their turn.
        await Promise.all(range(1, 1 + (round % 2)).map(() => ask(proxy, '/api/events')));
      }
      expect(builds.size, 'builds that have rendered a page').toBe(2);
    },
  );
});

test('a page that was opened before the update gets its files when only the new build runs', async () => {
  const oldFiles = await pageOfOldBuild();
  const [, copy = ''] =
    /^ {4}(cp -ru \S+ \S+) /m.exec(readFileSync(join(root, 'docs/deploy.md'), 'utf8')) ?? [];
  expect(copy).toContain('/srv/steadfeed/');
  await run('sh', ['-ec', copy.replace('/srv/steadfeed/', `${root}/`)], { cwd: next.folder });
  await using newApp = await next.start({});
  const statuses = await Promise.all(oldFiles.map(async (path) => (await ask(newApp, path)).status));
  expect(statuses).toEqual(oldFiles.map(() => 200));
  expect(missing(await openPage(newApp))).toEqual([]);
});

async function pageOfOldBuild(): Promise<readonly string[]> {
  await using oldApp = await startApp();
  return [...(await openPage(oldApp)).keys()];
}
