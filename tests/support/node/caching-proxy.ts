import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { findFreePort } from '../../../scripts/free-port.ts';
import { searchPath } from '../../run/tools.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { eventually } from './eventually.ts';

/** One request to the proxy, from its access log. */
export type ProxiedRequest = {
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  /** Whether it caused a request to the origin, also one after its own answer. */
  readonly reachedOrigin: boolean;
};

/** A real shared cache (nginx) in front of an origin. It ends with its scope (`await using`). */
export type CachingProxy = AsyncDisposable & {
  readonly url: string;
  /** All answered requests so far, in order. */
  requests(): Promise<readonly ProxiedRequest[]>;
};

/** A path that the proxy answers itself. */
const markPath = '/proxy-mark';

const running = new Set<ChildProcess>();
const endRunning = () => {
  // The master process of nginx ends its workers.
  for (const child of running) child.kill('SIGTERM');
};
afterAll(endRunning);
process.on('exit', endRunning);

/**
 * Starts nginx in front of `target`, with its cache, log and temporary files in its own folder. It stores what
 * `Cache-Control` allows a shared cache to store. The cache key is path and query only: an answer that depends on a
 * token must forbid the cache. As CDNs do, it serves an expired answer once more while it fetches a new one.
 * @throws Error with the output of nginx if it does not start.
 */
export async function startCachingProxy(target: { readonly port: number }): Promise<CachingProxy> {
  const folder = makeTemporaryFolder();
  const port = await findFreePort(0);
  const config = join(folder.path, 'nginx.conf');
  writeFileSync(config, configuration(folder.path, port, target.port));
  const child = spawn('nginx', ['-p', folder.path, '-c', config, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: searchPath(process.env.PATH) },
  });
  running.add(child);
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (printed += text));
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => (printed += error.message));
    child.once('close', () => {
      hasEnded = true;
      resolve();
    });
  });
  const end = async () => {
    child.kill('SIGTERM');
    await ended;
    running.delete(child);
    folder[Symbol.dispose]();
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await eventually('nginx listens', 30_000, () => {
      if (hasEnded) throw new Error('nginx ended before it listened');
      return isListening(url);
    });
  } catch (error) {
    await end();
    throw new Error(`nginx did not start; it printed: ${printed}`, { cause: error });
  }
  return {
    url,
    requests: () => readLog(url, join(folder.path, 'access.log')),
    [Symbol.asyncDispose]: end,
  };
}

async function isListening(url: string): Promise<boolean> {
  try {
    await fetch(`${url}${markPath}`);
    return true;
  } catch {
    // It does not listen yet.
    return false;
  }
}

function configuration(folder: string, port: number, originPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // As root, nginx would run its workers as another user, who may not read the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `
daemon off;
${user}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  log_format asked '$upstream_status $status $request_uri';
  proxy_cache_path ${folder}/cache keys_zone=shared:1m use_temp_path=off;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port};
    access_log ${folder}/access.log asked;
    log_subrequest on;
    location = ${markPath} { return 204; }
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_cache shared;
      proxy_cache_key $request_uri;
      proxy_cache_lock on;
      proxy_cache_revalidate on;
      proxy_cache_use_stale updating;
      proxy_cache_background_update on;
    }
  }
}
`;
}

/** Requests a mark and reads the log up to it: nginx writes the lines in order, a moment after each answer. */
async function readLog(url: string, file: string): Promise<readonly ProxiedRequest[]> {
  const mark = `${markPath}?${randomUUID()}`;
  await fetch(`${url}${mark}`);
  const lines = await eventually('the log holds the mark', 30_000, () => {
    const all = readFileSync(file, 'utf8').split('\n');
    return all.some((line) => line.endsWith(mark)) && all;
  });
  return lines
    .filter((line) => line !== '' && !line.includes(markPath))
    .map((line) => {
      const [upstreamStatus, status, path = ''] = line.split(' ');
      return { path, status: Number(status), reachedOrigin: upstreamStatus !== '-' };
    });
}
