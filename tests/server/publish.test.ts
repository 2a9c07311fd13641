import { describe, expect, test } from 'vitest';
import { FeedError } from '../../lib/core/feed-error.ts';
import { type Published, publish, publishAll } from '../../lib/server/publish.ts';
import { declareMachine, machine } from '../support/declared-type.ts';
import { range } from '../support/log/log-steps.ts';
import { makeOwnStand } from '../support/server/own-process.ts';
import { expectRefusal } from '../support/server/refusal.ts';
import type { Stand } from '../support/server/stand.ts';

declareMachine();

/** The code and text of the FeedError that a call must end with; nothing may be stored by it. */
async function errorOf(stand: Stand, call: () => Promise<unknown>): Promise<string> {
  const before = stand.memory.stored.length;
  const error = await call().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(stand.memory.stored).toHaveLength(before);
  if (!(error instanceof FeedError)) throw new Error(`no FeedError: ${String(error)}`);
  return `${error.code}: ${error.message}`;
}

/** Publishes as a caller that no compiler checks. */
const publishAny = publish as (type: unknown, data: unknown, options?: object) => Promise<Published>;

describe('publish', () => {
  test('stores one event, and returns its id', async () => {
    const stand = makeOwnStand();

    const published = await publish('note', { id: 7 }, { channel: 'orders' });

    expect(published).toEqual({ id: `${stand.clock.now()}-1`, duplicate: false });
    expect(stand.memory.kept('orders')).toMatchObject([{ type: 'note', data: '{"id":7}' }]);
  });

  test('uses the channel feed if none is given', async () => {
    const stand = makeOwnStand();
    await publish('note', null);
    expect(stand.memory.kept('feed')).toMatchObject([{ type: 'note', data: 'null' }]);
  });

  test('needs no publish token, not even in production', async () => {
    const stand = makeOwnStand({ env: { NODE_ENV: 'production' } });
    await publish('note', 1);
    expect(stand.memory.stored).toHaveLength(1);
  });

  test('gives readers the same event as a request over HTTP', async () => {
    const stand = makeOwnStand();
    const data = { text: '\u2028 ✓', list: [1, -0.5, null, true], absent: undefined, nested: { a: {} } };
    await publish('note', data);
    const headers = { 'content-type': 'application/json' };
    await stand.ask('events', { method: 'POST', headers, body: JSON.stringify({ type: 'note', data }) });

    const [own, sent] = stand.memory.stored;

    expect(own?.data).toBe(sent?.data);
    expect(own?.type).toBe(sent?.type);
  });

  test('costs the log one call', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { idempotencyKey: 'k' });
    expect(stand.log.calls).toEqual({ append: 1, read: 0, latest: 0, ends: 0, follow: 0 });
  });

  test('with the key of an earlier call stores nothing, and returns the first id', async () => {
    const stand = makeOwnStand();
    const first = await publish('note', { a: 1 }, { idempotencyKey: 'k' });
    await stand.clock.advance(60_000);

    expect(await publish('note', { a: 1 }, { idempotencyKey: 'k' })).toEqual({ ...first, duplicate: true });
    expect(stand.memory.stored).toHaveLength(1);
  });

  test('shares its keys with requests over HTTP: the same event is a duplicate', async () => {
    const stand = makeOwnStand();
    const { id } = await publish('note', { a: 1 }, { idempotencyKey: 'k' });

    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
    const body = JSON.stringify({ type: 'note', data: { a: 1 } });
    const answer = await stand.ask('events', { method: 'POST', headers, body });

    expect(await answer.json()).toEqual({ events: [{ id, channel: 'feed' }], duplicate: true });
  });

  test.each([
    [
      'a wrong channel',
      () => publish('note', 1, { channel: 'no name' }),
      'bad-request: event.channel: "no name" is',
    ],
    ['a wrong type', () => publish('no type', 1), 'bad-request: event.type: "no type" is'],
    ['no data', () => publishAny('note', undefined), 'bad-request: event has no data'],
    [
      'data that does not fit',
      () => publishAny('machine', { ...machine, load: 'x' }),
      'data-does-not-fit: event.data.load: ',
    ],
    [
      'data that is too large',
      () => publish('note', 'x'.repeat(65_536)),
      'too-large: event is 65578 bytes as JSON (channel, type and data); the limit is 65536.',
    ],
    [
      'an empty key',
      () => publish('note', 1, { idempotencyKey: '' }),
      'bad-request: idempotencyKey is not valid. Use 1 to 200 printable ASCII characters.',
    ],
    [
      'data that is too deep',
      () => publish('note', nested(100_000)),
      'bad-request: event.data is a value that',
    ],
  ])('refuses %s, and says which part', async (_, call, text) => {
    expect(await errorOf(makeOwnStand(), call)).toContain(text);
  });

  test.each([
    [{ at: new Date() }, 'event.data.at is an object of the class Date'],
    [[1, { m: new Map() }], 'event.data.1.m is an object of the class Map'],
    [{ n: Number.NaN }, 'event.data.n is NaN'],
    [{ n: 1n }, 'event.data.n is a bigint'],
    [[undefined], 'event.data.0 is undefined'],
    [() => 1, 'event.data is a function'],
    [{ s: Symbol('s') }, 'event.data.s is a symbol'],
    [new (class Order {})(), 'event.data is an object of the class Order'],
  ])('refuses data that JSON would change (%#)', async (data, text) => {
    expect(await errorOf(makeOwnStand(), () => publishAny('note', data))).toBe(
      `bad-request: ${text}, which JSON cannot hold. Use text, finite numbers, true, false, null, arrays and plain objects.`,
    );
  });

  test('accepts objects without a prototype, and objects of another realm', async () => {
    const stand = makeOwnStand();
    await publish('note', Object.assign(Object.create(null), { a: 1 }));
    const { runInNewContext } = await import('node:vm');
    await publish('note', runInNewContext('({ a: [1] })'));
    expect(stand.memory.stored.map(({ data }) => data)).toEqual(['{"a":1}', '{"a":[1]}']);
  });

  test('with the key of other events is refused', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { idempotencyKey: 'k' });
    const call = () => publish('note', 2, { idempotencyKey: 'k' });
    expect(await errorOf(stand, call)).toContain('key-reused: This Idempotency-Key was used');
  });

  test('reports a log that does not answer', async () => {
    const stand = makeOwnStand();
    stand.log.isDown = true;
    expect(await errorOf(stand, () => publish('note', 1))).toBe('log-unavailable: the log is down');
  });
});

function nested(depth: number): object {
  let value: object = [];
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

describe('the rate of the app’s own code', () => {
  test('is that of the publish token, together with all who have it', async () => {
    const stand = makeOwnStand({ env: { PUBLISH_TOKEN: 'right', PUBLISH_RATE: '10' } });
    await publishAll(range(1, 500).map((data) => ({ type: 'note', data })));

    const error = await errorOf(stand, () => publish('note', 1));
    const headers = { 'content-type': 'application/json', authorization: 'Bearer right' };
    const request = stand.ask('events', { method: 'POST', headers, body: '{"data":1}' });

    expect(error).toBe(
      'rate-limited: This publisher may store 10 events per second, at most 500 at once. Try again in 1 s.',
    );
    await expectRefusal(request, 429);
    await stand.clock.advance(1_000);
    await publish('note', 1);
  });

  test('is its own if there is no token', async () => {
    const stand = makeOwnStand({ env: { PUBLISH_RATE: '10', VERCEL: '1' } });
    await publishAll(range(1, 500).map((data) => ({ type: 'note', data })));

    expect(await errorOf(stand, () => publish('note', 1))).toContain('rate-limited');
    const headers = { 'content-type': 'application/json', 'x-real-ip': '192.0.2.1' };
    expect((await stand.ask('events', { method: 'POST', headers, body: '{"data":1}' })).status).toBe(201);
  });
});

describe('publishAll', () => {
  test('stores all events in one step, and returns their ids in the order of the list', async () => {
    const stand = makeOwnStand();

    const { ids, duplicate } = await publishAll([
      { type: 'a', data: 1, channel: 'one' },
      { type: 'b', data: 2, channel: 'two' },
      { type: 'a', data: 3, channel: 'one' },
    ]);

    const at = stand.clock.now();
    expect([ids, duplicate]).toEqual([[`${at}-1`, `${at}-1`, `${at}-2`], false]);
    expect(stand.memory.kept('one').map(({ data }) => data)).toEqual(['1', '3']);
    expect(stand.log.calls.append).toBe(1);
  });

  test('stores nothing if one event is wrong, and names it', async () => {
    const text = await errorOf(makeOwnStand(), () =>
      publishAll([
        { type: 'note', data: 1 },
        { type: 'note', data: 2, channel: '-' },
      ]),
    );
    expect(text).toContain('bad-request: events[1].channel: "-" is');
  });

  test('with the key of an earlier call stores nothing, and returns the first ids', async () => {
    const stand = makeOwnStand();
    const call = () =>
      publishAll(
        [
          { type: 'a', data: 1 },
          { type: 'b', data: 2 },
        ],
        { idempotencyKey: 'k' },
      );
    const first = await call();

    expect(await call()).toEqual({ ...first, duplicate: true });
    expect(stand.memory.stored).toHaveLength(2);
  });

  test.each([
    [0, 'bad-request: The list has no event. Publish 1 to 500.'],
    [
      501,
      'too-large: The list has 501 events; the limit is 500. No events were stored. Publish them in several calls.',
    ],
  ])('refuses a list of %i events', async (count, text) => {
    const events = Array.from({ length: count }, (_, data) => ({ type: 'note', data }));
    expect(await errorOf(makeOwnStand(), () => publishAll(events))).toBe(text);
  });

  test('refuses more than 1 MiB of data, as a request over HTTP does', async () => {
    const stand = makeOwnStand();
    const events = (count: number) => range(1, count).map(() => ({ type: 'note', data: 'x'.repeat(65_000) }));

    await publishAll(events(16));

    expect(await errorOf(stand, () => publishAll(events(17)))).toBe(
      'too-large: The events have 1105034 bytes of data as JSON; the limit is 1048576. No events were stored. Publish them in several calls.',
    );
  });
});
