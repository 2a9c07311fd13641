import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nextCommand, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { linkFolder } from '../../support/node/link-folder.ts';
import { store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);
const folder = makeTemporaryFolder();
const app = join(folder.path, 'mine');
const text = (file: string) => readFileSync(join(root, file), 'utf8');

const chapter = /^## In an app that you have$([\s\S]*)/m.exec(text('docs/client.md'))?.[1] ?? '';
const copied = ['lib', 'app/api', 'instrumentation.ts', 'vercel.json'];
const installed = /^ {4}npm install (.*)$/m.exec(chapter)?.[1]?.split(' ') ?? [];
const optionLine = /^ {4}("\w+": \w+,)$/m.exec(chapter)?.[1] ?? '';

const page = `'use client';
import { useFeed } from '@/lib/client/use-feed';

export default function Page() {
  const { events } = useFeed();
  return <p>{events.length} events</p>;
}
`;

/** The layout of a new app without its fonts, which the build would download. */
const layout = `export default function RootLayout({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
`;

/** Runs a command in the app. @throws Error with its output, unless it ends with 0. */
async function inApp(command: string, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1' };
  await run(command, args, { cwd: app, env, timeout: 240_000 }).catch(({ stdout, stderr }) => {
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  });
}

beforeAll(async () => {
  const choices = ['--ts', '--app', '--no-eslint', '--no-tailwind', '--no-src-dir', '--use-npm'];
  const made = ['mine', ...choices, '--import-alias', '@/*', '--skip-install', '--disable-git', '--yes'];
  await run('npx', ['--yes', '--prefer-offline', 'create-next-app@latest', ...made], { cwd: folder.path });
  for (const source of copied) cpSync(join(root, source), join(app, source), { recursive: true });
  linkFolder(join(root, 'node_modules'), join(app, 'node_modules'), ['.cache']);
  const tsconfig = readFileSync(join(app, 'tsconfig.json'), 'utf8');
  writeFileSync(
    join(app, 'tsconfig.json'),
    tsconfig.replace('"compilerOptions": {', `$&\n    ${optionLine}`),
  );
  mkdirSync(join(app, 'app/live'));
  writeFileSync(join(app, 'app/live/page.tsx'), page);
  writeFileSync(join(app, 'app/layout.tsx'), layout);
}, 180_000);
afterAll(() => folder[Symbol.dispose]());

describe('lib/ in an app of create-next-app', () => {
  test('needs the files and the packages that the document lists', () => {
    for (const source of copied) expect(chapter).toContain(`\`${source}`);
    const imported = globSync('{lib/**/*.ts,app/api/**/*.ts,instrumentation.ts}', { cwd: root })
      .flatMap((file) => [...text(file).matchAll(/(?:from|import\()\s*'([^'.][^']*)'/g)])
      .map(([, name = '']) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
      // Next itself has server-only.
      .filter((name) => !/^(node:.*|next|react|react-dom|server-only)$/.test(name));
    expect(installed.toSorted()).toEqual([...new Set(imported), '@types/node@24'].toSorted());
  });

  test('has no type error under its own tsconfig.json and its own TypeScript', async () => {
    const { devDependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'));
    const typescript = `typescript@${devDependencies.typescript}`;
    await inApp(process.execPath, 'node_modules/next/dist/bin/next', 'typegen');
    await inApp('npx', '--yes', '--prefer-offline', '--package', typescript, 'tsc', '--noEmit');
  }, 240_000);

  test('is built, and serves the feed beside the pages of the app', async () => {
    await inApp(process.execPath, 'node_modules/next/dist/bin/next', 'build');
    await using server = await startAppBy({ ...nextCommand(process.execPath, 'start', 0), cwd: app });
    using reader = await openSse(server);
    await reader.frame('hello');
    await store(server, ['one']);
    expect((await reader.frame('message')).data).toContain('"one"');
    expect((await ask(server, '/live')).text).toContain('<p>0<!-- --> events</p>');
  }, 240_000);
});
