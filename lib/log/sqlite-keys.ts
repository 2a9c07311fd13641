import { type EventId, formatEventId, parseEventId } from '../core/event-id.ts';
import { FeedError } from '../core/feed-error.ts';
import { type AppendAnswer, type AppendRequest, keyLifeMs } from './event-log.ts';
import type { SqliteStatements } from './sqlite-statements.ts';

type Key = NonNullable<AppendRequest['key']>;

/** The most requests forgotten by one append: more than it remembers, so that old ones never pile up. */
const forgetAtMost = 20;

/**
 * The first answer to a request with this key; null when the key is new, or was forgotten.
 * @throws FeedError `key-reused` when the key was used for other events.
 */
export function findFirstAnswer(statements: SqliteStatements, key: Key, nowMs: number): AppendAnswer | null {
  const row = statements.findRequest.get(key.name, nowMs);
  if (row === undefined) return null;
  if (row.fingerprint !== key.fingerprint) {
    throw new FeedError(
      'key-reused',
      'idempotency key: it was used within 24 h for other events; allowed is a new key, or the same events',
    );
  }
  const ids = String(row.ids).split(',');
  return { ids: ids.map((id) => parseEventId(id, 'request record')), duplicate: true };
}

/** Remembers a request for 24 h, and forgets some whose time is up. */
export function rememberAnswer(
  statements: SqliteStatements,
  key: Key,
  ids: readonly EventId[],
  nowMs: number,
): void {
  statements.forgetRequests.run(nowMs, forgetAtMost);
  const text = ids.map(formatEventId).join(',');
  statements.rememberRequest.run(key.name, key.fingerprint, text, nowMs + keyLifeMs);
}
