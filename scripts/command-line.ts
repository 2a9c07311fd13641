import { existsSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FeedError } from '../lib/core/feed-error.ts';
import { escapeControlCharacters, excerpt } from '../lib/core/safe-text.ts';

/** Loads the app's settings as Next does: first the environment, then `.env.local`, then `.env`. The first one wins. */
export function loadEnvironment(): void {
  for (const file of ['.env.local', '.env']) {
    if (existsSync(file)) process.loadEnvFile(file);
  }
}

/** Parses a command's options with Node's `parseArgs`. @throws FeedError `bad-request`, naming the wrong option. */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
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
