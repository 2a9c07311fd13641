import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildSecrets } from '../../../scripts/build-app.ts';
import { artifactFolder, buildArtifact } from '../../support/node/deployed-artifact.ts';
import { checkNoSecret } from '../../support/node/secrets.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Searches every file of a folder, at any depth, for secrets. @returns the number of files. */
function searchFiles(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    checkNoSecret(readFileSync(path, 'latin1'), path);
  }
  return files.length;
}

const build = fileURLToPath(new URL('../../../.next', import.meta.url));

describe('no secret of the build environment is in a file of', () => {
  test('the production build', () => {
    expect(searchFiles(join(build, 'static'))).toBeGreaterThan(5);
    expect(searchFiles(build)).toBeGreaterThan(100);
  });

  test('the deployed build', async () => {
    await buildArtifact();
    expect(searchFiles(join(artifactFolder(), 'output/static'))).toBeGreaterThan(5);
    expect(searchFiles(artifactFolder())).toBeGreaterThan(100);
  });
});

test.each(Object.entries(buildSecrets))('the search finds %s in a file', (_, secret) => {
  using folder = makeTemporaryFolder();
  writeFileSync(join(folder.path, 'chunk.js'), `\0var a="${secret}"`);
  expect(() => searchFiles(folder.path)).toThrow('chunk.js contains a secret');
});

test('no page that proxy.ts gives the strict policy is prerendered: its scripts would have no nonce', () => {
  const readJson = (file: string) => JSON.parse(readFileSync(join(build, file), 'utf8'));
  const { matchers } = readJson('server/functions-config-manifest.json').functions['/_middleware'];
  const isStrict = (page: string) =>
    matchers.some(({ regexp }: { readonly regexp: string }) => new RegExp(regexp).test(page));
  const prerendered = Object.keys(readJson('prerender-manifest.json').routes);

  expect(isStrict('/')).toBe(true);
  expect(prerendered).toContain('/_not-found');
  expect(prerendered.filter(isStrict)).toEqual([]);
});

/** The part of Next's manifest of the build that this test reads. */
const manifest = z.object({
  headers: z.array(z.object({ regex: z.string(), headers: z.array(z.object({ key: z.string() })) })),
});

test('every page has a policy before proxy.ts replaces it, also the first one; the API and files have none', () => {
  const text = readFileSync(join(build, 'routes-manifest.json'), 'utf8');
  const rules = manifest.parse(JSON.parse(text)).headers;
  const hasPolicy = (path: string) =>
    rules.some(
      ({ regex, headers }) =>
        new RegExp(regex).test(path) && headers.some(({ key }) => key === 'Content-Security-Policy'),
    );

  expect(['/', '/example', '/orders/7', '/no-such-page'].filter((path) => !hasPolicy(path))).toEqual([]);
  expect(['/api/events', '/icon.svg', '/_next/static/a.js'].filter(hasPolicy)).toEqual([]);
});
