import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appSources, buildSecrets } from '../../../scripts/build-app.ts';
import { root } from '../root.ts';
import { linkFolder } from './link-folder.ts';
import { checkNoSecret } from './secrets.ts';

/** The platform's own command. It is no dependency of the template: `npx` brings it, and keeps it. */
export const vercelCommand = 'vercel@60.1.3';

/** What the platform is given of the checkout. */
export const deployedSources = [...appSources, 'vercel.json'];

/** A project that nobody has made: enough to build. Its packages are there already. */
const project = {
  projectId: 'none',
  orgId: 'none',
  settings: { framework: 'nextjs', installCommand: 'true', nodeVersion: '24.x' },
};

/**
 * Builds a copy of this checkout in `folder`, which is made, as the platform would; what it would deploy is in
 * `.vercel/output` then. It takes about 10 s, and half a minute more where the command has yet to be brought.
 * @throws Error with what the command printed, when it fails or cannot be had.
 */
export async function vercelBuild(folder: string): Promise<void> {
  mkdirSync(join(folder, '.vercel'), { recursive: true });
  for (const source of deployedSources) cpSync(join(root, source), join(folder, source), { recursive: true });
  linkFolder(join(root, 'node_modules'), join(folder, 'node_modules'), ['.cache']);
  writeFileSync(join(folder, '.vercel/project.json'), JSON.stringify(project));
  const args = ['--yes', '--prefer-offline', vercelCommand, 'build', '--yes', '--token', 'none'];
  const child = spawn('npx', args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      // How npm reaches its registry is this machine's.
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
