import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildOnce } from '../build-once.ts';
import type { BenchFolders } from './contestants.ts';

/** The peers that are measured; they are no dependency of the template. */
const peers = { 'better-sse': '0.16.1' } as const;

const plainSource = new URL('servers/plain-next', import.meta.url).pathname;

/**
 * Builds what is measured, and installs the peers, where that has not been done yet.
 * @throws Error with what was printed, when a build or the install fails.
 */
export async function prepare(root: string): Promise<BenchFolders> {
  await buildOnce();
  const plainNext = join(root, '.next/bench-plain-next');
  if (!existsSync(join(plainNext, '.next/BUILD_ID'))) {
    cpSync(plainSource, plainNext, { recursive: true });
    run(process.execPath, [join(root, 'node_modules/next/dist/bin/next'), 'build'], plainNext);
  }
  const installed = join(root, 'node_modules/.cache/steadfeed/bench');
  const wanted = JSON.stringify({ name: 'bench-peers', private: true, dependencies: peers });
  const manifest = join(installed, 'package.json');
  if (!existsSync(manifest) || readFileSync(manifest, 'utf8') !== wanted) {
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'package.json'), wanted);
    run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], installed);
  }
  return { root, plainNext, peers: installed, data: mkdtempSync(join(tmpdir(), 'steadfeed-bench-')) };
}

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1' };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}
