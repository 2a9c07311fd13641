/** The part of a `package.json` that is read here. Other fields are kept as they are. */
export type Manifest = {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

/** One installed package in a `package-lock.json`. */
type Locked = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
};

/** A `package-lock.json` of version 3: packages by their folder; the app itself is the folder `''`. */
export type Lock = { readonly packages: Readonly<Record<string, Locked>> };

/** Development packages that no file imports: programs, types, and Node itself. */
const tools = /^(@biomejs\/biome|@types\/.*|node|typescript|vitest)$/;

/**
 * The `package.json` of a new app: with the scripts whose files it has, and the packages that it uses.
 * @param imported names of the packages that its files import.
 */
export function newManifest(
  template: Manifest,
  name: string,
  files: readonly string[],
  imported: ReadonlySet<string>,
): Manifest {
  const hasFiles = ([script, command]: readonly [string, string]) =>
    // These choose among slow tests, which a new app does not have.
    !script.startsWith('test:') &&
    [...command.matchAll(/(?:^|\s)((?:scripts|tests)\/\S+\.ts)/g)].every(([, file = '']) =>
      files.includes(file),
    );
  const isUsed = ([each]: readonly [string, string]) => tools.test(each) || imported.has(each);
  const { description: _, license: _license, ...rest } = template as Manifest & Record<string, unknown>;
  return {
    ...rest,
    ...{ name, version: '0.1.0' },
    scripts: Object.fromEntries(Object.entries(template.scripts).filter(hasFiles)),
    devDependencies: Object.fromEntries(Object.entries(template.devDependencies).filter(isUsed)),
  };
}

/** The lock file of a new app: the template's, without the packages that nothing needs any more. */
export function newLock(template: Lock, name: string, manifest: Manifest): Lock {
  const { '': app = {}, ...packages } = template.packages;
  const { dependencies, devDependencies, version } = manifest;
  const { license: _, ...own } = app as Locked & { readonly license?: string };
  const root = { ...own, name, version, dependencies, devDependencies };
  const needed = new Set(neededBy(template.packages, root));
  const kept = Object.entries(packages).filter(([folder]) => needed.has(folder));
  return { ...template, name, version, packages: { '': root, ...Object.fromEntries(kept) } } as Lock;
}

/** The folders of all packages that the app needs, directly or through others. */
function neededBy(packages: Lock['packages'], app: Locked): ReadonlySet<string> {
  const needed = new Set<string>();
  const waiting: (readonly [folder: string, locked: Locked])[] = [['', app]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [folder, locked] = next;
    for (const name of namesNeededBy(locked)) {
      const found = folderOf(packages, folder, name);
      // An optional package of another system may be missing.
      if (found === null || needed.has(found)) continue;
      needed.add(found);
      waiting.push([found, packages[found] ?? {}]);
    }
  }
  return needed;
}

function namesNeededBy(locked: Locked): readonly string[] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = locked;
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies });
}

/** The folder in which the package in `folder` finds the package `name`, as Node does: the nearest `node_modules`. */
function folderOf(packages: Lock['packages'], folder: string, name: string): string | null {
  for (let at = folder; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const found = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (found in packages) return found;
    if (at === '') return null;
  }
}
