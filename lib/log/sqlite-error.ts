import { FeedError } from '../core/feed-error.ts';

/** What SQLite's primary result codes mean here, in our own words (https://sqlite.org/rescode.html). */
const words: Readonly<Record<number, string>> = {
  1: 'its file holds something else',
  5: 'its file is locked by another process',
  6: 'its file is locked by another process',
  8: 'its file is read-only',
  10: 'its file cannot be read or written',
  11: 'its file is damaged',
  13: 'the disk is full',
  14: 'its file cannot be opened',
  26: 'its file is not a database',
};

/** The driver's error as one of ours; the driver's own text stays in the cause. */
export function toLogUnavailable(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  const what = words[resultCode(cause) ?? 0] ?? 'it failed';
  return new FeedError('log-unavailable', `embedded log: ${what}`, { cause });
}

/**
 * The driver's error as one that names the setting. A lock passes by itself, so it is `log-unavailable`;
 * everything else needs a hand and is `misconfigured`.
 */
export function toCannotOpen(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  const code = resultCode(cause) ?? 14;
  if (code === 5 || code === 6) return toLogUnavailable(cause);
  return new FeedError(
    'misconfigured',
    `FEED_DB: the embedded log cannot start: ${words[code] ?? 'it failed'}; allowed is the path of a file of this feed, in a folder this process may write, or :memory:`,
    { cause },
  );
}

/** The primary result code, without the extension in its upper bits; null for errors that are not SQLite's. */
function resultCode(cause: unknown): number | null {
  const code = cause instanceof Error && 'errcode' in cause ? cause.errcode : null;
  return typeof code === 'number' ? code & 0xff : null;
}
