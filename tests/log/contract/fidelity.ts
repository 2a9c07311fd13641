import { describe, expect, test } from 'vitest';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, readAll, seqs } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const deep = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;

const values: readonly { readonly name: string; readonly json: string }[] = [
  { name: 'a string of digits', json: '"42"' },
  { name: 'a number', json: '42' },
  { name: 'a string with a trailing zero', json: '"1.10"' },
  { name: 'a long number in a string', json: '"12345678901234567890"' },
  { name: 'a double of 17 digits', json: '0.30000000000000004' },
  { name: 'null', json: 'null' },
  { name: 'false', json: 'false' },
  { name: 'an empty string', json: '""' },
  { name: 'a string that is JSON', json: JSON.stringify('{"a":[1]}') },
  { name: 'a key __proto__', json: '{"__proto__":{"polluted":true},"constructor":1}' },
  { name: 'keys out of order', json: '{"b":1,"a":2,"10":3,"9":4}' },
  { name: 'emoji', json: '"👩‍👩‍👧 🚀"' },
  { name: 'U+2028 and U+2029', json: JSON.stringify('a\u2028b\u2029c') },
  { name: 'line ends and NUL', json: JSON.stringify('a\nb\r\nc\rd\u0000e') },
  { name: 'a byte order mark', json: JSON.stringify('\ufeffbom\ufffe') },
  { name: 'a lone surrogate', json: JSON.stringify('\ud800') },
  { name: 'text like a frame', json: JSON.stringify('data: x\n\nid: 1-1\nevent: gap\n\n') },
  { name: 'text like a reply', json: JSON.stringify('message,feed,{"a":1}\r\n+OK\r\n$-1') },
  { name: '60 KB of text', json: JSON.stringify('é✓'.repeat(12_000)) },
  { name: '500 levels of nesting', json: deep(500) },
];

const names = ['123', '0', 'a:b.c_d-e', 'constructor', 'toString', 'hasOwnProperty', 'x'.repeat(100)];

export function describeFidelity(harness: () => LogHarness): void {
  describe('fidelity', () => {
    test.each(values)('$name comes back as the same text', async ({ json }) => {
      const log = harness().open();

      await log.append({ events: [{ channel: 'feed', type: 'message', data: json }], key: null });

      expect(await readAll(log, 'feed')).toMatchObject([{ type: 'message', data: json }]);
    });

    test('a follower gets the same events as a read', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      for (const { json } of values) {
        await log.append({ events: [{ channel: 'feed', type: 'message', data: json }], key: null });
      }
      await listener.receives(values.length);

      expect(listener.events()).toEqual(await readAll(log, 'feed'));
    });

    test('one append can have a megabyte', async () => {
      const log = harness().open();
      const events = Array.from({ length: 16 }, () => newEvent('feed', 'x'.repeat(64_000)));

      await log.append({ events, key: null });

      expect((await readAll(log, 'feed')).map((event) => event.data)).toEqual(
        events.map((event) => event.data),
      );
    });

    test.each(names)('%s can be a channel and a type', async (name) => {
      const log = harness().open();
      const listener = await listen(log, name);

      await log.append({ events: [newEvent(name, 1, name)], key: null });
      await listener.receives(1);

      expect(listener.events()).toEqual(await readAll(log, name));
      expect(await readAll(log, name)).toMatchObject([{ type: name, data: '1' }]);
      expect([...(await log.ends([name])).keys()]).toEqual([name]);
    });

    test('names that differ in case or by one more character are different channels', async () => {
      const log = harness().open();

      await appendTo(log, 'feed', 1);
      await appendTo(log, 'Feed', 2);
      await appendTo(log, 'feed:', 3);

      expect(seqs(await readAll(log, 'feed'))).toEqual([1]);
      expect(seqs(await readAll(log, 'Feed'))).toEqual([1, 2]);
    });
  });
}
