import { hash, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../config/settings.ts';
import { FeedError } from '../core/feed-error.ts';
import { bearerOf } from './bearer.ts';
import { isOwnSite } from './own-site.ts';

/**
 * Checks that a request may publish: it carries the publish token or the one before it, or none is set and this is no
 * production, where only what is on this site may.
 * @throws FeedError `publishing-off`, `forbidden`, or `unauthorized`.
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
    if (isProduction) throw publishingOff();
    checkOwnSite(request);
    return;
  }
  const token = bearerOf(request);
  if (token !== null && isEither(token, publishToken, previousPublishToken)) return;
  throw new FeedError('unauthorized', 'publishing needs the header Authorization: Bearer <PUBLISH_TOKEN>');
}

function publishingOff(): FeedError {
  return new FeedError(
    'publishing-off',
    'publishing is off until the variable PUBLISH_TOKEN is set on the server',
  );
}

/** Without a token a browser would publish for any page that it shows. */
function checkOwnSite(request: Request): void {
  if (isOwnSite(request.headers)) return;
  throw new FeedError(
    'forbidden',
    'without a PUBLISH_TOKEN only this site’s own pages and programs on it may publish, at localhost or an address; set one to publish from elsewhere',
  );
}

/** Compares with both, where there are two, in constant time; digests first, so that lengths do not show either. */
function isEither(token: string, newest: string, previous: string | null): boolean {
  const given = digest(token);
  const isNewest = timingSafeEqual(given, digest(newest));
  const isPrevious = previous !== null && timingSafeEqual(given, digest(previous));
  return isNewest || isPrevious;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
