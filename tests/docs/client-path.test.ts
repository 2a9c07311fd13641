import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cell, codeIn, tableBelow, textBetweenMarks } from '../support/docs/markdown-table.ts';
import { root } from '../support/root.ts';
import { settle } from '../support/server/manual-clock.ts';
import { openStream } from '../support/server/open-stream.ts';
import { makeStand } from '../support/server/stand.ts';

const doc = readFileSync(join(root, 'docs/client.md'), 'utf8');

test('the path of one event names files that exist', () => {
  const files = tableBelow(doc, 'The path of one event').flatMap((row) => codeIn(cell(row, 'in')));

  expect(files.length).toBeGreaterThan(7);
  for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
});

test('its frame is what a stream sends for that event', async () => {
  const stand = makeStand();
  await stand.publish(41, 'orders');
  const stream = await openStream(stand, `channel=orders&after=${stand.cursorAtEnd('orders')}`);
  await stand.memory.append({
    events: [{ channel: 'orders', type: 'order.created', data: '{"id":7}' }],
    key: null,
  });
  await settle();

  // Times and epochs differ from run to run.
  const plain = (text: string) => text.replaceAll(/\d{13}/g, 'T').replaceAll(/~[a-z0-9]{6}/g, '~E');
  const [event] = stream.of('event');
  const written = /```text\n([\s\S]*?)\n```/.exec(textBetweenMarks(doc, 'frame'))?.[1] ?? '';
  expect(plain(`id: ${event?.id}\ndata: ${event?.text}`)).toBe(plain(written));
});
