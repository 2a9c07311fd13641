import { describe, expect, test } from 'vitest';
import { FeedError } from '../../lib/core/feed-error.ts';
import { endChannel, forgetChannel, publish, publishAll } from '../../lib/server/publish.ts';
import { declareMachine, machine } from '../support/declared-type.ts';
import { subjectsOf } from '../support/log/log-steps.ts';
import { makeOwnStand } from '../support/server/own-process.ts';
import { expectRefusal } from '../support/server/refusal.ts';
import type { Stand } from '../support/server/stand.ts';

declareMachine();

const post = (stand: Stand, body: unknown, headers: Record<string, string> = {}) =>
  stand.ask('events', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** The attributes of everything that was stored. */
const attributesOf = (stand: Stand) => stand.memory.stored.map(({ attributes }) => attributes);

/** The two ways to publish one event. */
const ways = {
  'a request': async (stand: Stand, event: object) => {
    const response = await post(stand, { data: 1, ...event });
    const { code, detail } = response.ok ? { code: '', detail: '' } : problemOf(await response.json());
    return response.ok ? 'stored' : `${code}: ${detail}`;
  },
  'the app’s own code': async (_: Stand, event: object) => {
    try {
      await publish<string>('message', 1, event);
      return 'stored';
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  },
};

function problemOf({ type, detail }: { type: string; detail: string }) {
  return { code: type.replace('urn:steadfeed:problem:', ''), detail };
}

describe.each(Object.entries(ways))('publishing by %s', (_, send) => {
  test.each([
    [{ subject: 'host-7' }, { subject: 'host-7' }],
    [
      { subject: 'a', remove: true },
      { subject: 'a', remove: true },
    ],
    [
      { subject: 'a', ttlSeconds: 1 },
      { subject: 'a', ttlMs: 1_000 },
    ],
    [
      { subject: 'a', ttlSeconds: 2_592_000 },
      { subject: 'a', ttlMs: 2_592_000_000 },
    ],
    [{ end: true }, { end: true }],
    [
      { subject: 'a', ttlSeconds: 60, end: true },
      { subject: 'a', ttlMs: 60_000, end: true },
    ],
    [{ subject: 'a', remove: false, end: false }, { subject: 'a' }],
    [{ remove: false, end: false }, undefined],
    [{}, undefined],
    [{ subject: 'x'.repeat(200) }, { subject: 'x'.repeat(200) }],
  ])('stores %j as its attributes', async (event, attributes) => {
    const stand = makeOwnStand();

    expect(await send(stand, event)).toBe('stored');

    expect(attributesOf(stand)).toEqual([attributes]);
  });

  const isNoSubject =
    'is not a valid subject. Use 1 to 200 of the characters A-Z a-z 0-9 . _ : - and start with a letter or a digit.';
  const isNoTtl = 'is not valid. Use a whole number from 1 to 2592000.';

  const refusals: readonly (readonly [event: object, detail: string])[] = [
    [{ subject: '' }, `event.subject: "" ${isNoSubject}`],
    [{ subject: 'host 7' }, `event.subject: "host 7" ${isNoSubject}`],
    [{ subject: 'x'.repeat(201) }, `event.subject: "${'x'.repeat(80)}…" ${isNoSubject}`],
    [{ subject: 7 }, `event.subject: a value of type number ${isNoSubject}`],
    [{ subject: null }, `event.subject: a value of type null ${isNoSubject}`],
    [{ subject: ['a'] }, `event.subject: a value of type object ${isNoSubject}`],
    [{ remove: true }, 'event.remove needs a subject. Name the subject that it removes.'],
    [{ ttlSeconds: 60 }, 'event.ttlSeconds needs a subject. Name the subject that expires.'],
    [{ ttlSeconds: 60, end: true }, 'event.ttlSeconds needs a subject. Name the subject that expires.'],
    [
      { subject: 'a', remove: true, ttlSeconds: 1 },
      'event has remove and ttlSeconds. Leave one of them out: what is removed cannot expire.',
    ],
    [{ subject: 'a', remove: 'true' }, 'event.remove: "true" is not valid. Use true or false.'],
    [{ subject: 'a', remove: null }, 'event.remove: a value of type null is not valid. Use true or false.'],
    [{ end: 1 }, 'event.end: 1 is not valid. Use true or false.'],
    ...([0, -1, 0.5, 2_592_001] as const).map(
      (ttlSeconds) => [{ subject: 'a', ttlSeconds }, `event.ttlSeconds: ${ttlSeconds} ${isNoTtl}`] as const,
    ),
    [{ subject: 'a', ttlSeconds: '60' }, `event.ttlSeconds: "60" ${isNoTtl}`],
    [{ subject: 'a', ttlSeconds: true }, `event.ttlSeconds: true ${isNoTtl}`],
    [{ subject: 'a', ttlSeconds: null }, `event.ttlSeconds: a value of type null ${isNoTtl}`],
    [{ subject: 'a', ttlSeconds: [60] }, `event.ttlSeconds: a value of type object ${isNoTtl}`],
  ];

  test.each(refusals)('refuses %j, and says why', async (event, detail) => {
    const stand = makeOwnStand();

    expect(await send(stand, event)).toBe(`bad-request: ${detail}`);

    expect(stand.memory.stored).toEqual([]);
  });

  test('to a channel that has ended is refused with the id at which it ended', async () => {
    const stand = makeOwnStand();
    await send(stand, { channel: 'job.7', end: true });

    expect(await send(stand, { channel: 'job.7' })).toBe(
      `channel-ended: Channel "job.7" ended at ${stand.clock.now()}-1. Publish to another channel, or delete this one with: npm run forget -- --channel job.7`,
    );
  });
});

describe('several events', () => {
  const what = 'which ends channel "a". Give end to the last event of the channel.';

  test.each([
    [[{ channel: 'a', end: true }, { channel: 'a' }], `events[1] follows events[0], ${what}`],
    [
      [{ channel: 'a' }, { channel: 'a', end: true }, { channel: 'b' }, { channel: 'a' }],
      `events[3] follows events[1], ${what}`,
    ],
    [
      [
        { channel: 'a', end: true },
        { channel: 'a', end: true },
      ],
      `events[1] follows events[0], ${what}`,
    ],
  ])('may not follow the end of their channel (%#)', async (events, detail) => {
    const stand = makeOwnStand();
    const whole = events.map((event) => ({ type: 'note', data: 1, ...event }));

    expect(await expectRefusal(post(stand, whole), 400)).toBe(detail);
    await expect(publishAll(whole)).rejects.toThrow(detail);
    expect(stand.memory.stored).toEqual([]);
  });

  test('of other channels may follow it, and each channel may end', async () => {
    const stand = makeOwnStand();

    await publishAll([
      { type: 'note', data: 1, channel: 'a', end: true },
      { type: 'note', data: 2, channel: 'b', subject: 's' },
      { type: 'note', data: 3, channel: 'b', end: true },
    ]);

    expect(attributesOf(stand)).toEqual([{ end: true }, { subject: 's' }, { end: true }]);
  });

  test('in lines of text may have attributes too', async () => {
    const stand = makeOwnStand();

    const response = await stand.ask('events', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{"data":1,"subject":"a","ttlSeconds":2}\n{"data":2,"end":true}\n',
    });

    expect(response.status).toBe(201);
    expect(attributesOf(stand)).toEqual([{ subject: 'a', ttlMs: 2_000 }, { end: true }]);
  });
});

describe('an event with attributes', () => {
  test('goes through the schema of its type as any other', async () => {
    const stand = makeOwnStand();

    await publish('machine', machine, { subject: 'host-7' });

    expect(stand.memory.stored).toMatchObject([{ type: 'machine', attributes: { subject: 'host-7' } }]);
    const wrong = post(stand, { type: 'machine', data: { load: 'high' }, subject: 'host-7' });
    await expectRefusal(wrong, 422);
    expect(await subjectsOf(stand.memory)).toEqual({ 'host-7': machine });
  });

  test('needs data as any other, also if it removes its subject', async () => {
    const refused = post(makeOwnStand(), { subject: 'a', remove: true });

    expect(await expectRefusal(refused, 400)).toBe('event has no data. Send any JSON value.');
  });

  test.each([
    [{ subject: 'a' }, { subject: 'b' }],
    [{ subject: 'a' }, {}],
    [{ subject: 'a' }, { subject: 'a', ttlSeconds: 1 }],
    [
      { subject: 'a', ttlSeconds: 1 },
      { subject: 'a', ttlSeconds: 2 },
    ],
    [{ subject: 'a' }, { subject: 'a', remove: true }],
    [{ end: true }, {}],
  ])('is another event for an idempotency key: %j is not %j', async (first, second) => {
    const stand = makeOwnStand();
    await publish('note', 1, { ...first, idempotencyKey: 'k' });

    const other = publish('note', 1, { ...second, idempotencyKey: 'k' });

    await expect(other).rejects.toMatchObject({ code: 'key-reused' });
    expect(await publish('note', 1, { ...first, idempotencyKey: 'k' })).toMatchObject({ duplicate: true });
    expect(stand.memory.stored).toHaveLength(1);
  });

  test('written with members that say nothing is the same event for an idempotency key', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { subject: 'a', idempotencyKey: 'k' });

    const again = await publish('note', 1, {
      ...{ remove: false, end: false, subject: 'a', channel: 'feed', idempotencyKey: 'k' },
    });

    expect(again.duplicate).toBe(true);
    expect(stand.memory.stored).toHaveLength(1);
  });
});

test('the fingerprint of plain events is what it was before events could have attributes', async () => {
  const stand = makeOwnStand();
  const seen: unknown[] = [];
  const { append } = stand.log;
  stand.log.append = (request) => {
    seen.push(request.key);
    return append(request);
  };

  await publishAll(
    [
      { type: 'note' as string, data: { a: 1 }, channel: 'orders' },
      { type: 'message' as string, data: null },
    ],
    {
      idempotencyKey: 'k',
    },
  );

  // The sha256 of "orders\nnote\n{"a":1}\nfeed\nmessage\nnull\n", in base64url.
  expect(seen).toEqual([{ name: 'k', fingerprint: 'cGLBZa7au5D3eLbFkw8tV4t4p-nUz93uumsO3ffblTI' }]);
});

describe('endChannel', () => {
  test('publishes the last event of a channel: of the type end, without data', async () => {
    const stand = makeOwnStand();

    const { id, duplicate } = await endChannel('job.7');

    expect([id, duplicate]).toEqual([`${stand.clock.now()}-1`, false]);
    expect(stand.memory.kept('job.7')).toMatchObject([
      { type: 'end', data: 'null', attributes: { end: true } },
    ]);
    await expect(endChannel('job.7')).rejects.toMatchObject({ code: 'channel-ended' });
  });

  test('takes a type and data, and a key that makes a retry safe', async () => {
    const stand = makeOwnStand();
    const end = () =>
      endChannel<string>('job.7', { type: 'job.done', data: { ok: true }, idempotencyKey: 'k' });
    const first = await end();

    expect(await end()).toEqual({ ...first, duplicate: true });
    expect(stand.memory.kept('job.7')).toMatchObject([{ type: 'job.done', data: '{"ok":true}' }]);
  });
});

describe('forgetChannel', () => {
  test('deletes a channel, and no other', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { channel: 'order.7', subject: 'a' });
    await publish('note', 1, { channel: 'order.8', subject: 'a' });

    await forgetChannel('order.7');

    expect(stand.memory.kept('order.7')).toEqual([]);
    expect(await subjectsOf(stand.memory, 'order.8')).toEqual({ a: 1 });
    expect((await publish('note', 1, { channel: 'order.7' })).id).toMatch(/-1$/);
  });

  test('refuses a name that no channel can have', async () => {
    makeOwnStand();

    await expect(forgetChannel('no name')).rejects.toThrow('channel: "no name" is not a valid name.');
  });
});
