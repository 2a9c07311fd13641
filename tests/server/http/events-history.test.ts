import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { readPage, seqsOf } from '../../support/server/read-page.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('history', () => {
  test('is read backwards page by page, newest first, to the oldest event', async () => {
    const stand = makeStand();
    await stand.publish(10);
    const { time } = stand.memory.kept('feed')[0]?.id ?? { time: 0 };

    const first = await readPage(stand, `before=${time}-9&limit=4`);
    const second = await readPage(stand, `before=${first.events.at(-1).id}&limit=4`);

    expect([seqsOf(first), first.more]).toEqual([[8, 7, 6, 5], true]);
    expect([seqsOf(second), second.more]).toEqual([[4, 3, 2, 1], false]);
  });

  test('ends at the oldest event that retention left', async () => {
    const stand = makeStand();
    await stand.publish(10);
    stand.memory.trim('feed', 5);

    const { events, more } = await readPage(stand, `before=${stand.cursorAtEnd().split('~')[0]}&limit=4`);

    expect([seqsOf({ events }), more]).toEqual([[9, 8, 7, 6], false]);
  });

  test('has a cursor; reading from it gives the events after the page', async () => {
    const stand = makeStand();
    await stand.publish(10);
    const { time } = stand.memory.kept('feed')[0]?.id ?? { time: 0 };

    const { cursor } = await readPage(stand, `before=${time}-6&limit=3`);

    expect(seqsOf(await readPage(stand, `after=${cursor}`))).toEqual(range(6, 10));
  });

  test('before the first event is empty', async () => {
    const stand = makeStand();
    await stand.publish(3);

    expect(await readPage(stand, 'before=0-0')).toMatchObject({ events: [], more: false });
    expect(await readPage(stand, 'before=5-1&channel=none')).toMatchObject({
      events: [],
      more: false,
      cursor: '0-0',
    });
  });
});
