import { describe, expect, test } from 'vitest';
import { canShare } from '../../../lib/client/tabs/share.ts';
import { readerName } from '../../../lib/client/transport/reader-name.ts';

const base = 'https://feed.example/page?x=1';
const query = { url: '', pathEnd: '', channels: ['a', 'b'], types: ['x', 'y'], rewind: '' };
const nameOf = (more: Partial<typeof query> = {}, token: string | null = null) =>
  readerName({ ...query, ...more }, token, base);

/** A token with these claims; nobody here checks its signature. */
const tokenOf = (claims: object) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

describe('tabs share', () => {
  test('whatever the order of channels and types, and however their origin is written', async () => {
    const same = { url: 'https://feed.example', channels: ['b', 'a'], types: ['y', 'x'] };
    expect(await nameOf(same)).toBe(await nameOf());
  });

  test('with tokens of the same subject, however often they were renewed', async () => {
    const old = tokenOf({ sub: 'zoë', exp: 1 });
    expect(await nameOf({}, old)).toBe(await nameOf({}, tokenOf({ sub: 'zoë', exp: 2 })));
  });

  test('with tokens that allow the same channels, in whatever order', async () => {
    const [one, other] = [
      ['a', 'b*'],
      ['b*', 'a'],
    ].map((channels) => tokenOf({ sub: 'a', channels }));
    expect(await nameOf({}, one)).toBe(await nameOf({}, other));
  });
});

describe('tabs do not share', () => {
  test.each([
    { url: 'https://other.example' },
    { channels: ['a'] },
    { types: [] },
    { types: ['a', 'b'], channels: ['x', 'y'] },
  ])('what is not read the same: %j', async (more) => {
    expect(await nameOf(more)).not.toBe(await nameOf());
  });

  test('with tokens of one subject that allow different channels', async () => {
    const claims = [
      {},
      { channels: ['a'] },
      { channels: ['a', 'b'] },
      { channels: ['a,b'] },
      { channels: 'a' },
    ];
    const names = await Promise.all(claims.map((more) => nameOf({}, tokenOf({ sub: 'a', ...more }))));
    expect(new Set(names).size).toBe(claims.length);
  });

  test('with tokens of different subjects, or without a token', async () => {
    const tokens = [
      tokenOf({ sub: 'a' }),
      tokenOf({ sub: 'b' }),
      tokenOf({ exp: 1 }),
      tokenOf({ exp: 2 }),
      'opaque',
      null,
    ];
    const names = await Promise.all(tokens.map((token) => nameOf({}, token)));
    expect(new Set(names).size).toBe(tokens.length);
  });

  test('by a name that shows the token or its subject', async () => {
    expect(await nameOf({}, tokenOf({ sub: 'somebody' }))).toMatch(/^steadfeed 3 [0-9a-f]{32}$/);
  });

  test('in Node', () => {
    expect(canShare(true, ['feed'], true)).toBe(false);
  });
});
