import { describe, expect, test } from 'vitest';
import { eventTypes, schemaOf } from '../../lib/config/event-types.ts';
import { checkEvents } from '../../lib/server/store-events.ts';
import { declareMachine, machine } from '../support/declared-type.ts';

declareMachine();

const refusal = async (data: unknown) => {
  try {
    await checkEvents([{ value: { type: 'machine', data }, what: 'events[3]' }]);
    return 'accepted';
  } catch (error) {
    expect(error).toMatchObject({ name: 'FeedError', code: 'data-does-not-fit' });
    return (error as Error).message;
  }
};

describe('event types', () => {
  test('data that fits its type is accepted', async () => {
    expect(await refusal(machine)).toBe('accepted');
  });

  test.each([
    ['a field of another type', { ...machine, load: '0.5' }, 'events[3].data.load: '],
    ['a field out of range', { ...machine, diskUsedPercent: 101 }, 'events[3].data.diskUsedPercent: '],
    ['a field that is missing', { ...machine, uptimeSeconds: undefined }, 'events[3].data.uptimeSeconds: '],
    ['null', null, 'events[3].data: '],
    ['an array', [machine], 'events[3].data: '],
  ])('%s is refused; the error names the path and the type', async (_, data, path) => {
    const message = await refusal(data);

    expect(message.startsWith(path), message).toBe(true);
    expect(message.endsWith('(type "machine")'), message).toBe(true);
  });

  test('each declared type has its schema', () => {
    for (const [type, schema] of Object.entries(eventTypes)) expect(schemaOf(type)).toBe(schema);
  });

  test.each(['message', 'Machine', 'constructor', 'toString', '__proto__'])(
    'a type without a declared shape has no schema: %s',
    (type) => {
      expect(schemaOf(type)).toBeNull();
    },
  );
});
