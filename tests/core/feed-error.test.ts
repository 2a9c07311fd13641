import { describe, expect, test } from 'vitest';
import { FeedError, type FeedErrorCode, statusOf } from '../../lib/core/feed-error.ts';

const statuses: readonly (readonly [FeedErrorCode, number])[] = [
  ['bad-request', 400],
  ['unauthorized', 401],
  ['forbidden', 403],
  ['publishing-off', 403],
  ['method-not-allowed', 405],
  ['too-large', 413],
  ['unsupported-media-type', 415],
  ['data-does-not-fit', 422],
  ['key-reused', 422],
  ['rate-limited', 429],
  ['too-many-streams', 503],
  ['log-unavailable', 503],
  ['access-unavailable', 503],
  ['misconfigured', 503],
];

describe('a feed error', () => {
  test.each(statuses)('%s has status %i', (code, status) => {
    expect(statusOf(code)).toBe(status);
  });

  test('keeps its cause out of its message', () => {
    const cause = new Error('secret');
    const error = new FeedError('log-unavailable', 'the log cannot be reached', { cause });

    expect(error.cause).toBe(cause);
    expect(String(error)).toBe('FeedError: the log cannot be reached');
  });

  test('without options has no cause and no retry time', () => {
    const error = new FeedError('bad-request', 'no');

    expect(error).toMatchObject({ code: 'bad-request', retryAfterSeconds: null });
    expect('cause' in error).toBe(false);
  });

  test('says when to try again', () => {
    expect(new FeedError('rate-limited', 'wait', { retryAfterSeconds: 7 }).retryAfterSeconds).toBe(7);
  });
});
