import { type JWTPayload, SignJWT } from 'jose';
import { describe, expect, test, vi } from 'vitest';
import { settle } from '../../support/server/manual-clock.ts';
import { readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const secret = 'a-secret-of-thirty-two-characters';

function makePrivateStand(): Stand {
  return makeStand({ env: { READ_TOKEN_SECRET: secret } });
}

/** A read token for `channels`; it lives for `seconds`. */
function sign(
  stand: Stand,
  channels: unknown,
  seconds = 600,
  key = secret,
  others: JWTPayload = {},
): Promise<string> {
  const exp = Math.floor(stand.clock.now() / 1_000) + seconds;
  return new SignJWT({ ...others, channels, exp })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(key));
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe('without READ_TOKEN_SECRET', () => {
  test('every channel is public', async () => {
    expect((await makeStand().ask('events?channel=any')).status).toBe(200);
  });
});

test.each([8.64e12, 1e15, 1e308])(
  'a token that ends later than a date can say is valid: exp %s',
  async (exp) => {
    const stand = makeStand({ env: { READ_TOKEN_SECRET: secret } });
    const authorization = `Bearer ${await new SignJWT({ channels: ['order.a'], exp })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret))}`;

    expect((await stand.ask('events?channel=order.a', { headers: { authorization } })).status).toBe(200);
  },
);

describe('with READ_TOKEN_SECRET', () => {
  test.each(['', '?channel=feed', '?channel=public:news', '?channel=feed&channel=public:news'])(
    'events%s needs no token',
    async (query) => {
      const stand = makePrivateStand();

      expect((await stand.ask(`events${query}`)).status).toBe(200);
      expect((await stand.ask(`stream${query}`)).status).toBe(200);
    },
  );

  test.each(['secret', 'feeds', 'public', 'Public:news', 'feed&channel=secret'])(
    'channel %s needs a token',
    async (channel) => {
      const stand = makePrivateStand();

      for (const route of ['events', 'stream']) {
        const response = await stand.ask(`${route}?channel=${channel}`);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        await expectRefusal(response, 401);
      }
      await expectRefusal(stand.ask(`stream?channel=${channel}`, { method: 'HEAD' }), 401);
      expect(stand.log.asked()).toBe(0);
    },
  );

  test('a token is read from the header, the cookie or the query', async () => {
    const stand = makePrivateStand();
    const token = await sign(stand, ['room']);
    const ways: [string, RequestInit][] = [
      ['events?channel=room', bearer(token)],
      ['events?channel=room', { headers: { cookie: `a=b; feed_token=${token}; c=d` } }],
      [`events?channel=room&token=${token}`, {}],
    ];

    for (const [path, init] of ways) expect((await stand.ask(path, init)).status).toBe(200);
    await expectRefusal(
      stand.ask('events?channel=room', { headers: { cookie: `not_feed_token=${token}` } }),
      401,
    );
  });

  test.each([
    [['room'], 'room', true],
    [['room'], 'rooms', false],
    [['room*'], 'rooms', true],
    [['room:*'], 'room:1', true],
    [['room:*'], 'room', false],
    [['*'], 'anything', true],
    [['a', 'b*'], 'b1', true],
    [[], 'room', false],
  ])('a token for %j may read %s: %s', async (channels, channel, isAllowed) => {
    const stand = makePrivateStand();

    const response = await stand.ask(`events?channel=${channel}`, bearer(await sign(stand, channels)));

    expect(response.status).toBe(isAllowed ? 200 : 403);
  });

  test('a token that expired less than 30 s ago is accepted, because clocks differ', async () => {
    const stand = makePrivateStand();

    const response = await stand.ask('events?channel=room', bearer(await sign(stand, ['room'], -29)));

    expect(response.status).toBe(200);
  });

  test('a token that is not valid yet gets a refusal that says so', async () => {
    const stand = makePrivateStand();
    const nbf = Math.floor(stand.clock.now() / 1_000) + 60;
    const token = await sign(stand, ['room'], 600, secret, { nbf });

    const asked = stand.ask('events?channel=room', bearer(token));

    expect(await expectRefusal(asked, 401)).toContain('not valid yet');
  });

  test('what a token opened goes to no shared cache, however the token was sent', async () => {
    const stand = makePrivateStand();
    const token = await sign(stand, ['room']);
    for (const channel of ['room', 'feed']) {
      const ways: [string, RequestInit][] = [
        [`?channel=${channel}`, bearer(token)],
        [`?channel=${channel}`, { headers: { cookie: `feed_token=${token}` } }],
        [`?channel=${channel}&token=${token}`, {}],
      ];
      for (const [query, init] of ways) {
        for (const method of ['GET', 'HEAD']) {
          const page = await stand.ask(`events${query}`, { ...init, method });
          const stream = await stand.ask(`stream${query}`, { ...init, method });
          expect(page.headers.get('cache-control')).toBe('private, no-store');
          expect(stream.headers.get('cache-control')).toBe('private, no-store, no-transform');
        }
      }
    }
  });

  test('if one channel is not allowed, none is read, and the refusal names it', async () => {
    const stand = makePrivateStand();
    const token = await sign(stand, ['one']);

    const asked = stand.ask('events?channel=feed&channel=one&channel=two', bearer(token));

    expect(await expectRefusal(asked, 403)).toContain('"two"');
    expect(stand.log.asked()).toBe(0);
  });

  test.each([
    ['expired for longer than clocks differ', (stand: Stand) => sign(stand, ['room'], -30)],
    ['signed with another secret', (stand: Stand) => sign(stand, ['room'], 600, `${secret}!`)],
    ['for no list of names', (stand: Stand) => sign(stand, 'room')],
    ['for names that are none', (stand: Stand) => sign(stand, ['no name'])],
    ['for a list of other things', (stand: Stand) => sign(stand, [1])],
    [
      'without a signature',
      async () => 'eyJhbGciOiJub25lIn0.eyJjaGFubmVscyI6WyIqIl0sImV4cCI6OTk5OTk5OTk5OX0.',
    ],
    ['no token at all', async () => 'nonsense'],
    [
      'without an end',
      () =>
        new SignJWT({ channels: ['room'] })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new TextEncoder().encode(secret)),
    ],
  ])('a token that is %s gets 401, and the refusal does not repeat it', async (_, make) => {
    const stand = makePrivateStand();
    const token = await make(stand);

    const detail = await expectRefusal(stand.ask('events?channel=room', bearer(token)), 401);

    expect(detail).not.toContain(token);
    expect(detail).not.toContain(secret);
  });
});

test('a poll is not held longer than its token is valid', async () => {
  const stand = makePrivateStand();
  const init = bearer(await sign(stand, ['room'], -20));
  const poll = stand.ask('events?channel=room&wait=20', init);
  await vi.waitFor(() => expect(stand.runtime.tails.count()).toBe(1));

  await stand.clock.advance(10_000);

  expect((await poll).status).toBe(200);
  await expectRefusal(stand.ask('events?channel=room&wait=20', init), 401);
});

describe('a stream whose token expires', () => {
  test('is handed over and ends, and the old token opens no new one', async () => {
    const stand = makePrivateStand();
    // Plus 30 s, because clocks differ: the token is valid for that long.
    const init = bearer(await sign(stand, ['room'], 30));
    const stream = await readStream(await stand.ask('stream?channel=room', init));

    await stand.clock.advance(58_000);
    expect(stream.of('handover')).toEqual([]);
    await stand.clock.advance(2_000);
    expect(stream.of('handover')[0]?.data).toMatchObject({ reason: 'token', closesInMs: 6_000 });
    await expectRefusal(stand.ask('stream?channel=room', init), 401);
    await stand.clock.advance(6_000);

    expect(stream.isOver()).toBe(true);
  });

  test.each([600, 3_600, 30 * 86_400, 400 * 86_400])(
    'in %i s lives until the stream’s deadline',
    async (seconds) => {
      const stand = makePrivateStand();
      const init = bearer(await sign(stand, ['room'], seconds));
      const stream = await readStream(await stand.ask('stream?channel=room', init));

      await stand.clock.advance(200_000);
      expect(stream.isOver()).toBe(false);
      await stand.clock.advance(100_000);

      expect(stream.of('handover').map(({ data }) => data.reason)).toEqual(['deadline']);
    },
  );

  test('gets events until its end', async () => {
    const stand = makePrivateStand();
    const init = bearer(await sign(stand, ['room'], 30));
    const stream = await readStream(await stand.ask('stream?channel=room', init));
    await stand.clock.advance(61_000);

    await stand.publish(1, 'room');
    await settle();

    expect(stream.data()).toEqual([1]);
  });
});
