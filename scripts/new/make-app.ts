import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, normalize, relative, resolve, sep } from 'node:path';
import { FeedError } from '../../lib/core/feed-error.ts';
import { excerpt } from '../../lib/core/safe-text.ts';
import { copiedFiles, isCode } from './copied-files.ts';
import { type Lock, type Manifest, newLock, newManifest } from './new-manifest.ts';

/** The address of the template's own files, for links to files that a new app does not have. */
const templateUrl = 'https://github.com/steadfeed/steadfeed/blob/main/';

const maxNameLength = 214;

/** Names that no package may have, although their characters are allowed. */
const reservedNames = ['node_modules', 'favicon.ico', ...builtinModules];

/**
 * Checks the name of a package by npm's rules for new packages.
 * @param what names it in the error: `--name`.
 * @throws FeedError `bad-request`
 */
export function checkName(name: string, what: string): void {
  const fail = (rule: string): never => {
    throw new FeedError(
      'bad-request',
      `${what}: "${excerpt(name)}" is not a name that npm allows: ${rule}. Choose one with --name, for example my-feed.`,
    );
  };
  if (name.length > maxNameLength) fail(`it has more than ${maxNameLength} characters`);
  if (name !== name.toLowerCase()) fail('it has capital letters');
  if (!/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/.test(name)) {
    fail('it must begin with a letter or a digit, and have only letters, digits, ".", "_" and "-"');
  }
  if (reservedNames.includes(name)) fail('it is reserved');
}

/** Files that may be in the folder before: an empty repository has the first one. */
const harmless = ['.git', '.DS_Store'];

/**
 * Checks that a new app may be made in `target`.
 * @param target an absolute path.
 * @param given the path as the user gave it.
 * @throws FeedError `bad-request` if the folder is not empty, is a file, or is in the template.
 */
export function checkTarget(template: string, target: string, given: string): void {
  const name = `"${excerpt(given)}"`;
  const inside = relative(realpathSync(template), realPathOf(target));
  if (inside === '' || (!inside.startsWith(`..${sep}`) && inside !== '..' && resolve(inside) !== inside)) {
    throw new FeedError(
      'bad-request',
      `${name} is inside of the template. Choose a folder beside it, for example ../my-feed.`,
    );
  }
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!existsSync(target) || !readableFolder(target)) {
    throw new FeedError('bad-request', `${name} is not a folder. Choose another name, or delete it first.`);
  }
  const found = readdirSync(target).filter((each) => !harmless.includes(each));
  if (found.length === 0) return;
  const [first = ''] = found;
  const others = found.length === 1 ? '' : ` and ${found.length - 1} more`;
  throw new FeedError(
    'bad-request',
    `${name} is not empty: it has ${excerpt(first)}${others}. Choose another folder, or empty this one.`,
  );
}

function readableFolder(path: string): boolean {
  return lstatSync(realpathSync(path)).isDirectory();
}

/** The real path of a file that may not be there yet: links in the folders above it are followed. */
function realPathOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const above = dirname(path);
  return above === path ? path : join(realPathOf(above), basename(path));
}

/**
 * Makes a new app: a copy of the template without its laboratories.
 * @param target an absolute path, checked by `checkTarget`.
 * @param name the name of the package, checked by `checkName`.
 * @returns the number of files.
 */
export function makeApp(template: string, target: string, name: string): number {
  const files = copiedFiles(template);
  const made = new Set([...files, 'package.json', 'package-lock.json', 'README.md']);
  for (const file of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    if (!file.endsWith('.md')) cpSync(join(template, file), join(target, file));
    else writeFileSync(join(target, file), newDocument(readText(template, file), file, made));
  }
  const manifest = readJson<Manifest>(template, 'package.json');
  const ownManifest = newManifest(manifest, name, files, importedPackages(template, files));
  writeJson(target, 'package.json', ownManifest);
  // A user of another package manager may have deleted this file.
  if (existsSync(join(template, 'package-lock.json'))) {
    const lock = newLock(readJson<Lock>(template, 'package-lock.json'), name, ownManifest);
    writeJson(target, 'package-lock.json', lock);
  }
  const readme = readText(template, 'scripts/new/README.md')
    .replaceAll('%NAME%', name)
    .replaceAll('%VERSION%', manifest.version);
  writeFileSync(join(target, 'README.md'), newDocument(readme, 'README.md', made));
  return made.size;
}

function readText(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

function readJson<T>(folder: string, file: string): T {
  return JSON.parse(readText(folder, file)) as T;
}

function writeJson(folder: string, file: string, value: unknown): void {
  writeFileSync(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
}

/** The packages that the files import: `zod`, `@upstash/redis`. */
function importedPackages(template: string, files: readonly string[]): ReadonlySet<string> {
  const names = files
    .filter(isCode)
    .flatMap((file) => [
      ...readText(template, file).matchAll(/\b(?:from|import|import\(|mock\()\s*'([^'.][^']*)'/g),
    ])
    .map(([, specifier = '']) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
  return new Set(names);
}

/**
 * The text of a document in a new app. It loses the parts between `<!-- template only -->` and `<!-- /template only -->`, and
 * its links to files that stay with the template lead there.
 */
export function newDocument(text: string, file: string, made: ReadonlySet<string>): string {
  const own = text.replace(/^<!-- template only -->\n[\s\S]*?^<!-- \/template only -->\n\n?/gm, '');
  return own.replace(/(\]\()([^)\s#:]+)(#[^)\s]*)?\)/g, (link, open: string, path: string, part = '') => {
    const target = normalize(join(dirname(file), path))
      .replaceAll('\\', '/')
      .replace(/\/$/, '');
    const isHere = made.has(target) || [...made].some((each) => each.startsWith(`${target}/`));
    return isHere ? link : `${open}${templateUrl}${target}${part})`;
  });
}
