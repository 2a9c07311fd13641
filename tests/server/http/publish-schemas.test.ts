import { afterAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { eventTypes } from '../../../lib/config/event-types.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

let made = 0;

/** Types that an adopter could declare. */
const declared = {
  'with.default': z.object({ id: z.number(), note: z.string().default('none') }),
  'with.changing.default': z.object({ id: z.number(), serial: z.number().default(() => (made += 1)) }),
  loose: z.looseObject({ id: z.number() }),
  strict: z.strictObject({ id: z.number() }),
  trimmed: z.object({ name: z.string().trim().toLowerCase() }),
  'date.as.text': z.object({ at: z.coerce.date().transform((date) => date.toISOString()) }),
  awaited: z.object({ id: z.number().refine(async (id) => id < 10, 'there is no such id') }),
  form: z.object({
    a: z.string('expected text'),
    b: z.number('expected a number'),
    c: z.string('expected text'),
  }),
  texts: z.array(z.string('expected text')),
  growing: z.string().transform((text) => text.repeat(2)),
  failing: z.object({}).refine(() => {
    throw new TypeError('a fault in the schema');
  }),
};
/** Types whose output JSON cannot hold. */
const unfit = {
  'a.date': z.object({ at: z.coerce.date() }),
  'a.map': z.unknown().transform(() => new Map([[1, 2]])),
  'a.bigint': z.object({ list: z.array(z.coerce.bigint()) }),
  'not.a.number': z.object({ n: z.string().transform(Number) }),
  nothing: z.unknown().transform(() => undefined),
  'a.circle': z.unknown().transform(() => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    return circle;
  }),
};
Object.assign(eventTypes, declared, unfit);
afterAll(() => {
  for (const type of [...Object.keys(declared), ...Object.keys(unfit)])
    Reflect.deleteProperty(eventTypes, type);
});

function send(stand: Stand, type: string, data: unknown, key?: string): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  return stand.ask('events', { method: 'POST', headers, body: JSON.stringify({ type, data }) });
}

/** Publishes an event that must be accepted. @returns its data as a reader gets it. */
async function stored(type: string, data: unknown): Promise<unknown> {
  const stand = makeStand();
  expect((await send(stand, type, data)).status).toBe(201);
  const page = await (await stand.ask('events?after=0-0')).json();
  return page.events[0].data;
}

async function refusalOf(type: string, data: unknown): Promise<string> {
  const stand = makeStand();
  const detail = await expectRefusal(send(stand, type, data), 422);
  expect(stand.memory.stored).toEqual([]);
  return detail;
}

describe('the log stores what the schema returns', () => {
  test('a default is filled in', async () => {
    expect(await stored('with.default', { id: 7 })).toEqual({ id: 7, note: 'none' });
  });

  test('unknown members are left out by z.object, and kept by z.looseObject', async () => {
    expect(await stored('with.default', { id: 7, secret: 's' })).toEqual({ id: 7, note: 'none' });
    expect(await stored('loose', { id: 7, more: [1] })).toEqual({ id: 7, more: [1] });
  });

  test('unknown members are refused by z.strictObject, by name', async () => {
    expect(await refusalOf('strict', { id: 7, more: 1 })).toBe(
      'event.data: Unrecognized key: "more" (type "strict")',
    );
  });

  test('a transform has its effect', async () => {
    expect(await stored('trimmed', { name: '  Ada ' })).toEqual({ name: 'ada' });
    expect(await stored('date.as.text', { at: '2026-01-02T03:04:05+01:00' })).toEqual({
      at: '2026-01-02T02:04:05.000Z',
    });
  });

  test('data of a type without a schema stays as it is', async () => {
    expect(await stored('undeclared', { id: 7, secret: 's' })).toEqual({ id: 7, secret: 's' });
  });

  test('the size of an event is that of what is stored', async () => {
    const stand = makeStand();
    expect((await send(stand, 'growing', 'x'.repeat(32_000))).status).toBe(201);
    expect(await expectRefusal(send(stand, 'growing', 'x'.repeat(33_000)), 413)).toContain('event is 660');
  });
});

describe('a refusal names', () => {
  test('each fault, with its path', async () => {
    expect(await refusalOf('form', { a: 1, b: 'x', e: 1 })).toBe(
      'event.data.a: expected text; event.data.b: expected a number; event.data.c: expected text (type "form")',
    );
  });

  test('the first five faults, and how many more there are', async () => {
    expect(await refusalOf('texts', [1, 2, 3, 4, 5, 6, 7])).toBe(
      `${[0, 1, 2, 3, 4].map((index) => `event.data.${index}: expected text`).join('; ')}; and 2 more (type "texts")`,
    );
  });
});

test('an asynchronous refine decides like any other', async () => {
  expect(await stored('awaited', { id: 7 })).toEqual({ id: 7 });
  expect(await refusalOf('awaited', { id: 70 })).toBe('event.data.id: there is no such id (type "awaited")');
});

test.each([
  ['a.date', { at: 0 }, 'event.data.at', 'an object of the class Date'],
  ['a.map', 1, 'event.data', 'an object of the class Map'],
  ['a.bigint', { list: ['1'] }, 'event.data.list.0', 'a bigint'],
  ['not.a.number', { n: 'x' }, 'event.data.n', 'NaN'],
  ['nothing', 1, 'event.data', 'undefined'],
  ['a.circle', 1, 'event.data', 'a value that contains itself, or is too deep'],
])(
  'an output that is no JSON is refused, and the refusal names the part (%s)',
  async (type, data, path, found) => {
    expect(await refusalOf(type, data)).toBe(
      `${path}: the schema of type "${type}" returns ${found}, which JSON cannot hold. Let its last step return JSON.`,
    );
  },
);

test('a schema whose own code fails is a fault of the server', async () => {
  const noted = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const stand = makeStand();
  expect(await expectRefusal(send(stand, 'failing', {}), 500)).not.toContain('a fault in the schema');
  expect(noted.mock.calls.join()).toContain('a fault in the schema');
  noted.mockRestore();
  expect(stand.memory.stored).toEqual([]);
});

describe('a retry with the same key', () => {
  test('is a duplicate, also if a default has another value by then', async () => {
    const stand = makeStand();
    const first = await (await send(stand, 'with.changing.default', { id: 7 }, 'k')).json();

    const second = await send(stand, 'with.changing.default', { id: 7 }, 'k');

    expect(second.status).toBe(200);
    expect(await second.json()).toEqual({ ...first, duplicate: true });
    expect(stand.memory.stored).toHaveLength(1);
  });

  test('that the publisher filled with other data is refused, also if the schema makes the same of both', async () => {
    const stand = makeStand();
    await send(stand, 'trimmed', { name: 'ada' }, 'k');

    await expectRefusal(send(stand, 'trimmed', { name: ' Ada' }, 'k'), 422);
  });
});
