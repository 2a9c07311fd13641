import { describe, expect, test } from 'vitest';
import type { PushEvent } from '../../scripts/push/push-input.ts';
import { all, eventsOf } from '../support/scripts/push-steps.ts';

const sent = (events: readonly PushEvent[]) => events.map((event) => JSON.parse(event.json));
const dataOf = async (input: string, format?: 'lines' | 'ndjson') =>
  sent(await all(eventsOf(input, format))).map((event) => event.data);

describe('an event from a line', () => {
  test('has the text as its data, a string', async () => {
    expect(sent(await all(eventsOf('say "hi"\n42\n')))).toEqual([
      { channel: 'feed', type: 'message', data: 'say "hi"' },
      { channel: 'feed', type: 'message', data: '42' },
    ]);
  });

  test('blank lines are skipped, and the others keep their numbers', async () => {
    const events = await all(eventsOf('\n  \na\n\t\nb\n'));

    expect(events.map((event) => event.line)).toEqual([3, 5]);
  });

  test('a first line that is an event makes every line an event', async () => {
    expect(await dataOf('\n{"data":1}\n{"data":null}\n')).toEqual([1, null]);
  });

  test('a first line that is any other JSON makes every line text', async () => {
    expect(await dataOf('{"a":1}\n{"data":1}\n')).toEqual(['{"a":1}', '{"data":1}']);
    expect(await dataOf('null\n')).toEqual(['null']);
    expect(await dataOf('{"data":\n')).toEqual(['{"data":']);
  });

  test('a given format is not guessed', async () => {
    expect(await dataOf('{"data":1}\n', 'lines')).toEqual(['{"data":1}']);
    await expect(dataOf('text\n', 'ndjson')).rejects.toThrow('line 1 is not valid JSON');
  });

  test('an event in JSON keeps its channel, type and data, and nothing else', async () => {
    const line = '{"id":"1-1","channel":"a","type":"b","time":1,"data":{"x":[1.5,"é"]}}';

    expect(sent(await all(eventsOf(line)))).toEqual([{ channel: 'a', type: 'b', data: { x: [1.5, 'é'] } }]);
  });

  test('an event in JSON keeps what it is about, and that its channel ends', async () => {
    const lines = [
      '{"data":1,"subject":"a","ttlSeconds":60,"expiresAt":7}',
      '{"data":null,"subject":"a","remove":true}',
      '{"data":2,"end":true}',
      '{"data":3,"subject":7}',
    ];

    expect(sent(await all(eventsOf(lines.join('\n'))))).toEqual([
      { channel: 'feed', type: 'message', subject: 'a', ttlSeconds: 60, data: 1 },
      { channel: 'feed', type: 'message', subject: 'a', remove: true, data: null },
      { channel: 'feed', type: 'message', end: true, data: 2 },
      { channel: 'feed', type: 'message', subject: 7, data: 3 },
    ]);
  });

  test('a number that JavaScript cannot represent is refused, not changed', async () => {
    await expect(dataOf('{"data":1}\n{"data":12345678901234567890}')).rejects.toThrow(
      'line 2: The number 12345678901234567890',
    );
  });

  test('a line that is not an event, or has a wrong name, is refused with its number', async () => {
    await expect(dataOf('{"data":1}\n\n{"dta":1}')).rejects.toThrow('line 3 is not an event');
    await expect(dataOf('{"data":1,"type":"a b"}')).rejects.toThrow(
      'line 1: type: "a b" is not a valid name',
    );
  });

  test('an event of 64 KiB as JSON is accepted, and one byte more is refused', async () => {
    const around = '{"channel":"feed","type":"message","data":""}'.length;
    const fits = 'x'.repeat(65_536 - around);

    expect(await dataOf(`${fits}\n`)).toEqual([fits]);
    await expect(dataOf(`a\n${fits}x\n`)).rejects.toThrow(
      'line 2 is 65537 bytes as JSON. The limit is 65536.',
    );
  });

  test('the size of an event is counted in bytes', async () => {
    const [event] = await all(eventsOf('é三😀"\n'));

    expect(event?.bytes).toBe(Buffer.byteLength(event?.json ?? ''));
  });
});
