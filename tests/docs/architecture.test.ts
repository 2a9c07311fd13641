import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The template's own files. Every other file of `app` and `lib` belongs to the app that was made from it. */
const templateFiles =
  /^(lib\/(client|config|core|log|server)\/|app\/(_feed\/|status\/|api\/(events|health|stream)\/|[^/]+$)|[^/]+$)/;

/** A room, and the rooms it may import besides itself. A room is a folder with its files, without the folders in it. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'lib/core': [],
  'lib/config': ['lib/core'],
  'lib/log': ['lib/core'],
  'lib/log/redis': ['lib/core', 'lib/log'],
  'lib/log/sqlite': ['lib/core', 'lib/log'],
  'lib/server/tail': ['lib/core', 'lib/log'],
  'lib/server/node': ['lib/core', 'lib/config', 'lib/log/sqlite', 'lib/server'],
  'lib/server/stream': ['lib/core', 'lib/log', 'lib/server/node', 'lib/server/tail'],
  'lib/server': [
    'lib/server/node',
    'lib/core',
    'lib/config',
    'lib/log',
    'lib/log/redis',
    'lib/log/sqlite',
    'lib/server/tail',
    'lib/server/stream',
  ],
  'lib/server/http': [
    'lib/core',
    'lib/config',
    'lib/log',
    'lib/server/node',
    'lib/server/tail',
    'lib/server/stream',
    'lib/server',
  ],
  // Above the routes: it serves the feed's own protocol, with another guard.
  'lib/server/status': [
    'lib/core',
    'lib/config',
    'lib/log',
    'lib/log/sqlite',
    'lib/server/node',
    'lib/server/tail',
    'lib/server',
    'lib/server/http',
  ],
  'lib/client/transport': ['lib/core'],
  'lib/client/connection': ['lib/core', 'lib/config', 'lib/client/transport'],
  'lib/client/tabs': ['lib/core', 'lib/config', 'lib/client/transport', 'lib/client/connection'],
  'lib/client': [
    'lib/core',
    'lib/config',
    'lib/client/transport',
    'lib/client/connection',
    'lib/client/tabs',
  ],
  'lib/client/latest': [
    'lib/core',
    'lib/config',
    'lib/client/transport',
    'lib/client/connection',
    'lib/client/tabs',
    'lib/client',
  ],
};

/** Files outside of `lib`, and the only files of `lib` they may import: the public faces. */
const publicFaces: readonly (readonly [RegExp, RegExp])[] = [
  [/^app\/api\//, /^lib\/server\/http\/[a-z]+-route\.ts$/],
  [/^app\/status\/.*\/route\.ts$/, /^lib\/server\/status\/status-route\.ts$/],
  [
    /^app\//,
    /^lib\/(client\/(use-feed|feed-hook|connect-feed|feed-options|latest\/(use|connect)-latest)|server\/(http\/first-page|status\/status-page|publish|read-feed|feed-token)|config\/[a-z-]+|core\/[a-z-]+)\.ts$/,
  ],
  [/^proxy\.ts$/, /^lib\/config\/page-policy\.mjs$/],
  [/^instrumentation\.ts$/, /^lib\/server\/node\/(process\.ts|check-node\.mjs)$/],
];

/** Packages, and the only files of the template that may import them. */
const packages: Readonly<Record<string, RegExp>> = {
  '@upstash/redis': /^lib\/log\/redis\/rest\.ts$/,
  '@vercel/functions': /^lib\/server\/stream\/deadline\.ts$/,
  '@opentelemetry/api': /^lib\/server\/node\/telemetry\.ts$/,
  '@opentelemetry/exporter-metrics-otlp-http': /^lib\/server\/node\/telemetry\.ts$/,
  '@opentelemetry/sdk-metrics': /^lib\/server\/node\/telemetry\.ts$/,
  '@opentelemetry/sdk-trace-base': /^lib\/server\/node\/telemetry\.ts$/,
  '@vercel/otel': /^lib\/server\/node\/telemetry\.ts$/,
  'eventsource-parser': /^lib\/(log\/redis\/rest|client\/transport\/sse)\.ts$/,
  ioredis: /^lib\/log\/redis\/tcp-connection\.ts$/,
  jose: /^lib\/server\/feed-token\.ts$/,
  next: /^(app\/|proxy\.ts$)/,
  'react-dom': /^app\/_feed\/event-list\.tsx$/,
  react: /^(app\/|lib\/client\/(use-feed|feed-hook|latest\/use-latest)\.ts$)/,
  'server-only': /^lib\/server\/runtime\.ts$/,
  swr: /^lib\/client\/use-feed\.ts$/,
  zod: /^lib\/config\/event-types\.ts$/,
};

/** Rooms that run in a browser too: Node's own modules are not there. */
const browserRooms =
  /^(lib\/(core|client)(\/|$)|lib\/config\/(client-timing|public-channels|routes)\.ts$|app\/_feed)/;

type Import = {
  readonly file: string;
  /** A file of the repository, or a package as it is written. */
  readonly target: string;
  /** Nothing of it is left when the program runs. */
  readonly isType: boolean;
};

const files = globSync(['{app,lib}/**/*.{ts,tsx}', 'instrumentation.ts', 'proxy.ts'], { cwd: root }).sort();
const sources = files.filter((file) => templateFiles.test(file));
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s)?([^'";]*?)\bfrom\s+'([^']+)';$|^import\s+'([^']+)';$|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map(([, type, names = '', ...written]) => {
    const specifier = written.find((each) => each !== undefined) ?? '';
    const isType = type !== undefined || isTypesAlone(names);
    const isOwn = specifier.startsWith('.');
    return { file, target: isOwn ? normalize(join(dirname(file), specifier)) : specifier, isType };
  });
}

/** `{ type A, type B }` */
function isTypesAlone(names: string): boolean {
  const listed =
    /^\{([^}]*)\}\s*$/
      .exec(names)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean) ?? [];
  return listed.length > 0 && listed.every((name) => name.startsWith('type '));
}

/** The fault of an import by the import law; null: none. */
function faultOf({ file, target, isType }: Import): string | null {
  return isAllowed(file, target, isType) ? null : `${file} imports ${target}`;
}

function isAllowed(file: string, target: string, isType: boolean): boolean {
  const isTemplate = templateFiles.test(file);
  if (target.startsWith('node:')) return !browserRooms.test(file);
  if (!/\.(tsx?|mjs|css)$/.test(target)) {
    const name = target
      .split('/')
      .slice(0, target.startsWith('@') ? 2 : 1)
      .join('/');
    return !isTemplate || (packages[name]?.test(file) ?? false);
  }
  // The rules in lib/config are there to be edited.
  if (/^(app|lib)\//.test(target) && !templateFiles.test(target))
    return (
      !isTemplate || !file.startsWith('lib/') || (file.startsWith('lib/config/') && !browserRooms.test(file))
    );
  if (!target.startsWith('lib/')) return !file.startsWith('lib/') && !/^(scripts|tests)\//.test(target);
  if (/^lib\/client\//.test(file) && target.startsWith('lib/config/'))
    return isType || /\/(client-timing|public-channels|routes)\.ts$/.test(target);
  const [from, to] = [dirname(file), dirname(target)];
  if (isTemplate && file.startsWith('lib/')) return from === to || (mayImport[from]?.includes(to) ?? false);
  const mayUse = (face: RegExp) => face.test(target);
  if (!isTemplate) return publicFaces.some(([, face]) => mayUse(face));
  const face = publicFaces.find(([who]) => who.test(file))?.[1];
  return face !== undefined && mayUse(face);
}

/** What each file imports, of the repository's own files. */
function graphOf(list: readonly Import[]): ReadonlyMap<string, readonly string[]> {
  const graph = new Map<string, string[]>(sources.map((file) => [file, []]));
  for (const { file, target } of list) if (graph.has(target)) graph.get(file)?.push(target);
  return graph;
}

/** The longest way of imports from a file, itself first. The graph must have no cycle. */
function longestChain(graph: ReadonlyMap<string, readonly string[]>, start: string): readonly string[] {
  const known = new Map<string, readonly string[]>();
  const from = (file: string): readonly string[] => {
    const rest = (graph.get(file) ?? []).filter((next) => next.startsWith('lib/'));
    const chains = rest.map((next) => known.get(next) ?? from(next));
    const chain = [file, ...chains.reduce((best, each) => (each.length > best.length ? each : best), [])];
    known.set(file, chain);
    return chain;
  };
  return from(start);
}

/** Files that import each other in a circle; null: there are none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | null => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return null;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== null) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** Every file that is loaded when `start` is. */
function loadedBy(graph: ReadonlyMap<string, readonly string[]>, start: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const waiting = [start];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    waiting.push(...(graph.get(file) ?? []));
  }
  return loaded;
}

const graph = graphOf(imports);
const loading = graphOf(imports.filter(({ isType }) => !isType));

describe('the import law', () => {
  test('holds for every import', () => {
    expect(imports.length).toBeGreaterThan(300);
    expect(imports.map(faultOf).filter((fault) => fault !== null)).toEqual([]);
  });

  test('names only rooms and packages that are there', () => {
    const rooms = new Set(sources.map((file) => dirname(file)));
    expect(Object.keys(mayImport).filter((room) => !rooms.has(room))).toEqual([]);
    const used = new Set(imports.map(({ target }) => target));
    for (const name of Object.keys(packages))
      expect(
        [...used].some((target) => target === name || target.startsWith(`${name}/`)),
        name,
      ).toBe(true);
  });

  test.each([
    ['lib/core/clock.ts', 'lib/log/event-log.ts'],
    ['lib/core/clock.ts', 'node:fs'],
    ['lib/log/redis/redis-log.ts', 'lib/log/sqlite/database.ts'],
    ['lib/log/redis/redis-log.ts', 'lib/server/tail/tail.ts'],
    ['lib/server/tail/tail.ts', 'lib/server/stream/event-stream.ts'],
    ['lib/server/tail/tail.ts', 'lib/client/connection/reducer.ts'],
    ['lib/server/tail/tail.ts', '@upstash/redis'],
    ['lib/server/tail/tail.ts', 'app/page.tsx'],
    ['lib/server/tail/tail.ts', 'scripts/push.ts'],
    ['lib/client/connection/reducer.ts', 'lib/client/tabs/tab.ts'],
    ['lib/client/connection/reducer.ts', 'react'],
    ['lib/client/feed.ts', 'lib/server/runtime.ts'],
    ['lib/client/feed.ts', 'lib/config/settings.ts'],
    ['lib/client/tabs/share.ts', 'lib/config/access.ts'],
    ['lib/config/public-channels.ts', 'node:crypto'],
    ['lib/config/public-channels.ts', 'lib/user.ts'],
    ['app/page.tsx', 'lib/log/redis/redis-log.ts'],
    ['app/_feed/feed.tsx', 'lib/client/connection/state.ts'],
    ['app/page.tsx', 'left-pad'],
    ['app/api/events/route.ts', 'jose'],
    ['lib/server/tail/tail.ts', 'lib/user.ts'],
    ['app/api/feed-token/route.ts', 'lib/server/http/access.ts'],
    ['lib/user.ts', 'lib/log/redis/redis-log.ts'],
    ['app/orders/actions.ts', 'lib/server/store-events.ts'],
    ['app/orders/wait/route.ts', 'lib/server/stream/feed-reader.ts'],
  ])('%s may not import %s', (file, target) => {
    expect(faultOf({ file, target, isType: false })).toBe(`${file} imports ${target}`);
  });

  test.each([
    ['app/api/feed-token/route.ts', 'jose'],
    ['app/api/feed-token/route.ts', 'lib/user.ts'],
    ['app/orders/page.tsx', 'lib/client/use-feed.ts'],
    ['lib/user.ts', 'node:crypto'],
    ['lib/user.ts', 'left-pad'],
    ['lib/users/session.ts', 'lib/user.ts'],
    ['app/_feed/feed.tsx', 'lib/user.ts'],
    ['lib/config/access.ts', 'lib/user.ts'],
    ['app/orders/actions.ts', 'lib/server/publish.ts'],
    ['app/orders/wait/route.ts', 'lib/server/read-feed.ts'],
    ['lib/orders.ts', 'lib/server/publish.ts'],
  ])('an app made from the template may let %s import %s', (file, target) => {
    expect(faultOf({ file, target, isType: false })).toBeNull();
  });

  test('there are no import cycles', () => {
    expect(findCycle(graph)).toBeNull();
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
  });

  test('the client loads neither schemas nor the rules of access, which may import a database', () => {
    const loaded = loadedBy(loading, 'lib/client/use-feed.ts');
    expect(loaded).toContain('lib/config/public-channels.ts');
    for (const file of ['event-types', 'access', 'settings'])
      expect(loaded).not.toContain(`lib/config/${file}.ts`);
  });
});

describe('the size of the house', () => {
  const folders = Map.groupBy(sources, (file) => dirname(file));

  test('a folder of lib holds at most 12 code files, and app/_feed at most 20', () => {
    const sizes = [...folders].map(([folder, files]) => ({ folder, files: files.length }));
    console.table(sizes);
    const limitOf = (folder: string) => (folder === 'app/_feed' ? 20 : 12);
    expect(sizes.filter(({ folder, files }) => files > limitOf(folder))).toEqual([]);
  });

  test.each([
    ['lib/client/feed.ts', 8],
    ['lib/server/http/stream-route.ts', 10],
    ['lib/server/http/events-route.ts', 10],
  ])('the longest chain of imports from %s has at most %i files', (start, limit) => {
    const chain = longestChain(loading, start);
    console.log(`${chain.length} files: ${chain.join(' → ')}`);
    expect(chain.length).toBeLessThanOrEqual(limit);
  });
});

type Step = {
  readonly file: string;
  /** Files that help this one: the indented ones. */
  readonly helpers: readonly string[];
};

/** The stories of the document, by their headings. */
function storiesOf(doc: string): [name: string, steps: readonly Step[]][] {
  const chapter = /^## The stories$([\s\S]*?)^## /m.exec(doc)?.[1] ?? '';
  return chapter
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [name = '', ...lines] = part.split('\n');
      return [name, lines.reduce(addStep, [])];
    });
}

function addStep(steps: readonly Step[], line: string): readonly Step[] {
  const [, step] = /^\d+\. `([^`]+)`: /.exec(line) ?? [];
  if (step !== undefined) return [...steps, { file: step, helpers: [] }];
  const [, helper] = /^ {3}- `([^`]+)`: /.exec(line) ?? [];
  const last = steps.at(-1);
  if (helper === undefined || last === undefined) return steps;
  return [...steps.slice(0, -1), { ...last, helpers: [...last.helpers, helper] }];
}

function areNeighbours(one: string, other: string): boolean {
  return (graph.get(one)?.includes(other) || graph.get(other)?.includes(one)) ?? false;
}

describe('docs/architecture.md', () => {
  const doc = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const stories = storiesOf(doc);

  test('tells four stories', () => {
    const names = stories.map(([name]) => name.replace(/:.*/, ''));
    expect([...new Set(names)]).toEqual([
      'Publish → page',
      'Cursor → first frame',
      'Deadline → handover',
      'Fall → climb back',
    ]);
    const files = (name: string) =>
      new Set(
        stories
          .filter(([each]) => each.startsWith(name))
          .flatMap(([, steps]) => steps.flatMap(({ file, helpers }) => [file, ...helpers])),
      );
    for (const name of new Set(names)) console.log(`${name}: ${files(name).size} files`);
    expect(files('Publish').size).toBeLessThanOrEqual(45);
    expect(files('Publish → page: the client').size).toBeLessThanOrEqual(12);
  });

  test.each(stories)('%s: each file is there, and is tied to its neighbours by an import', (_, steps) => {
    expect(steps.length).toBeGreaterThan(2);
    const files = steps.flatMap(({ file, helpers }) => [file, ...helpers]);
    expect(files.length).toBeLessThanOrEqual(12);
    expect(new Set(files).size).toBe(files.length);
    expect(files.filter((file) => !graph.has(file))).toEqual([]);
    const strangers = steps.filter(({ file }, index) => {
      const before = steps[index - 1];
      return before !== undefined && !areNeighbours(before.file, file);
    });
    expect(strangers).toEqual([]);
    const lost = steps.flatMap(({ file, helpers }) =>
      helpers.filter((helper) => !areNeighbours(file, helper)),
    );
    expect(lost).toEqual([]);
  });

  test('names every room of app and lib', () => {
    const chapter = /^## The folders$([\s\S]*?)^## /m.exec(doc)?.[1] ?? '';
    const named = [...chapter.matchAll(/^\| `((?:app|lib)[^`]*)` \|/gm)].map(([, room]) => room);
    const rooms = sources.map((file) => dirname(file).replace(/^(app\/api|app\/status)\/.*/, '$1'));
    expect(named.sort()).toEqual([...new Set(rooms)].filter((room) => room !== '.').sort());
  });
});
