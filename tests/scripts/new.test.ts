import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copiedFiles } from '../../scripts/new/copied-files.ts';
import { checkName, checkTarget, makeApp, newDocument } from '../../scripts/new/make-app.ts';
import { root } from '../support/root.ts';
import { runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** Runs `npm run new` in the temporary folder. */
async function runNew(...args: readonly string[]) {
  const script = runScript('new', args, {}, folder.path);
  return { code: await script.code, out: script.out(), err: script.err() };
}

describe('npm run new', () => {
  test('makes an app, named like its folder, and prints the next steps', async () => {
    const { code, out, err } = await runNew('first-feed');

    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^Made first-feed: \d+ files in .*\/first-feed\. Next:\n\n {2}cd first-feed\n {2}npm install\n/,
    );
    const made = JSON.parse(readFileSync(join(folder.path, 'first-feed/package.json'), 'utf8'));
    expect(made).toMatchObject({ name: 'first-feed', version: '0.1.0', private: true });
  });

  test('takes another name for the package, and an empty repository as its folder', async () => {
    mkdirSync(join(folder.path, 'Second/.git'), { recursive: true });

    expect(await runNew('Second', '--name', '@me/second')).toMatchObject({ code: 0, err: '' });
    const lock = JSON.parse(readFileSync(join(folder.path, 'Second/package-lock.json'), 'utf8'));
    expect([lock.name, lock.packages[''].name]).toEqual(['@me/second', '@me/second']);
    expect(readdirSync(join(folder.path, 'Second/.git'))).toEqual([]);
  });

  test.each([
    [[], 'Name one folder for the new app, for example: npm run new -- ../my-feed'],
    [['one', 'two'], 'Name one folder for the new app'],
    [
      ['Third'],
      'folder: "Third" is not a name that npm allows: it has capital letters. Choose one with --name',
    ],
    [['third', '--name', 'my feed'], '--name: "my feed" is not a name that npm allows: it must begin with'],
    [['third', '--nam', 'x'], "Unknown option '--nam'. Use --help to see the options."],
  ])('refuses %j in one line, and makes nothing', async (args, text) => {
    const { code, out, err } = await runNew(...args);

    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`new: ${text}`);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(folder.path).filter((each) => /^(one|two|third)$/i.test(each))).toEqual([]);
  });
});

describe('the name of a new app', () => {
  test.each(['my-feed', 'a', '7', '@me/my.feed_2', 'x'.repeat(214)])('may be %s', (name) => {
    expect(() => checkName(name, 'name')).not.toThrow();
  });

  test.each([
    '',
    '.feed',
    '_feed',
    '-feed',
    'my feed',
    'my/feed',
    '@me',
    '@/feed',
    'Feed',
    'feed!',
    'fëed',
    'http',
    'node_modules',
    'favicon.ico',
    '..',
    'x'.repeat(215),
  ])('may not be "%s"', (name) => {
    expect(() => checkName(name, 'name')).toThrow(/is not a name that npm allows/);
  });
});

describe('the folder of a new app', () => {
  const check = (path: string) => () => checkTarget(root, path, path);

  test.each(['full', 'file', 'link'])('may not be there with something in it: %s', (name) => {
    const path = join(folder.path, 'taken', name);
    mkdirSync(join(folder.path, 'taken/full'), { recursive: true });
    for (const file of ['full/one', 'full/two', 'file']) writeFileSync(join(folder.path, 'taken', file), '');
    if (name === 'link') symlinkSync(join(folder.path, 'taken/full'), path);

    expect(check(path)).toThrow(
      name === 'file' ? /is not a folder/ : /is not empty: it has one and 1 more\./,
    );
  });

  test('may not be in the template, also by a link', () => {
    const link = join(folder.path, 'link-to-template');
    symlinkSync(root, link);

    for (const path of [root, join(root, 'new'), join(root, 'a/b/c'), link, join(link, 'new')])
      expect(check(path), path).toThrow(/is inside of the template/);
    expect(check(join(dirname(root), '..hidden'))).not.toThrow();
    expect(check(`${root.replace(/\/$/, '')}-beside`)).not.toThrow();
  });
});

describe('the template’s files', () => {
  test('are copied without secrets, history and what Git ignores', () => {
    const template = join(folder.path, 'template');
    const files = [
      '.gitignore',
      '.env.example',
      '.env',
      '.env.local',
      '.env.production',
      '.git/config',
      'a/node_modules/x',
    ];
    for (const file of [
      ...files,
      'dist/made.js',
      'app/page.tsx',
      'app/dist/kept.ts',
      'mine/own.ts',
      'x.tsbuildinfo',
    ]) {
      mkdirSync(dirname(join(template, file)), { recursive: true });
      writeFileSync(join(template, file), '');
    }
    writeFileSync(join(template, '.gitignore'), '# comment\nnode_modules/\n/dist/\n*.tsbuildinfo\n\n!x\n');

    expect(copiedFiles(template)).toEqual([
      '.env.example',
      '.gitignore',
      'app/dist/kept.ts',
      'app/page.tsx',
      'mine/own.ts',
    ]);
  });

  test('of tests/support are copied if a copied test needs them', () => {
    const files = copiedFiles(root);

    expect(files).toContain('tests/support/log/sqlite-child.ts');
    expect(files).not.toContain('tests/support/node/app-process.ts');
    expect(files.filter((file) => /^(tests\/(proof|e2e|docs)|scripts\/new|\.ci)/.test(file))).toEqual([]);
  });
});

describe('a document of a new app', () => {
  const made = new Set(['docs/client.md', 'lib/core/ids.ts']);

  test('loses the parts that are only for the template', () => {
    const text =
      'a\n\n<!-- template only -->\nb\n<!-- /template only -->\n\nc\n<!-- template only -->\nd\n<!-- /template only -->\n';
    expect(newDocument(text, 'AGENTS.md', made)).toBe('a\n\nc\n');
  });

  test.each([
    ['[x](client.md#times)', '[x](client.md#times)'],
    ['[x](../lib/core)', '[x](../lib/core)'],
    ['[x](#here) [y](https://a.example/b)', '[x](#here) [y](https://a.example/b)'],
    ['[x](scale.md#a)', '[x](https://github.com/steadfeed/steadfeed/blob/main/docs/scale.md#a)'],
  ])('keeps the links that lead somewhere, and the others lead to the template: %s', (text, wanted) => {
    expect(newDocument(text, 'docs/architecture.md', made)).toBe(wanted);
  });
});

describe('a new app', () => {
  const app = join(folder.path, 'whole');
  const read = (file: string) => readFileSync(join(app, file), 'utf8');
  const manifest = () => JSON.parse(read('package.json'));
  beforeAll(() => void makeApp(root, app, 'whole'));

  const documents = () =>
    copiedFiles(root)
      .filter((file) => file.endsWith('.md'))
      .concat('README.md');

  test('has the files and the scripts that its documents name', () => {
    for (const file of documents()) {
      const text = read(file);
      const links = [...text.matchAll(/\]\(([^)\s#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) =>
        join(dirname(file), link),
      );
      const paths =
        file === 'README.md' ? [...text.matchAll(/`((?:app|lib|docs|tests|scripts)\/[^`*]+)`/g)] : [];
      for (const path of [...links, ...paths.map(([, path = '']) => path)])
        expect(existsSync(join(app, normalize(path))), `${file}: ${path}`).toBe(true);
      const scripts = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
      expect(
        scripts.filter((name) => !(name in manifest().scripts)),
        file,
      ).toEqual([]);
    }
  });

  test('has no file that needs one of those that its README lets you delete', () => {
    const table = read('README.md').split('## What you may delete')[1] ?? '';
    const rows = [...table.matchAll(/^\| (.*) \| (`.*) \|$/gm)].map(([, what = '', cell = '']) => ({
      what,
      paths: [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
    }));
    expect(rows.length).toBeGreaterThan(8);
    const code = copiedFiles(root).filter((file) => /\.(tsx?|mjs)$/.test(file));
    for (const { what, paths } of rows) {
      // "Delete the demo too" names another row.
      const also = rows.filter((row) => what.includes(';') && what.split(';')[1]?.includes(row.what));
      const deleted = [...paths, ...also.flatMap((row) => row.paths)];
      const isDeleted = (file: string) =>
        deleted.some((path) => file === path || file.startsWith(`${path}/`));
      for (const file of code.filter((each) => !isDeleted(each))) {
        const needed = [...read(file).matchAll(/'(\.\.?\/[^'\s]+)'/g)].map(([, target = '']) =>
          normalize(join(dirname(file), target)),
        );
        expect(needed.filter(isDeleted), `${file} needs, without ${what}`).toEqual([]);
      }
    }
  });

  test('has no script and no package of the laboratories', () => {
    const { scripts, devDependencies, dependencies } = manifest();
    expect(Object.keys(scripts)).toEqual(
      expect.arrayContaining(['dev', 'build', 'start', 'push', 'demo', 'test', 'check']),
    );
    expect(Object.keys(scripts).filter((name) => /^(proof|test:|new)/.test(name))).toEqual([]);
    expect(Object.keys(devDependencies)).toEqual(
      expect.arrayContaining(['vitest', 'typescript', '@types/node', 'node']),
    );
    expect(Object.keys(devDependencies)).not.toContain('playwright-core');
    expect(dependencies).toEqual(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);
  });

  test('has a lock file with all that its packages need, for every system, and nothing else', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const whole = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const { devDependencies, dependencies } = manifest();
    expect(packages['']).toMatchObject({ devDependencies, dependencies });
    for (const [name, locked] of Object.entries(packages))
      if (name !== '') expect(locked).toEqual(whole[name]);
    const left = Object.keys(whole).filter((name) => !(name in packages));
    expect(left).toEqual(expect.arrayContaining(['node_modules/playwright-core', 'node_modules/axe-core']));
    expect(Object.keys(packages)).toEqual(
      expect.arrayContaining([
        'node_modules/@next/swc-win32-x64-msvc',
        'node_modules/@next/swc-darwin-arm64',
      ]),
    );
  });
});
