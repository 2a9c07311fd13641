import { FeedError } from '../../core/feed-error.ts';

/**
 * How long a step waits while another process has locked the file, in ms. The longest lock of a healthy writer is one
 * append or one checkpoint; a backup or a repair can take longer.
 */
export const lockPatienceMs = 2_000;

const lockedReason = `another process has locked its file for more than ${lockPatienceMs / 1_000} s. Try again.`;

/** What SQLite's primary result codes mean here, and what to do (https://sqlite.org/rescode.html). */
const reasons: Readonly<Record<number, string>> = {
  1: 'its file is not a database of this feed.',
  5: lockedReason,
  6: lockedReason,
  8: 'its file is read-only. Allow this process to write it.',
  10: 'its file cannot be read or written. Check the disk.',
  11: 'its file is damaged. Restore a backup, or delete the file to start with an empty feed.',
  13: 'the disk is full. Free some space.',
  14: 'its file cannot be opened.',
  26: 'its file is not an SQLite database.',
};

const unknownReason = 'SQLite reported an error.';

/** Turns the driver's error into a FeedError; the driver's own text is only in its cause. */
export function toLogError(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  return unavailable(reasons[resultCode(cause) ?? 0] ?? unknownReason, cause);
}

/** Whether another process has locked what the step needs, so that the same step can succeed later. */
export function isLocked(error: unknown): boolean {
  const code = resultCode(error instanceof FeedError ? error.cause : error);
  return code === 5 || code === 6;
}

/** Makes the error for an embedded log that failed. @param reason what happened, and what to do. */
export function unavailable(reason: string, cause?: unknown): FeedError {
  return new FeedError(
    'log-unavailable',
    `The embedded log failed: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * Turns an error at opening into a FeedError that names the setting. A lock goes away by itself, so it gives
 * `log-unavailable`; for everything else somebody must act, so it gives `misconfigured`.
 */
export function toOpenError(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  if (isLocked(cause)) return toLogError(cause);
  const code = resultCode(cause) ?? 14;
  return new FeedError(
    'misconfigured',
    `FEED_DB: The embedded log cannot start: ${reasons[code] ?? unknownReason} Set FEED_DB to the path of a feed's file in a folder that this process may write, or to :memory:.`,
    { cause },
  );
}

/** The primary result code, without the extension in its upper bits; null for an error that is not from SQLite. */
function resultCode(cause: unknown): number | null {
  const code = cause instanceof Error && 'errcode' in cause ? cause.errcode : null;
  return typeof code === 'number' ? code & 0xff : null;
}
