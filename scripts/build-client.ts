import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { eventTypes } from '../lib/config/event-types.ts';
import { parseOptions, printFailure } from './command-line.ts';

/*
 * `npm run build:client` makes the client for apps that are not this one. The declarations are those of `tsc`, put together
 * here: they are types alone, from files of this project. The bundlers of declarations run on TypeScript 6, or parse by
 * programs for each platform.
 */

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** The modules of `dist`, and the packages that the app that uses them brings. */
const modules = {
  client: { entry: 'lib/client/connect-feed.ts', peers: [] },
  react: { entry: 'lib/client/use-feed.ts', peers: ['react', 'swr'] },
} as const;

type ModuleName = keyof typeof modules;

const names = Object.keys(modules) as ModuleName[];

/**
 * Builds `client.js` with `connectFeed`, and `react.js` with `useFeed`. Each is one ES module with its declarations, and
 * needs no other file.
 * @throws Error with the output of `tsc`, if the declarations do not compile without this project.
 */
export async function buildClient(folder: string): Promise<void> {
  const cache = join(root, 'node_modules/.cache/steadfeed');
  mkdirSync(cache, { recursive: true });
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(cache, 'client-'));
  try {
    await Promise.all([emitDeclarations(work), ...names.map((name) => bundle(name, folder))]);
    const declarations = readDeclarations(work);
    for (const name of names)
      writeFileSync(join(folder, `${name}.d.ts`), joinDeclarations(name, declarations));
    await tsc(work, { strict: true, noEmit: true, skipLibCheck: false, types: [] }, declarationFiles(folder));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The name of a module's entry without its ending. */
const entryOf = (name: ModuleName) => modules[name].entry.replace(/\.ts$/, '');

const declarationFiles = (folder: string) => names.map((name) => join(folder, `${name}.d.ts`));

/** The licence of the bundled package asks for its notice. */
const banner = '/*! steadfeed (MIT). Contains eventsource-parser (MIT), Copyright Espen Hovlandsdal. */';

async function bundle(name: ModuleName, folder: string): Promise<void> {
  const { entry, peers } = modules[name];
  const built = await rolldown({
    input: join(root, entry),
    platform: 'browser',
    external: [...peers],
    // It says of 'use client' that it may be lost. It is kept, and a test holds that.
    checks: { moduleLevelDirective: false },
    // Next's build puts these in. Another app says by the option `url` where the feed is.
    transform: { define: { 'process.env.FEED_BASE_PATH': '""', 'process.env.FEED_PATH_END': '""' } },
  });
  await built.write({ file: join(folder, `${name}.js`), minify: true, sourcemap: true, banner });
  await built.close();
}

/** Lets `tsc` write a declaration file for each module that the client's types come from. */
async function emitDeclarations(work: string): Promise<void> {
  const data = join(work, 'event-data.ts');
  const schemas = relative(work, join(root, 'lib/config/event-types.ts'));
  const members = Object.keys(eventTypes).map((type) => JSON.stringify(type));
  // A function without a type of its own: `tsc` writes out what the schemas return, so that nobody needs their package.
  writeFileSync(
    data,
    `import { eventTypes } from ${JSON.stringify(schemas)};
export const data = () => ({ ${members.map((type) => `${type}: eventTypes[${type}].parse(null)`).join(', ')} });
`,
  );
  const entries = names.map((name) => join(root, modules[name].entry));
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, incremental: false };
  await tsc(work, { ...emit, rootDir: root, outDir: join(work, 'types') }, [...entries, data]);
}

/** Runs `tsc` with the options of this project and some others. @throws Error with its output when it finds an error. */
async function tsc(work: string, compilerOptions: object, files: readonly string[]): Promise<void> {
  const config = join(work, 'tsconfig.json');
  const base = join(root, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ extends: base, compilerOptions, files, include: [] }));
  const { resolve } = createRequire(import.meta.url);
  const program = join(dirname(resolve('typescript/package.json')), 'bin/tsc');
  await run(process.execPath, [program, '-p', config]).catch(({ stdout, stderr }) => {
    throw new Error(`tsc failed:\n${stdout}${stderr}`);
  });
}

/** One declaration of a module: its text with its comment, by its name. */
type Declarations = ReadonlyMap<string, string>;

/** The file with the types of both modules, and types of other files that an app may want to name. */
const options = 'lib/client/feed-options';
const others = ['EventOf', 'FeedEvent', 'Gap'];

/** The declarations that `tsc` wrote, by file. `lib/config/event-types` gets the data of each type in place of its schema. */
function readDeclarations(work: string): ReadonlyMap<string, Declarations> {
  const read = (file: string) => readFileSync(join(work, 'types', `${file}.d.ts`), 'utf8');
  const files = new Map<string, Declarations>();
  const add = (file: string) => {
    if (files.has(file)) return;
    const text = read(file);
    files.set(file, declarationsIn(text));
    for (const [, target = ''] of text.matchAll(/ from '(\.[^']*)\.ts'/g)) add(join(dirname(file), target));
  };
  for (const name of names) add(entryOf(name));
  add(options);
  const [, data] =
    /const data: \(\) => ([\s\S]*);\n/.exec(read(relative(root, join(work, 'event-data')))) ?? [];
  if (data === undefined) throw new Error('tsc did not write out the data of the event types');
  files.set(
    'lib/config/event-types',
    new Map([
      ...(files.get('lib/config/event-types') ?? []),
      [
        'EventTypes',
        `/** The data of each event type, as \`lib/config/event-types.ts\` declared it for this build. */\nexport interface EventTypes ${data}`,
      ],
      ['DeclaredType', 'type DeclaredType = keyof EventTypes;'],
      ['DataOf', 'type DataOf<T extends DeclaredType> = EventTypes[T];'],
    ]),
  );
  return files;
}

/** Splits the text of a declaration file. `tsc` indents everything inside a declaration. */
function declarationsIn(text: string): Declarations {
  const parts = text.split(/^(?=(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?(?:export|declare|type|interface) )/m);
  const found = new Map<string, string>();
  let comment = '';
  for (const part of parts) {
    const [, name] =
      /^(?:export )?(?:declare )?(?:type|interface|const|function|class) (\w+)/.exec(part) ?? [];
    if (name !== undefined) found.set(name, (comment + part).trim());
    comment = part.startsWith('/**') ? part : '';
  }
  return found;
}

/** The declarations that a module's face needs, in one text. @throws Error if two that it needs have one name. */
function joinDeclarations(name: ModuleName, files: ReadonlyMap<string, Declarations>): string {
  const needed = new Map<string, string>();
  const add = (word: string) => {
    const found = [...files.values()].flatMap((declarations) => declarations.get(word) ?? []);
    const [text] = found;
    if (text === undefined || needed.has(word)) return;
    if (found.length > 1) throw new Error(`two declarations have the name ${word}: rename one of them`);
    needed.set(word, text);
    // Words of comments are no references.
    for (const [each] of text.replace(/\/\*\*[\s\S]*?\*\//g, '').matchAll(/\b[A-Z]\w*/g)) add(each);
  };
  for (const file of [entryOf(name), options]) {
    for (const [word, text] of files.get(file) ?? []) if (/^export /m.test(text)) add(word);
  }
  for (const word of others) add(word);
  return `${[...needed.values()].join('\n')}\nexport {};\n`;
}

const help = `Builds the client for apps that are not this one: dist/client.js with connectFeed, dist/react.js with useFeed, and
their types.

  npm run build:client

  --help  show this text
`;

async function main(): Promise<void> {
  const { values } = parseOptions({ options: { help: { type: 'boolean', short: 'h', default: false } } });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  await buildClient(join(root, 'dist'));
  process.stdout.write('dist/client.js with connectFeed, dist/react.js with useFeed, and their types.\n');
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    printFailure('build:client', error);
    process.exitCode = 1;
  }
}
