import { describe, expect, test } from 'vitest';
import { makeClosedStand, sign } from '../../support/server/closed-stand.ts';
import { expectRefusal } from '../../support/server/refusal.ts';

describe('a token', () => {
  test.each([
    ['order.*', 'order.a', 200],
    ['order.*', 'order..x', 200],
    ['order.*', 'order', 403],
    ['order.*', 'orders.x', 403],
    ['order.*', 'ORDER.x', 403],
    ['order.*', 'order-x', 403],
    ['order.*', 'reorder.x', 403],
    ['order', 'order', 200],
    ['order', 'order.a', 403],
    ['order', 'orders', 403],
    ['order.', 'order.a', 403],
    ['feed*', 'feeds', 200],
    ['public:*', 'public', 403],
    ['order.**', 'order.a', 401],
    ['*.a', 'order.a', 401],
    ['o?der.a', 'order.a', 401],
    ['', 'order.a', 401],
    ['órder.*', 'order.a', 401],
    [['order.a'], 'order.a', 401],
    [{ toString: 'order.a' }, 'order.a', 401],
  ])('for %j that asks for %s gets %i', async (pattern, channel, status) => {
    const stand = await makeClosedStand();
    const token = await sign(stand, { channels: [pattern] });
    for (const route of ['events', 'stream']) {
      const headers = { authorization: `Bearer ${token}` };
      expect((await stand.ask(`${route}?channel=${channel}`, { headers })).status).toBe(status);
    }
  });

  test.each([
    '',
    '*',
    'order.*',
    '%C3%B6rder.b',
    'order%E2%80%8B.b',
    '%EF%BD%8Frder.b',
    'order.b%00',
    'order.b%20',
    '%20order.b',
    'order%252Eb',
    'order.b,feed',
    'order.b%0Afeed',
    '.order.b',
  ])('of any kind does not make "%s" a channel: 400', async (channel) => {
    const stand = await makeClosedStand();
    const token = await sign(stand, { channels: ['*'] });
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      for (const route of ['events', 'stream'])
        await expectRefusal(stand.ask(`${route}?channel=${channel}`, { headers }), 400);
    }
    expect(stand.log.asked()).toBe(0);
  });

  test('is not needed for events without a channel, which reads the feed', async () => {
    const stand = await makeClosedStand();
    const text = await (await stand.ask('events?rewind=all')).text();
    expect(text).toContain('published in feed');
    expect(text).not.toContain('order.b');
  });

  test.each(['channels=order.b', 'Channel=order.b', 'channel[]=order.b'])(
    'is no question for events?%s, which reads nothing: the name is wrong',
    async (query) => {
      const stand = await makeClosedStand();
      await expectRefusal(stand.ask(`events?${query}&rewind=all`), 400);
      expect(stand.log.asked()).toBe(0);
    },
  );
});
