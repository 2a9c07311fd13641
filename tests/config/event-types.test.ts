import { describe, expect, test } from 'vitest';
import { checkData } from '../../lib/config/event-types.ts';

const machine = {
  load: 0.5,
  memoryUsedPercent: 40,
  diskUsedPercent: 60,
  uptimeSeconds: 3_600,
  eventLoopDelayMs: 1.5,
};

const refusal = (data: unknown) => {
  try {
    checkData('machine', data, 'events[3]');
    return 'accepted';
  } catch (error) {
    expect(error).toMatchObject({ name: 'FeedError', code: 'data-does-not-fit' });
    return (error as Error).message;
  }
};

describe('event types', () => {
  test('data that fits its type is accepted', () => {
    expect(refusal(machine)).toBe('accepted');
  });

  test.each([
    ['a field of another type', { ...machine, load: '0.5' }, 'events[3].data.load: '],
    ['a field out of range', { ...machine, diskUsedPercent: 101 }, 'events[3].data.diskUsedPercent: '],
    ['a field that is missing', { ...machine, uptimeSeconds: undefined }, 'events[3].data.uptimeSeconds: '],
    ['null', null, 'events[3].data: '],
    ['an array', [machine], 'events[3].data: '],
  ])('%s is refused; the error names the path and the type', (_, data, path) => {
    const message = refusal(data);

    expect(message.startsWith(path), message).toBe(true);
    expect(message.endsWith('(type "machine")'), message).toBe(true);
  });

  test.each(['message', 'Machine', 'constructor', 'toString', '__proto__'])(
    'a type without a declared shape accepts any JSON: %s',
    (type) => {
      for (const data of [null, 42, '42', [], { load: 'x' }]) {
        expect(() => checkData(type, data, 'events[0]')).not.toThrow();
      }
    },
  );
});
