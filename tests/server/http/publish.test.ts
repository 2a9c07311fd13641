import { describe, expect, test } from 'vitest';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const json = { 'content-type': 'application/json' };

function publish(stand: Stand, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return stand.ask('events', {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
}

describe('publishing', () => {
  test('stores an event and returns its id', async () => {
    const stand = makeStand();

    const response = await publish(stand, { data: { a: 1 } });

    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await response.json()).toEqual({
      events: [{ id: `${stand.clock.now()}-1`, channel: 'feed' }],
      duplicate: false,
    });
    expect(stand.memory.kept('feed')).toMatchObject([{ type: 'message', data: '{"a":1}' }]);
  });

  test('of several events returns their ids in the order sent', async () => {
    const stand = makeStand();
    const events = ['one', 'two', 'one'].map((channel) => ({ channel, type: 't', data: channel }));

    const body = await (await publish(stand, events)).json();

    const places = body.events.map(({ id, channel }: { id: string; channel: string }) => [
      channel,
      id.split('-')[1],
    ]);
    expect(places).toEqual([
      ['one', '1'],
      ['two', '1'],
      ['one', '2'],
    ]);
  });

  test.each([
    '"42"',
    '42',
    'null',
    'false',
    '""',
    '-0.5',
    '1e300',
    '9007199254740992',
    '12345678901234500000000',
    '0.1',
    '1.50',
    '[]',
    '{"__proto__":{"a":1}}',
    '"\\u2028\\n\\ud800"',
  ])('of the data %s gives back equal JSON', async (data) => {
    const stand = makeStand();

    const response = await stand.ask('events', { method: 'POST', headers: json, body: `{"data":${data}}` });

    expect(response.status).toBe(201);
    const page = await (await stand.ask('events?after=0-0')).json();
    expect(JSON.stringify(page.events[0].data)).toBe(JSON.stringify(JSON.parse(data)));
  });

  test.each(['9007199254740993', '1e400', '0.1234567890123456789', '12345678901234567891', '-1e-400'])(
    'of the number %s is refused, because a double would change it',
    async (data) => {
      const stand = makeStand();

      const refused = stand.ask('events', { method: 'POST', headers: json, body: `{"data":[${data}]}` });

      expect(await expectRefusal(refused, 400)).toContain(data);
      expect(stand.memory.stored).toEqual([]);
    },
  );

  test('gets 503 and Retry-After if the log cannot be reached', async () => {
    const stand = makeStand();
    stand.log.isDown = true;

    const response = await publish(stand, { data: 1 });

    expect(response.headers.get('retry-after')).toMatch(/^[34]$/);
    await expectRefusal(response, 503);
  });
});

describe('an idempotency key', () => {
  const key = { 'idempotency-key': 'k-1' };

  test('used again with the same body stores nothing, and returns the first ids', async () => {
    const stand = makeStand();
    const first = await (await publish(stand, [{ data: 1 }, { data: 2 }], key)).json();
    await stand.clock.advance(60_000);

    const second = await publish(stand, [{ data: 1 }, { data: 2 }], key);

    expect(second.status).toBe(200);
    expect(await second.json()).toEqual({ ...first, duplicate: true });
    expect(stand.memory.stored).toHaveLength(2);
  });

  test('used again with another body is refused, and stores nothing', async () => {
    const stand = makeStand();
    await publish(stand, { data: 1 }, key);

    await expectRefusal(publish(stand, { data: '1' }, key), 422);
    await expectRefusal(publish(stand, { data: 1, type: 'other' }, key), 422);
    await expectRefusal(publish(stand, { data: 1, channel: 'other' }, key), 422);

    expect(stand.memory.stored).toHaveLength(1);
  });

  test('lets one of many equal requests store', async () => {
    const stand = makeStand();

    const answers = await Promise.all(Array.from({ length: 20 }, () => publish(stand, { data: 1 }, key)));

    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    expect(stand.memory.stored).toHaveLength(1);
  });

  test.each([
    ['', 'empty'],
    ['x'.repeat(201), 'longer than 200'],
    ['é', 'not ASCII'],
  ])('%# is refused when it is %s', async (name) => {
    const detail = await expectRefusal(publish(makeStand(), { data: 1 }, { 'idempotency-key': name }), 400);

    expect(detail).toContain('Idempotency-Key');
  });
});

describe('the publish token', () => {
  const withToken = { PUBLISH_TOKEN: 'right', NODE_ENV: 'production' };

  test.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['a token that begins right', { authorization: 'Bearer righter' }],
    ['another scheme', { authorization: 'Basic right' }],
  ])('%s gets 401', async (_, headers) => {
    const stand = makeStand({ env: withToken });

    const response = await publish(stand, { data: 1 }, headers);

    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await expectRefusal(response, 401)).not.toContain('right');
    expect(stand.memory.stored).toEqual([]);
  });

  test('lets its holder publish', async () => {
    const response = await publish(
      makeStand({ env: withToken }),
      { data: 1 },
      { authorization: 'Bearer right' },
    );

    expect(response.status).toBe(201);
  });

  test('that came before it still publishes until it is removed', async () => {
    const rotating = makeStand({ env: { ...withToken, PUBLISH_TOKEN_PREVIOUS: 'old' } });
    const authorization = 'Bearer old';

    expect((await publish(rotating, { data: 1 }, { authorization })).status).toBe(201);
    expect((await publish(rotating, { data: 2 }, { authorization: 'Bearer right' })).status).toBe(201);
    await expectRefusal(publish(rotating, { data: 3 }, { authorization: 'Bearer older' }), 401);
    await expectRefusal(publish(makeStand({ env: withToken }), { data: 3 }, { authorization }), 401);
  });

  test('if it is not set, publishing is off in production, and the refusal names the variable', async () => {
    const detail = await expectRefusal(
      publish(makeStand({ env: { NODE_ENV: 'production' } }), { data: 1 }),
      403,
    );

    expect(detail).toContain('PUBLISH_TOKEN');
  });

  test('if it is not set, publishing is open in development', async () => {
    expect((await publish(makeStand(), { data: 1 })).status).toBe(201);
  });
});

describe('in development, without a token', () => {
  const env = { ALLOWED_ORIGINS: 'https://tools.test' };

  test.each([
    [
      'the page’s own',
      { host: 'localhost:3000', origin: 'http://localhost:3000', 'sec-fetch-site': 'same-origin' },
    ],
    ['an address', { host: '192.168.1.7:3000', origin: 'http://192.168.1.7:3000' }],
    ['an address of six', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    ['no browser’s', { host: '127.0.0.1:3000' }],
    ['a name below localhost', { host: 'feed.localhost' }],
  ])('a request that is %s publishes', async (_, headers) => {
    expect((await publish(makeStand({ env }), { data: 1 }, headers)).status).toBe(201);
  });

  test.each([
    ['of another site', { host: 'localhost:3000', origin: 'https://evil.test' }],
    ['of an origin that may read', { host: 'localhost:3000', origin: 'https://tools.test' }],
    ['of another port', { host: 'localhost:3000', origin: 'http://localhost:8080' }],
    ['of a page without an origin', { host: 'localhost:3000', origin: 'null' }],
    ['that a browser calls cross-site', { host: 'localhost:3000', 'sec-fetch-site': 'cross-site' }],
    ['to a name that was made to lead here', { host: 'evil.test:3000', origin: 'http://evil.test:3000' }],
    ['to a name that looks like ours', { host: 'localhost.evil.test' }],
  ])('a request %s is refused, and the refusal says what to set', async (_, headers) => {
    const stand = makeStand({ env });

    const detail = await expectRefusal(publish(stand, { data: 1 }, headers), 403);

    expect(detail).toMatch(/Set PUBLISH_TOKEN/);
    expect(stand.memory.stored).toEqual([]);
  });
});

test('with a token the site does not matter, because no other site has it', async () => {
  const stand = makeStand({ env: { PUBLISH_TOKEN: 'right' } });
  const headers = { host: 'feed.example', origin: 'https://elsewhere.test', authorization: 'Bearer right' };

  expect((await publish(stand, { data: 1 }, headers)).status).toBe(201);
});
