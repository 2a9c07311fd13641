import type { Tool } from './tool.ts';

/** What decides how programs are installed. */
export type Machine = {
  /** As `process.platform`. */
  readonly platform: string;
  /** `ID` of `/etc/os-release`; null where there is none. */
  readonly distribution: string | null;
  readonly isRoot: boolean;
};

export type Install =
  /** May be done here and now. */
  | { readonly kind: 'run'; readonly command: string }
  /** Is for the person at the machine to do. */
  | { readonly kind: 'tell'; readonly command: string };

/** How the missing tools, at least one, come onto a machine. */
export function planInstall(missing: readonly Tool[], machine: Machine): Install {
  const { platform, distribution, isRoot } = machine;
  if (platform === 'darwin') {
    return { kind: 'tell', command: `brew install ${missing.map((tool) => tool.homebrew).join(' ')}` };
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

/** Browsers come as snaps there: their packages are empty ones, or none. By Debian's name of the package. */
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
