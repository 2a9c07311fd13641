import { createHash, timingSafeEqual } from 'node:crypto';
import { FeedError } from '../core/feed-error.ts';
import { bearerOf } from './bearer.ts';
import type { Settings } from './settings.ts';

/**
 * Checks that a request may publish: it carries the publish token or the one before it, or none is set and this is no
 * production.
 * @throws FeedError `publishing-off`, or `unauthorized`.
 */
export function checkPublishAccess(
  request: Request,
  {
    publishToken,
    previousPublishToken,
    isProduction,
  }: Pick<Settings, 'publishToken' | 'previousPublishToken' | 'isProduction'>,
): void {
  if (publishToken === null) {
    if (!isProduction) return;
    throw new FeedError(
      'publishing-off',
      'publishing is off until the variable PUBLISH_TOKEN is set on the server',
    );
  }
  const token = bearerOf(request);
  if (token !== null && isOneOf(token, [publishToken, previousPublishToken ?? publishToken])) return;
  throw new FeedError('unauthorized', 'publishing needs the header Authorization: Bearer <PUBLISH_TOKEN>');
}

/** Compares with each, in constant time; hashes first, so that lengths do not show either. */
function isOneOf(token: string, allowed: readonly string[]): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return allowed.filter((each) => timingSafeEqual(hash(token), hash(each))).length > 0;
}
