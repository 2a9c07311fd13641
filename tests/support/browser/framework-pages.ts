import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { recipesFolder } from '../docs/next-recipes.ts';
import { listenOnFreePort } from '../listen-on-free-port.ts';
import { root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

const run = promisify(execFile);

/** How each framework starts its component. `feedUrl` and `feedChannel` are set by the page. */
const entries = {
  vue: `import { createApp } from 'vue';
import LiveList from './live-list.vue';
createApp(LiveList, { url: feedUrl, channel: feedChannel }).mount('#app');`,
  svelte: `import { mount } from 'svelte';
import LiveList from './live-list.svelte';
mount(LiveList, { target: document.getElementById('app'), props: { url: feedUrl, channel: feedChannel } });`,
} as const;

export type Framework = keyof typeof entries;
export const frameworks = Object.keys(entries) as Framework[];

/** Pages of another origin with the components of the recipes. They end with their scope (`using`). */
export type FrameworkPages = Disposable & {
  readonly origin: string;
  /** Gives the pages what they show: the address of the app, and a channel. */
  show(feedUrl: string, channel: string): void;
  /** The errors that TypeScript finds in the recipes; empty: none. */
  typeErrors(): Promise<string>;
};

/**
 * Compiles the recipes for Vue and Svelte as their users do, and serves a page for each: `/vue` and `/svelte`. It installs
 * both packages in a folder of its own.
 * @param buildClient writes `client.js` and its declarations to a folder.
 */
export async function startFrameworkPages(
  buildClient: (folder: string) => Promise<void>,
): Promise<FrameworkPages> {
  const folder = makeTemporaryFolder();
  const at = (...path: string[]) => join(folder.path, ...path);
  writeFileSync(at('package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', 'vue@3', 'svelte@5'];
  await Promise.all([
    run('npm', install, { cwd: folder.path }),
    buildClient(at('client')),
    ...frameworks.map(async (name) => {
      cpSync(join(recipesFolder, name), at(name), { recursive: true });
      writeFileSync(at(name, 'main.ts'), entries[name]);
    }),
  ]);
  for (const name of frameworks) cpSync(at('client'), at(name), { recursive: true });

  const scripts = new Map<string, string>();
  for (const name of frameworks) scripts.set(name, await bundle(at(name, 'main.ts')));
  let settings = '';
  const server = createServer((request, response) => {
    const name = /^\/(\w+)/.exec(request.url ?? '')?.[1] ?? '';
    const script = scripts.get(name);
    if (script === undefined) return void response.writeHead(404).end();
    if (request.url?.endsWith('.js'))
      return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(
      `<!doctype html><div id="app"></div><script>${settings}</script><script src="/${name}.js"></script>`,
    );
  });
  const origin = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  return {
    origin,
    show(feedUrl, channel) {
      settings = `const feedUrl = ${JSON.stringify(feedUrl)}, feedChannel = ${JSON.stringify(channel)};`;
    },
    async typeErrors() {
      const options = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions'];
      const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2024'];
      const files = [at('vue/use-feed.ts'), at('svelte/feed-store.ts')];
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const checked = run(process.execPath, [tsc, ...options, ...modules, '--types', '', ...files], {
        cwd: folder.path,
      });
      return (await checked.catch((error: { readonly stdout: string }) => error)).stdout;
    },
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
      folder[Symbol.dispose]();
    },
  };
}

/** The compilers of the two packages, as far as this file uses them. */
type Compilers = {
  readonly vue: {
    parse(code: string, options: { readonly filename: string }): { readonly descriptor: object };
    compileScript(
      descriptor: object,
      options: { readonly id: string; readonly inlineTemplate: boolean },
    ): { readonly content: string };
  };
  readonly svelte: {
    compile(code: string, options: { readonly filename: string }): { readonly js: { readonly code: string } };
  };
};

async function bundle(entry: string): Promise<string> {
  const load = createRequire(entry);
  const vue: Compilers['vue'] = load('vue/compiler-sfc');
  const svelte: Compilers['svelte'] = load('svelte/compiler');
  const built = await rolldown({
    input: entry,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    logLevel: 'silent',
    plugins: [
      {
        name: 'components',
        transform(code, filename) {
          if (filename.endsWith('.vue')) {
            const { descriptor } = vue.parse(code, { filename });
            const { content } = vue.compileScript(descriptor, { id: 'recipe', inlineTemplate: true });
            return { code: content, moduleType: 'ts' };
          }
          if (filename.endsWith('.svelte'))
            return { code: svelte.compile(code, { filename }).js.code, moduleType: 'js' };
          return null;
        },
      },
    ],
  });
  const { output } = await built.generate({ format: 'iife' });
  await built.close();
  return output[0].code;
}
