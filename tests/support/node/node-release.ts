import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Downloads the newest release of a major version of Node from npm's registry. @returns the path of its program. */
export async function downloadNode(major: number, folder: string): Promise<string> {
  const { platform, arch } = process;
  const name = `node-${platform}-${arch}@${major}`;
  const options = ['--silent', '--prefer-offline', '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', name, ...options], { timeout: 120_000 });
  await run('tar', ['xzf', join(folder, stdout.trim()), '-C', folder, 'package/bin/node']);
  return join(folder, 'package/bin/node');
}
