import { createReadStream, fstatSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { FeedError } from '../../lib/core/feed-error.ts';

export type PushInput = {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Whether lines come over time, from a pipe or a person, rather than all at once from a file. */
  readonly isLive: boolean;
};

/**
 * Opens a file, or standard input for null. When `signal` aborts, the input ends as if it were at its end.
 * @throws FeedError `not-found`; later, while reading, `bad-request`.
 */
export function openInput(file: string | null, signal: AbortSignal): PushInput {
  if (file === null) {
    return { chunks: readAll(process.stdin, 'standard input', signal), isLive: !fstatSync(0).isFile() };
  }
  try {
    const isLive = !statSync(file).isFile();
    return { chunks: readAll(createReadStream(file), file, signal), isLive };
  } catch (cause) {
    throw new FeedError('not-found', `--file: ${file} cannot be read (${codeOf(cause)})`, { cause });
  }
}

async function* readAll(stream: Readable, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = () => stream.destroy();
  signal.addEventListener('abort', end);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (signal.aborted) return;
    throw new FeedError('bad-request', `${name} cannot be read on (${codeOf(cause)})`, { cause });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
