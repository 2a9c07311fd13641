import { describe, expect, test } from 'vitest';
import { canPublish, canRead, matches } from '../../lib/config/access.ts';
import { isPublic } from '../../lib/config/public-channels.ts';
import type { Publisher, ReadToken } from '../../lib/core/access.ts';

const request = new Request('http://feed.test/');

describe('a channel', () => {
  test.each([
    ['feed', true],
    ['public:news', true],
    ['public:', true],
    ['feed.a', false],
    ['feeds', false],
    ['public', false],
    ['Public:news', false],
    ['order.a', false],
  ])('%s is public: %s', (channel, expected) => {
    expect(isPublic(channel)).toBe(expected);
  });
});

test.each([
  ['order.a', 'order.a', true],
  ['order.a', 'order.ab', false],
  ['order.*', 'order.a', true],
  ['order.*', 'order', false],
  ['*', 'order.a', true],
])('the pattern %s matches %s: %s', (pattern, channel, expected) => {
  expect(matches(pattern, channel)).toBe(expected);
});

describe('a reader', () => {
  const until = new Date(1_763_841_234_567);
  const read = (channels: readonly string[], token: ReadToken | 'missing' | 'not-configured') =>
    canRead(request, channels, async () => token);

  test('of public channels needs no token, and its token is not even verified', async () => {
    const fail = () => Promise.reject(new Error('it was verified'));
    expect(await canRead(request, ['feed', 'public:a'], fail)).toBe('everyone');
  });

  test('needs no token where the server has no secret', async () => {
    expect(await read(['order.a'], 'not-configured')).toBe('everyone');
  });

  test('of a private channel without a token is asked for one', async () => {
    await expect(read(['feed', 'order.a'], 'missing')).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('Channel "order.a" is private.'),
    });
  });

  test.each([
    [['order.a'], ['order.a'], null],
    [['chat', 'order.*'], ['feed', 'order.b', 'chat'], null],
    [['order.a'], ['order.a', 'order.b'], '"order.b". It allows: order.a.'],
    [[], ['order.a'], '"order.a". It allows: none.'],
  ])('whose token allows %j and who wants %j is refused because of %s', async (patterns, channels, why) => {
    const access = read(channels, { channels: patterns, until });
    if (why === null) expect(await access).toEqual({ until });
    else
      await expect(access).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining(why),
      });
  });
});

describe('a publisher', () => {
  const noBody = () => Promise.reject(new Error('the body was read'));
  const decide = (token: Publisher['token'], isProduction: boolean, isOwnSite: boolean) =>
    canPublish(request, noBody, { token, isProduction, isOwnSite });

  test.each([true, false])(
    'with a valid token may publish from anywhere (production: %s)',
    async (isProduction) => {
      expect(await decide('valid', isProduction, false)).toBe(true);
    },
  );

  test.each([true, false])(
    'with a wrong token or none may not, on this site neither (production: %s)',
    async (isProduction) => {
      await expect(decide('invalid', isProduction, true)).rejects.toMatchObject({ code: 'unauthorized' });
    },
  );

  test('may not publish in production if the server has no token', async () => {
    await expect(decide('not-configured', true, true)).rejects.toMatchObject({ code: 'publishing-off' });
  });

  test('needs no token in development on this site, and is forbidden from elsewhere', async () => {
    expect(await decide('not-configured', false, true)).toBe(true);
    await expect(decide('not-configured', false, false)).rejects.toMatchObject({ code: 'forbidden' });
  });
});
