import { existsSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FeedError } from '../lib/core/feed-error.ts';
import { escapeControlCharacters, excerpt } from '../lib/core/safe-text.ts';

/** Reads the app's settings as Next does: the environment wins, then `.env.local`, then `.env`. */
export function loadEnvironment(): void {
  for (const file of ['.env.local', '.env']) {
    if (existsSync(file)) process.loadEnvFile(file);
  }
}

/** Reads the options of a command, as Node's `parseArgs` does. @throws FeedError `bad-request`, naming the option. */
export function parseOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    // Node adds advice about arguments that begin with "-", which hides its reason.
    const [reason = ''] = messageOf(cause).split('. To specify a positional');
    throw new FeedError('bad-request', `${reason}; --help lists the options`, { cause });
  }
}

/** @throws FeedError `bad-request`, naming the option and the range. */
export function readWholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError(
    'bad-request',
    `${option}: "${excerpt(text)}"; allowed is a whole number from ${min} to ${max}`,
  );
}

/** Reports on stderr why a command failed: `push: …`. */
export function printFailure(command: string, cause: unknown): void {
  // The reason may quote a server, a file or an argument.
  const lines = messageOf(cause).split('\n').map(escapeControlCharacters);
  process.stderr.write(`${command}: ${lines.join('\n')}\n`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
