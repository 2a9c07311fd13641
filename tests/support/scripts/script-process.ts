import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildSecrets } from '../../../scripts/build-app.ts';
import { root } from '../root.ts';

/** A script of the repository that runs as its own process. */
export type ScriptProcess = {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Its exit code, once it has ended. Rejects where it has written a secret of its settings. */
  readonly code: Promise<number | null>;
};

const running = new Set<ChildProcess>();

/**
 * Runs `node scripts/<name>.ts` in the repository's folder or another. The environment holds no setting of the app
 * except `env`.
 * @param name of a script, or the path of a file in the repository: `tests/proof/bench.ts`.
 */
export function runScript(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd = root,
): ScriptProcess {
  const { PATH, HOME } = process.env;
  const file = name.endsWith('.ts') ? name : `scripts/${name}.ts`;
  const child = spawn(process.execPath, [join(root, file), ...args], {
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
  // A script that ends early closes its input; whoever still writes is told so by an error that means nothing here.
  child.stdin.on('error', () => undefined);
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('close', (exitCode) => {
      running.delete(child);
      const told = toldSecret(env, out + err);
      if (told === null) resolve(exitCode);
      else reject(new Error(`${name} told ${told}: ${out}${err}`));
    });
  });
  return { child, out: () => out, err: () => err, code };
}

/** The secret setting that a text holds; null: none. A shorter one may be part of another word. */
function toldSecret(env: Readonly<Record<string, string>>, text: string): string | null {
  const names = Object.keys(buildSecrets).filter((name) => (env[name] ?? '').length > 5);
  return names.find((name) => text.includes(env[name] ?? '')) ?? null;
}

/** Ends every script that still runs; for `afterEach`. */
export function endScripts(): void {
  for (const child of running) child.kill('SIGKILL');
}
