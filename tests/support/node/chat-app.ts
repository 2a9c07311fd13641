import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readChatRecipe } from '../docs/next-recipes.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { type AppCopy, copyAppToBuild } from './built-copy.ts';

/** The packages that the chat's reader installs. None of them is a dependency of the template. */
const packages = ['ai@7.0.173', '@ai-sdk/react@4.0.177'];

/**
 * Copies the app with the recipe of the chat, and installs its packages.
 * @param files more files: their paths and texts.
 * @param more packages to install beside.
 */
export async function copyChatApp(
  files: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): Promise<AppCopy> {
  using installed = makeTemporaryFolder();
  writeFileSync(join(installed.path, 'package.json'), '{ "private": true }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await promisify(execFile)('npm', [...install, ...packages, ...more], { cwd: installed.path });
  const copy = copyAppToBuild({ ...readChatRecipe(), ...files });
  addPackages(join(installed.path, 'node_modules'), join(copy.folder, 'node_modules'));
  return copy;
}

/** Copies the packages that the app does not have. */
function addPackages(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (name.startsWith('.')) continue;
    if (name.startsWith('@') && existsSync(target)) addPackages(source, target);
    else if (!existsSync(target)) cpSync(source, target, { recursive: true });
  }
}
