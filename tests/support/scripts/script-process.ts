import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildSecrets } from '../../../scripts/build-app.ts';
import { appFolder } from '../root.ts';

/** A script of the repository, in a process of its own. */
export type ScriptProcess = {
  readonly child: ChildProcess;
  /** Its output so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Its exit code, when it has ended. Rejects if its output has a secret of its settings. */
  readonly code: Promise<number | null>;
};

const running = new Set<ChildProcess>();

/**
 * Runs `node scripts/<name>.ts` in the repository's folder, or in `cwd`. Its environment has no setting of the app except
 * those in `env`.
 * @param name a script's name, or the path of a file in the repository: `tests/proof/bench.ts`.
 */
export function runScript(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd = appFolder,
): ScriptProcess {
  const { PATH, HOME } = process.env;
  const file = name.endsWith('.ts') ? name : `scripts/${name}.ts`;
  const child = spawn(process.execPath, [join(appFolder, file), ...args], {
    cwd,
    env: { NODE_ENV: 'production', PATH, HOME, ...env },
  });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  // A script that ends early closes its input. The error of a later write does not matter here.
  child.stdin.on('error', () => undefined);
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('close', (exitCode) => {
      running.delete(child);
      const leaked = findSecret(env, out + err);
      if (leaked === null) resolve(exitCode);
      else reject(new Error(`${name} printed the value of ${leaked}: ${out}${err}`));
    });
  });
  return { child, out: () => out, err: () => err, code };
}

/** The name of the secret setting whose value is in `text`; null: none. A short value may be part of another word. */
function findSecret(env: Readonly<Record<string, string>>, text: string): string | null {
  const names = Object.keys(buildSecrets).filter((name) => (env[name] ?? '').length > 5);
  return names.find((name) => text.includes(env[name] ?? '')) ?? null;
}

/** Kills every script that still runs. For `afterEach`. */
export function endScripts(): void {
  for (const child of running) child.kill('SIGKILL');
}
