import { createRequire } from 'node:module';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FeedError } from '../lib/core/feed-error.ts';
import { escapeControlCharacters, excerpt } from '../lib/core/safe-text.ts';

/** The part of `@next/env` that is used here. Only Next depends on that package, so its types may be out of reach. */
type EnvironmentLoader = {
  loadEnvConfig(folder: string, isDevelopment: boolean, log: Pick<Console, 'info' | 'error'>): unknown;
};

/**
 * Loads the app's settings from `.env.local` and the other files into the environment, by Next's own loader: as `next start`
 * reads them if NODE_ENV is `production`, else as `next dev` does. A variable that is set already keeps its value.
 */
export function loadEnvironment(): void {
  const { resolve } = createRequire(import.meta.url);
  const requireAsNext = createRequire(resolve('next/package.json'));
  const { loadEnvConfig } = requireAsNext('@next/env') as EnvironmentLoader;
  const log = { info: () => undefined, error: console.error };
  loadEnvConfig(process.cwd(), process.env.NODE_ENV !== 'production', log);
}

/**
 * The arguments of this command. pnpm and Yarn 2 pass on the `--` of `pnpm run push -- hello`, which the others drop.
 * @param env the environment, in which a package manager names itself.
 */
export function commandArguments(
  argv: readonly string[] = process.argv,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const [, , ...args] = argv;
  const isPassedOn = /^(pnpm\/|yarn\/(?!1\.))/.test(env.npm_config_user_agent ?? '');
  return isPassedOn && args[0] === '--' ? args.slice(1) : args;
}

/** Parses a command's options with Node's `parseArgs`. @throws FeedError `bad-request`, naming the wrong option. */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs({ ...config, args: commandArguments() } as T);
  } catch (cause) {
    // Node adds a hint about arguments that begin with "-". It hides the reason.
    const [reason = ''] = messageOf(cause).split('. To specify a positional');
    throw new FeedError('bad-request', `${reason}. Use --help to see the options.`, { cause });
  }
}

/** Reads an option that is a whole number. @throws FeedError `bad-request`, naming the option and its range. */
export function readWholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError(
    'bad-request',
    `${option}: "${excerpt(text)}" is not a whole number from ${min} to ${max}.`,
  );
}

/** Reads an option that is one of a few words. @throws FeedError `bad-request`, naming the option and the words. */
export function readChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new FeedError('bad-request', `${option}: "${excerpt(text)}" is not one of: ${choices.join(', ')}.`);
}

/** Prints to stderr why a command failed: `push: …`. Escapes what a server or a file could send to the terminal. */
export function printFailure(command: string, cause: unknown): void {
  const lines = messageOf(cause).split('\n').map(escapeControlCharacters);
  process.stderr.write(`${command}: ${lines.join('\n')}\n`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
