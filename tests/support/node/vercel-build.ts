import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appSources, buildSecrets } from '../../../scripts/build-app.ts';
import { root } from '../root.ts';
import { linkFolder } from './link-folder.ts';
import { checkNoSecret } from './secrets.ts';

/** The platform's own command. It is not a dependency of the template: `npx` downloads it and keeps it. */
export const vercelCommand = 'vercel@60.1.3';

/** The files of the checkout that the platform gets. */
export const deployedSources = [...appSources, 'vercel.json'];

/** A fake project, which is enough for a build. Its packages are already installed. */
const project = {
  projectId: 'none',
  orgId: 'none',
  settings: { framework: 'nextjs', installCommand: 'true', nodeVersion: '24.x' },
};

/**
 * Creates `folder` and builds a copy of this checkout in it, as the platform would. The result is in `.vercel/output`.
 * It takes about 10 s, and half a minute more for the first download of the command.
 * @throws Error with the output of the command if it fails or cannot be downloaded.
 */
export async function vercelBuild(folder: string): Promise<void> {
  for (const source of deployedSources) cpSync(join(root, source), join(folder, source), { recursive: true });
  await runVercelBuild(folder);
}

/** The same for an app whose sources are in `folder` already. It gets the packages of this checkout. */
export async function runVercelBuild(folder: string): Promise<void> {
  mkdirSync(join(folder, '.vercel'), { recursive: true });
  linkFolder(join(root, 'node_modules'), join(folder, 'node_modules'), ['.cache']);
  writeFileSync(join(folder, '.vercel/project.json'), JSON.stringify(project));
  const args = ['--yes', '--prefer-offline', vercelCommand, 'build', '--yes', '--token', 'none'];
  const child = spawn('npx', args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      // The environment of this machine says how npm reaches its registry.
      ...process.env,
      ...buildSecrets,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      VERCEL_TELEMETRY_DISABLED: '1',
      NO_UPDATE_NOTIFIER: '1',
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`npx ${args.join(' ')} failed:\n${printed}`);
  checkNoSecret(printed, 'vercel build');
}
