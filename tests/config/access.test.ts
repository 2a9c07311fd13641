import { describe, expect, test } from 'vitest';
import { isPublic, mayRead, type Publisher, publishRefusal } from '../../lib/config/access.ts';

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

describe('a reader', () => {
  test.each([
    [[], 'feed', true],
    [[], 'order.a', false],
    [['order.a'], 'order.a', true],
    [['order.a'], 'order.ab', false],
    [['order.*'], 'order.a', true],
    [['order.*'], 'order', false],
    [['chat', 'order.*'], 'order.b', true],
    [['*'], 'order.a', true],
  ])('whose token allows %j may read %s: %s', (patterns, channel, expected) => {
    expect(mayRead(channel, patterns)).toBe(expected);
  });
});

describe('a publisher', () => {
  const refusalOf = (token: Publisher['token'], isProduction: boolean, isOwnSite: boolean) =>
    publishRefusal({ token, isProduction, isOwnSite });

  test.each([true, false])(
    'with a valid token may publish from anywhere (production: %s)',
    (isProduction) => {
      expect(refusalOf('valid', isProduction, false)).toBe(null);
    },
  );

  test.each([true, false])(
    'with a wrong token or none may not, on this site neither (production: %s)',
    (isProduction) => {
      expect(refusalOf('invalid', isProduction, true)).toBe('unauthorized');
    },
  );

  test('may not publish in production if the server has no token', () => {
    expect(refusalOf('not-configured', true, true)).toBe('publishing-off');
  });

  test('needs no token in development on this site, and is forbidden from elsewhere', () => {
    expect(refusalOf('not-configured', false, true)).toBe(null);
    expect(refusalOf('not-configured', false, false)).toBe('forbidden');
  });
});
