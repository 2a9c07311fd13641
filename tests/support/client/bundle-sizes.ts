import { SourceMap, type SourceMapPayload } from 'node:module';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** What the client's files do for its reader; a file that is named nowhere fails the measuring. */
const parts: Readonly<Record<string, readonly string[]>> = {
  'ids, cursors, continuity': ['clock', 'continuity', 'cursor', 'event', 'feed-error', 'ids', 'sse-frames'],
  'reading a stream': ['http', 'sse', 'wire'],
  'its parser, a package': ['eventsource-parser'],
  'reading a page': ['page'],
  'each event once, in order': ['messages', 'sequencer'],
  'rules of the connection': [
    'freshness',
    'lifecycle',
    'on-poll',
    'on-stream',
    'reducer',
    'returning',
    'state',
  ],
  'doing what the rules want': [
    'back-pressure',
    'connect-feed',
    'delivery',
    'feed',
    'page-lifecycle',
    'requests',
  ],
  'settings and status': ['public-channels', 'client-timing', 'routes', 'status'],
  'entries held': ['feed-store'],
  history: ['history'],
  'after a reload': ['reader-name', 'saved-place'],
  'tabs: who leads': ['leader-election'],
  'tabs: following the leader': ['following', 'tab', 'tab-message'],
  'tabs: the way to the others': ['share', 'tab-channel', 'tab-group'],
};

/**
 * A part of a bundle, in bytes. `gzip` is what the bundle would lose without it; together that is less than the whole,
 * for what is alike in two parts is packed once.
 */
export type PartSize = { readonly part: string; readonly minified: number; readonly gzip: number };

/** What a client weighs as an app ships it: bundled with all it imports, minified, gzipped. */
export type BundleSizes = {
  readonly code: string;
  /** Files that are in it. */
  readonly files: readonly string[];
  readonly minified: number;
  readonly gzip: number;
  readonly parts: readonly PartSize[];
};

/** The whole client, and what an app ships that calls `createFeed` without a share: the room `tabs` is left out. */
export const entries = { whole: 'connect-feed.ts', withoutTabs: 'feed.ts' } as const;

/** @throws Error when the client is more than one file to load: then one file's size would not be the client's. */
export async function measureBundle(entry: keyof typeof entries): Promise<BundleSizes> {
  const input = new URL(`../../../lib/client/${entries[entry]}`, import.meta.url).pathname;
  const built = await rolldown({ input, platform: 'browser' });
  const { output } = await built.generate({ minify: true, sourcemap: 'hidden' });
  const [{ code, map, moduleIds }] = output;
  const chunks = output.filter(({ type }) => type === 'chunk').length;
  if (chunks > 1) throw new Error(`the client is ${chunks} files to load: weigh them all`);
  if (map === null) throw new Error('the bundle has no source map');
  const partAt = partsOf(code, new SourceMap(map as unknown as SourceMapPayload));
  const gzip = gzipSync(code).length;
  const weigh = (part: string): PartSize => {
    const rest = [...code].filter((_, at) => partAt[at] !== part).join('');
    return { part, minified: code.length - rest.length, gzip: gzip - gzipSync(rest).length };
  };
  const names = Object.keys(parts).filter((part) => partAt.includes(part));
  return { code, files: moduleIds, minified: code.length, gzip, parts: names.map(weigh) };
}

/** Of each character of the bundle, which part it comes from. */
function partsOf(code: string, map: SourceMap): readonly string[] {
  let line = 0;
  let start = 0;
  return Array.from(code, (character, at) => {
    const entry = map.findEntry(line, at - start);
    if (character === '\n') {
      line += 1;
      start = at + 1;
    }
    return 'originalSource' in entry ? partOf(entry.originalSource) : '';
  });
}

function partOf(file: string): string {
  const packageName = /node_modules\/([^/]+)/.exec(file)?.[1];
  const name = packageName ?? basename(file).replace(/\.\w+$/, '');
  const found = Object.keys(parts).find((part) => parts[part]?.includes(name));
  if (found === undefined) throw new Error(`${file} belongs to no part: name it in bundle-sizes.ts`);
  return found;
}

/** The sizes as Markdown, in KB of 1,024 bytes. */
export function sizesTable(whole: BundleSizes, withoutTabs: BundleSizes): string {
  const row = (...[name, ...sizes]: readonly [string, number, number]) =>
    `| ${name} | ${sizes.map((bytes) => (bytes / 1_024).toFixed(1)).join(' | ')} |`;
  return [
    '| part | minified | gzip |',
    '| --- | --- | --- |',
    ...whole.parts.map((each) => row(each.part, each.minified, each.gzip)),
    row('all', whole.minified, whole.gzip),
    row('all without tabs', withoutTabs.minified, withoutTabs.gzip),
  ].join('\n');
}

if (import.meta.main)
  console.log(sizesTable(await measureBundle('whole'), await measureBundle('withoutTabs')));
