import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { maxRead } from '../../lib/log/event-log.ts';
import { root } from '../support/root.ts';

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const doc = read('docs/use-feed.md');
const source = read('lib/client/feed-options.ts');

/** The rows of a chapter's tables, as cells. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, chapter = ''] = new RegExp(`^## ${heading}$([\\s\\S]*?)^## `, 'm').exec(doc) ?? [];
  const rows = chapter.split('\n').filter((line) => /^\| `/.test(line));
  return rows.map((row) => row.slice(2, -2).split(' | '));
}

/** The names in code of a cell, without the parameters of a function. */
const namesIn = (cell = '') => [...cell.matchAll(/`(\w+)[^`]*`/g)].map(([, name = '']) => name);

/** The members of a type of the source. */
function membersOf(type: string, text = source): string[] {
  const [, body = ''] = new RegExp(`^export type ${type}\\b[^{]*{$([\\s\\S]*?)^};$`, 'm').exec(text) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(:]/gm)].map(([, name = '']) => name);
}

/** The times of the connection that an app may set. */
const left = ['transport', 'hasPollDriver', 'hasToken'];
const times = membersOf('ConnectionSettings', read('lib/config/client-timing.ts')).filter(
  (name) => !left.includes(name),
);
const options = rowsOf('Options');

describe('docs/use-feed.md', () => {
  test('has every option, and no other', () => {
    const own = membersOf('FeedOptions');
    expect(own).toContain('persist');
    expect(options.flatMap(([name]) => namesIn(name)).sort()).toEqual([...own, ...times].sort());
  });

  test('has every option and every value of readFirstPage, and how many events it reads', () => {
    const own = read('lib/server/http/first-page.ts');
    const rows = rowsOf('What `initial` is');
    const isResult = ([name = '']: readonly string[]) => /^`(?:page|problem)`$/.test(name);
    const taken = rows.filter((row) => !isResult(row));
    expect(taken.flatMap(([name]) => namesIn(name)).sort()).toEqual(
      membersOf('FirstPageOptions', own).sort(),
    );

    const results = rows.filter(isResult).map(([kind, value]) => `${namesIn(kind)} ${namesIn(value)}`);
    const [, union = ''] = /^export type FirstPage =([\s\S]*?)^ {4}};$/m.exec(own) ?? [];
    const members = union.split(/^ {2}\| \{$/m).flatMap((part) => {
      const [, kind = ''] = /kind: '(\w+)'/.exec(part) ?? [];
      return [...part.matchAll(/readonly (\w+):/g)].map(([, name = '']) => `${kind} ${name}`);
    });
    expect(members.length).toBeGreaterThan(5);
    expect(results.sort()).toEqual(members.sort());

    const [, usual = ''] = /\bcount = (\d+)/.exec(own) ?? [];
    const [, , does = '', normal = ''] = /^\| (`count`) \| (.*) \| (.*) \|$/m.exec(doc) ?? [];
    expect([normal, does]).toEqual([usual, expect.stringContaining(`1 to ${maxRead}`)]);
  });

  test('says of each option whether the hook has it', () => {
    const [, picked = ''] = /UseFeedOptions<[^;]*?Pick<([^;]*);/.exec(read('lib/client/feed-hook.ts')) ?? [];
    const ofHook = [...picked.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);
    const said = options.filter(([, , , hook]) => hook !== '·').flatMap(([name]) => namesIn(name));
    expect(said.sort()).toEqual(ofHook.sort());
  });

  test('has every value of a snapshot, and every action of a feed', () => {
    const rows = rowsOf('What you get').flatMap(([name]) => namesIn(name));
    expect(rows.sort()).toEqual(
      [...membersOf('FeedSnapshot'), ...membersOf('Feed'), 'retry', 'older']
        .filter((name, index, all) => all.indexOf(name) === index)
        .sort(),
    );
  });

  test('its words for the status are the ones of the other document', () => {
    const [, union = ''] =
      /export type FeedStatus =([\s\S]*?);/.exec(read('lib/client/connection/status.ts')) ?? [];
    const statuses = [...union.matchAll(/^ {2}\| '([^']+)'/gm)].map(([, name]) => name);
    const [, table = ''] = /^## Status$([\s\S]*?)^## /m.exec(read('docs/client.md')) ?? [];
    const told = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
    expect(statuses).toHaveLength(10);
    expect(told.slice(1, 11).sort()).toEqual(statuses.sort());
  });

  test('its examples compile', () => {
    const cache = join(root, 'node_modules/.cache/steadfeed');
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'use-feed-'));
    try {
      const lib = join(root, 'lib/client');
      const snippets = [...doc.matchAll(/^```tsx?\n([\s\S]*?)^```$/gm)].map(([, code = '']) =>
        code.replaceAll("'../lib/", `'${join(root, 'lib')}/`),
      );
      const calls = options.map(([, , , , example = '']) => `  connectFeed(${example.slice(1, -1)});`);
      const all = `import { connectFeed } from '${lib}/connect-feed.ts';
import type { FeedOptions } from '${lib}/feed-options.ts';
declare const first: { readonly initial: string };
declare const manualClock: NonNullable<FeedOptions['clock']>;
declare function show(...values: readonly unknown[]): void;
export function examples() {
${calls.join('\n')}
}
`;
      const files = [...snippets, all].map((text, index) => {
        const file = join(folder, `example-${index}.tsx`);
        writeFileSync(file, text);
        return file;
      });
      expect(files.length).toBeGreaterThan(3);
      const config = join(folder, 'tsconfig.json');
      writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), files, include: [] }));
      const { resolve } = createRequire(import.meta.url);
      const tsc = join(dirname(resolve('typescript/package.json')), 'bin/tsc');
      const run = () =>
        execFileSync(process.execPath, [tsc, '-p', config, '--incremental', 'false'], { encoding: 'utf8' });
      expect(run()).toBe('');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
