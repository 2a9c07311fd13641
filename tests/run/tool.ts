import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program of the machine that suites run. */
export type Tool = {
  /** Its names; one of them is enough. */
  readonly commands: readonly string[];
  /** Its package in Debian, and in Homebrew. */
  readonly debian: string;
  readonly homebrew: string;
};

export const redisServer: Tool = { commands: ['redis-server'], debian: 'redis-server', homebrew: 'redis' };
export const nginx: Tool = { commands: ['nginx'], debian: 'nginx', homebrew: 'nginx' };
export const chromium: Tool = {
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  debian: 'chromium',
  homebrew: 'chromium',
};
export const firefox: Tool = {
  commands: ['firefox-esr', 'firefox'],
  debian: 'firefox-esr',
  homebrew: 'firefox',
};
export const curl: Tool = { commands: ['curl'], debian: 'curl', homebrew: 'curl' };
export const python: Tool = { commands: ['python3'], debian: 'python3', homebrew: 'python' };

/** The search path of the suites: servers stand in folders that only root has on its path. */
export function searchPath(path: string | undefined): string {
  return [path, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
}

/** Those of `tools` that are nowhere on `path`. */
export function findMissing(tools: readonly Tool[], path: string): Tool[] {
  const folders = path.split(delimiter);
  const isHere = (command: string) => folders.some((folder) => isExecutable(join(folder, command)));
  return tools.filter((tool) => !tool.commands.some(isHere));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not to be run: the same to whoever looks for it.
    return false;
  }
}
