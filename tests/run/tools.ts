import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program of the machine that tests run. */
export type Tool = {
  /** Its names. One of them is enough. */
  readonly commands: readonly string[];
  /** Its package in Debian, and in Homebrew; null: Homebrew has none. */
  readonly debian: string;
  readonly homebrew: string | null;
};

export const redisServer: Tool = { commands: ['redis-server'], debian: 'redis-server', homebrew: 'redis' };
export const nginx: Tool = { commands: ['nginx'], debian: 'nginx', homebrew: 'nginx' };
export const haproxy: Tool = { commands: ['haproxy'], debian: 'haproxy', homebrew: 'haproxy' };
export const caddy: Tool = { commands: ['caddy'], debian: 'caddy', homebrew: 'caddy' };
export const varnish: Tool = { commands: ['varnishd'], debian: 'varnish', homebrew: 'varnish' };
export const squid: Tool = { commands: ['squid'], debian: 'squid', homebrew: 'squid' };
export const apache: Tool = { commands: ['apache2'], debian: 'apache2', homebrew: 'httpd' };
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
/** The driver of WebKitGTK brings its browser with it. */
export const webkit: Tool = {
  commands: ['WebKitWebDriver'],
  debian: 'webkit2gtk-driver',
  homebrew: null,
};
/** A screen in memory, for a browser that has no headless mode. */
export const xvfb: Tool = { commands: ['Xvfb'], debian: 'xvfb', homebrew: null };
export const curl: Tool = { commands: ['curl'], debian: 'curl', homebrew: 'curl' };
export const python: Tool = { commands: ['python3'], debian: 'python3', homebrew: 'python' };
/** With the standard library: about 450 MB on disk. */
export const go: Tool = { commands: ['go'], debian: 'golang-go', homebrew: 'go' };

/** The search path of the tests. Servers are in folders that only root has on its path. */
export function searchPath(path: string | undefined): string {
  return [path, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);
}

/** The tools that are in no folder of `path`. */
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
    // Missing and not executable are the same here: the tests cannot run it.
    return false;
  }
}

/** The facts that decide how a program is installed. */
export type Machine = {
  /** As `process.platform`. */
  readonly platform: string;
  /** `ID` of `/etc/os-release`; null where there is none. */
  readonly distribution: string | null;
  readonly isRoot: boolean;
};

export type Install =
  /** The test command may run it. */
  | { readonly kind: 'run'; readonly command: string }
  /** The person at the machine must run it. */
  | { readonly kind: 'tell'; readonly command: string };

/** The command that installs the missing tools (at least one) on a machine. */
export function planInstall(missing: readonly Tool[], machine: Machine): Install {
  const { platform, distribution, isRoot } = machine;
  if (platform === 'darwin') {
    const packages = missing.flatMap((tool) => tool.homebrew ?? []);
    return { kind: 'tell', command: `brew install ${packages.join(' ')}` };
  }
  const sudo = isRoot ? '' : 'sudo ';
  const packages = missing.map((tool) => tool.debian);
  const apt = `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends`;
  switch (distribution) {
    case 'debian':
      return { kind: isRoot ? 'run' : 'tell', command: `${apt} ${packages.join(' ')}` };
    case 'ubuntu':
      return { kind: 'tell', command: ubuntu(packages, apt, sudo) };
    default: {
      const names = missing.map((tool) => tool.commands.join(' or '));
      return { kind: 'tell', command: `(install with this system's package manager: ${names.join(', ')})` };
    }
  }
}

/** Browsers that Ubuntu ships as snaps, by the name of Debian's package. Ubuntu's own packages of them are empty. */
const snaps: ReadonlyMap<string, string> = new Map([
  ['chromium', 'chromium'],
  ['firefox-esr', 'firefox'],
]);

function ubuntu(packages: readonly string[], apt: string, sudo: string): string {
  const others = packages.filter((name) => !snaps.has(name));
  const browsers = packages.flatMap((name) => snaps.get(name) ?? []);
  const commands = [
    ...(others.length > 0 ? [`${apt} ${others.join(' ')}`] : []),
    ...(browsers.length > 0 ? [`${sudo}snap install ${browsers.join(' ')}`] : []),
  ];
  return commands.join(' && ');
}

/** `ID` of an `/etc/os-release`, as freedesktop.org describes it; null when it has none. */
export function readDistribution(osRelease: string): string | null {
  return /^ID="?([a-z0-9._-]+)"?$/m.exec(osRelease)?.[1] ?? null;
}
