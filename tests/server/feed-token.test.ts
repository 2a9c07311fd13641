import { afterEach, expect, test, vi } from 'vitest';
import { createFeedToken, type FeedTokenOptions, verifyFeedToken } from '../../lib/server/feed-token.ts';

const secret = 'a-secret-of-thirty-two-characters';
const options = { channels: ['order.7.*', 'news'], ttlSeconds: 900, secret };

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a new token allows its channels until its time is over, and 30 s more, because clocks differ', async () => {
  const before = Math.floor(Date.now() / 1_000);
  const token = await createFeedToken({ ...options, subject: 'zoë' });
  const { channels, until } = await verifyFeedToken(token, secret, Date.now());
  expect(channels).toEqual(['order.7.*', 'news']);
  const seconds = until.getTime() / 1_000 - before;
  expect(seconds).toBeGreaterThanOrEqual(930);
  expect(seconds).toBeLessThan(990);
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  expect(payload).toMatchObject({ sub: 'zoë', channels: ['order.7.*', 'news'] });
  const later = verifyFeedToken(token, secret, until.getTime());
  await expect(later).rejects.toMatchObject({ code: 'unauthorized' });
});

test('READ_TOKEN_SECRET signs it by default; without it there is no token', async () => {
  vi.stubEnv('READ_TOKEN_SECRET', secret);
  const token = await createFeedToken({ channels: ['a'], ttlSeconds: 1 });
  expect(await verifyFeedToken(token, secret, Date.now())).toMatchObject({ channels: ['a'] });
  vi.stubEnv('READ_TOKEN_SECRET', '');
  await expect(createFeedToken({ channels: ['a'], ttlSeconds: 1 })).rejects.toMatchObject({
    code: 'misconfigured',
    message: expect.stringContaining('READ_TOKEN_SECRET is not set. Set it in .env.local'),
  });
});

const long = Array.from({ length: 60 }, (_, index) => `order.${'x'.repeat(80)}.${index}`);

test.each<[Partial<Record<keyof FeedTokenOptions, unknown>>, string]>([
  [{ channels: [] }, 'channels is empty. Name at least one channel'],
  [{ channels: ['a', 'two words'] }, 'channels: "two words" is not a channel. Use a channel name'],
  [{ channels: ['a*b'] }, 'channels: "a*b" is not a channel.'],
  [{ channels: [7] }, 'channels: "7" is not a channel.'],
  [{ channels: long }, 'characters; a cookie holds at most 4000. Name fewer channels'],
  [{ subject: '' }, 'subject is empty. Name the user, or leave the option out.'],
  [{ ttlSeconds: 0 }, 'ttlSeconds is 0. Use a whole number from 1 to 31622400 (366 days).'],
  [{ ttlSeconds: 1.5 }, 'ttlSeconds is 1.5. Use'],
  [{ ttlSeconds: 31_622_401 }, 'ttlSeconds is 31622401. Use'],
  [{ ttlSeconds: Number.NaN }, 'ttlSeconds is NaN. Use'],
])('%o makes no token, and the error names the limit', async (wrong, message) => {
  const asked = createFeedToken({ ...options, ...wrong } as FeedTokenOptions);
  await expect(asked).rejects.toMatchObject({
    code: 'bad-request',
    message: expect.stringContaining(message),
  });
  await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining(secret) });
});

test('31,622,400 s is the longest life', async () => {
  expect(await createFeedToken({ ...options, ttlSeconds: 31_622_400 })).toContain('.');
});
