import { globSync, readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { RouteConfig } from './platform-routes.ts';

/** A static file. */
export type StaticFile = {
  send(response: ServerResponse, status: number, headers: OutgoingHttpHeaders): void;
};

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'application/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The files of `folder`. The key is the path at which they are served, for example `/icon.svg`. */
export function readStaticFiles(
  folder: string,
  { overrides = {} }: RouteConfig,
): ReadonlyMap<string, StaticFile> {
  const entries = globSync('**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      const { path, contentType } = overrides[file.slice(folder.length + 1)] ?? {};
      const type = contentType ?? types[extname(file)] ?? 'application/octet-stream';
      const send: StaticFile['send'] = (response, status, headers) =>
        void response.writeHead(status, { 'content-type': type, ...headers }).end(readFileSync(file));
      return [path === undefined ? file.slice(folder.length) : `/${path}`, { send }];
    }),
  );
}
