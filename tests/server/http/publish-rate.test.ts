import { describe, expect, test } from 'vitest';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const env = { PUBLISH_TOKEN: 'right', PUBLISH_RATE: '100' };

type Publish = { readonly key?: string; readonly from?: string };

/** Publishes `count` events. */
function publish(stand: Stand, count: number, { key, from }: Publish = {}): Promise<Response> {
  return stand.ask('events', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer right',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(from === undefined ? {} : { 'x-real-ip': from }),
    },
    body: JSON.stringify(Array.from({ length: count }, (_, data) => ({ data }))),
  });
}

/** A stand whose publisher has used up its limit of 1,000 events. */
async function makeUsedUp(): Promise<Stand> {
  const stand = makeStand({ env });
  for (const key of ['1', '2']) expect((await publish(stand, 500, { key })).status).toBe(201);
  return stand;
}

describe('publishing beyond the rate', () => {
  test('is refused with 429, the limit and Retry-After', async () => {
    const stand = await makeUsedUp();

    const response = await publish(stand, 201);

    expect(response.headers.get('retry-after')).toBe('3');
    expect(await expectRefusal(response, 429)).toBe(
      'This publisher may store 100 events per second, at most 1,000 at once. Try again in 3 s.',
    );
    expect(stand.memory.stored).toHaveLength(1_000);
  });

  test('is refused for at least a second', async () => {
    expect((await publish(await makeUsedUp(), 1)).headers.get('retry-after')).toBe('1');
  });

  test('succeeds with the same key after Retry-After, and not a second earlier', async () => {
    const stand = await makeUsedUp();
    const retryAfter = Number((await publish(stand, 300, { key: 'k' })).headers.get('retry-after'));

    await stand.clock.advance((retryAfter - 1) * 1_000);
    await expectRefusal(publish(stand, 300, { key: 'k' }), 429);
    await stand.clock.advance(1_000);
    const response = await publish(stand, 300, { key: 'k' });

    expect(response.status).toBe(201);
    expect(stand.memory.stored).toHaveLength(1_300);
  });

  test('with a key that has stored before is a duplicate, and counts nothing', async () => {
    const stand = await makeUsedUp();

    for (let turn = 0; turn < 5; turn += 1) {
      expect((await publish(stand, 500, { key: '1' })).status).toBe(200);
    }

    await stand.clock.advance(10_000);
    for (const key of ['3', '4']) expect((await publish(stand, 500, { key })).status).toBe(201);
  });

  test('does not affect readers', async () => {
    const stand = await makeUsedUp();
    await expectRefusal(publish(stand, 1), 429);

    for (let turn = 0; turn < 20; turn += 1) {
      expect((await stand.ask('events?after=0-0&limit=500')).status).toBe(200);
    }
    expect((await stand.ask('health')).status).toBe(200);
  });

  test('is not possible from another address: the token has one limit', async () => {
    const stand = makeStand({ env: { ...env, VERCEL: '1' } });
    await publish(stand, 500, { from: '192.0.2.1' });
    await publish(stand, 500, { from: '192.0.2.2' });

    await expectRefusal(publish(stand, 1, { from: '192.0.2.3' }), 429);
  });

  test('without a token counts for the address it comes from', async () => {
    const stand = makeStand({ env: { PUBLISH_RATE: '1', VERCEL: '1' } });
    expect((await publish(stand, 500, { from: '192.0.2.1' })).status).toBe(201);

    await expectRefusal(publish(stand, 1, { from: '192.0.2.1' }), 429);
    expect((await publish(stand, 500, { from: '192.0.2.2' })).status).toBe(201);
  });

  test('is impossible if no rate is set', async () => {
    const stand = makeStand({ env: { PUBLISH_TOKEN: 'right' } });

    for (let turn = 0; turn < 20; turn += 1) expect((await publish(stand, 500)).status).toBe(201);
  });
});

test('requests that are refused for another reason count nothing', async () => {
  const stand = makeStand({ env: { ...env, PUBLISH_RATE: '1' } });
  const wrong = (headers: Record<string, string>, body: string) =>
    stand.ask('events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer right', ...headers },
      body,
    });

  await expectRefusal(wrong({ authorization: 'Bearer wrong' }, '{"data":1}'), 401);
  await expectRefusal(wrong({}, '[{"data":1},{}]'), 400);
  await expectRefusal(wrong({ 'content-type': 'text/plain' }, '{"data":1}'), 415);

  expect((await publish(stand, 500)).status).toBe(201);
});
