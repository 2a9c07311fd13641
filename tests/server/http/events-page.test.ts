import { describe, expect, test } from 'vitest';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { readPage, seqsOf } from '../../support/server/read-page.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('a page', () => {
  test('has the events after the cursor, the cursor after them, and how to poll', async () => {
    const stand = makeStand();
    await stand.publish(2);

    const { epoch, id } = stand.memory.kept('feed')[1] ?? { epoch: '', id: { time: 0, seq: 0 } };
    expect(await readPage(stand, 'after=0-0')).toEqual({
      events: range(1, 2).map((seq) => ({
        id: `${id.time}-${seq}`,
        channel: 'feed',
        type: 'message',
        time: id.time,
        data: seq,
      })),
      cursor: `${id.time}-2~${epoch}`,
      gaps: [],
      more: false,
      poll: { waitSeconds: 20, everyMs: 0 },
    });
  });

  test('advises short polls on the platform', async () => {
    const stand = makeStand({ env: { POLL_MODE: 'short' } });

    expect((await readPage(stand, '')).poll).toEqual({ waitSeconds: 0, everyMs: 2_000 });
  });

  test('without a cursor is empty, and its cursor is now', async () => {
    const stand = makeStand();
    expect(await readPage(stand, '')).toMatchObject({ events: [], cursor: '0-0', more: false });
    await stand.publish(3);

    expect(await readPage(stand, '')).toMatchObject({ events: [], cursor: stand.cursorAtEnd() });
  });

  test('has 100 events if no limit is given, and says that there are more', async () => {
    const stand = makeStand();
    await stand.publish(250);

    const first = await readPage(stand, 'after=0-0');
    const second = await readPage(stand, `after=${first.cursor}`);
    const third = await readPage(stand, `after=${second.cursor}`);

    expect([first, second, third].map(seqsOf)).toEqual([range(1, 100), range(101, 200), range(201, 250)]);
    expect([first.more, second.more, third.more]).toEqual([true, true, false]);
  });

  test('that ends with the last event says that there are no more', async () => {
    const stand = makeStand();
    await stand.publish(3);

    expect((await readPage(stand, 'after=0-0&limit=3')).more).toBe(false);
    expect((await readPage(stand, 'after=0-0&limit=2')).more).toBe(true);
  });

  test('that is full before it reads a channel says whether that channel has more', async () => {
    const stand = makeStand();
    await stand.publish(1, 'a');
    const query = 'channel=a&channel=b&after=a@0-0,b@0-0&limit=1';

    expect((await readPage(stand, query)).more).toBe(false);
    await stand.publish(1, 'b');
    expect((await readPage(stand, query)).more).toBe(true);
  });

  test('with a filter counts all events against its limit, so it can show fewer although there are more', async () => {
    const stand = makeStand();
    const events = ['a', 'b', 'b', 'a'].map((type) => newEvent('feed', type, type));
    await stand.memory.append({ events, key: null });

    const first = await readPage(stand, 'after=0-0&limit=2&type=b');
    const second = await readPage(stand, `after=${first.cursor}&limit=2&type=b`);

    expect([seqsOf(first), first.more, seqsOf(second), second.more]).toEqual([[2], true, [3], false]);
    expect(await readPage(stand, 'after=0-0&limit=1&type=none')).toMatchObject({ events: [], more: true });
  });

  test('reports a gap with the exact number, and the events after it', async () => {
    const stand = makeStand();
    await stand.publish(9);
    stand.memory.trim('feed', 3);

    const { events, gaps } = await readPage(stand, 'after=0-0');

    expect(gaps).toMatchObject([{ reason: 'trimmed', missed: 6, exact: true, after: '0-0' }]);
    expect(gaps[0].resumesAt).toBe(events[0].id);
  });

  test('ends before an event that was deleted; the next page reports it', async () => {
    const stand = makeStand();
    await stand.publish(9);
    stand.memory.takeOut('feed', 4);

    const first = await readPage(stand, 'after=0-0');
    const second = await readPage(stand, `after=${first.cursor}`);

    expect([seqsOf(first), first.gaps, first.more]).toEqual([[1, 2, 3], [], true]);
    expect([seqsOf(second), second.gaps[0].missed]).toEqual([range(5, 9), 1]);
  });

  test('of a log that started again reports it, and continues at its oldest event', async () => {
    const stand = makeStand();
    await stand.publish(5);
    const cursor = stand.cursorAtEnd();
    stand.memory.empty('feed');
    await stand.clock.advance(5);
    await stand.publish(2);

    const { events, gaps } = await readPage(stand, `after=${cursor}`);

    expect(gaps).toMatchObject([{ reason: 'restarted', missed: null, exact: false }]);
    expect(events).toHaveLength(2);
  });

  test('after a cursor beyond the end waits 5 s for a lagging replica, then reports restarted', async () => {
    const stand = makeStand();
    await stand.publish(5);
    const cursor = stand.cursorAtEnd();
    stand.memory.loseEnd('feed', 2);
    const asked = readPage(stand, `after=${cursor}`);
    await stand.clock.advance(4_900);
    // One read; then the server asks the log for its end until it has moved or the time is over.
    expect(stand.log.calls).toMatchObject({ read: 1, ends: 19 });
    await stand.clock.advance(200);

    expect(await asked).toMatchObject({
      events: [],
      cursor: stand.cursorAtEnd(),
      gaps: [{ reason: 'restarted', resumesAt: null }],
    });
  });

  test('of a log that started again during the read reports at which event it resumes', async () => {
    const stand = makeStand();
    await stand.publish(5);
    const cursor = stand.cursorAtEnd();
    stand.memory.empty('feed');
    stand.log.answerMs = 10;
    const asked = readPage(stand, `after=${cursor}`);
    await stand.clock.advance(5);
    await stand.publish(2);
    await stand.clock.advance(50);

    const { events, gaps } = await asked;

    expect(gaps).toMatchObject([{ reason: 'restarted', resumesAt: events[0].id }]);
  });

  test('continues from a stream’s cursor, and a stream from a page’s', async () => {
    const stand = makeStand();
    const stream = await openStream(stand);
    await stand.publish(3);
    await stand.clock.advance(0);
    const paged = await readPage(stand, `after=${stream.cursor()}`);
    expect(paged.events).toEqual([]);
    await stream.cancel();
    await stand.publish(3);
    const next = await readPage(stand, `after=${paged.cursor}&limit=2`);

    const again = await openStream(stand, `after=${next.cursor}`);

    expect([stream.data(), seqsOf(next), again.data()]).toEqual([[1, 2, 3], [4, 5], [3]]);
    expect(again.cursor()).toBe(stand.cursorAtEnd());
  });
});

describe('a page of several channels', () => {
  test('gives each channel an even share, and what the others leave', async () => {
    const stand = makeStand();
    await stand.publish(50, 'busy');
    await stand.publish(3, 'calm');
    const query = 'channel=calm&channel=busy&after=calm@0-0,busy@0-0';

    const { events, more, cursor } = await readPage(stand, `${query}&limit=20`);

    expect(events.filter(({ channel }: { channel: string }) => channel === 'calm')).toHaveLength(3);
    expect(events).toHaveLength(20);
    expect([more, cursor.split(',').length]).toEqual([true, 2]);
  });

  test('lets no busy channel take another’s share', async () => {
    const stand = makeStand();
    await stand.publish(50, 'busy');
    await stand.publish(50, 'late');
    const query = 'channel=busy&channel=late&after=busy@0-0,late@0-0';

    const { events } = await readPage(stand, `${query}&limit=20`);

    expect(events.filter(({ channel }: { channel: string }) => channel === 'late')).toHaveLength(10);
  });

  test('whose logs all lost their ends waits for a replica once, not for each channel: a poll would time out', async () => {
    const stand = makeStand();
    const channels = ['a', 'b', 'c'];
    for (const channel of channels) await stand.publish(5, channel);
    const cursor = channels.map((channel) => `${channel}@${stand.cursorAtEnd(channel)}`).join(',');
    for (const channel of channels) stand.memory.loseEnd(channel, 2);
    const asked = readPage(stand, `channel=a&channel=b&channel=c&after=${cursor}`);
    await stand.clock.advance(5_100);

    const { gaps } = await asked;

    expect(gaps).toMatchObject(channels.map((channel) => ({ channel, reason: 'restarted' })));
  });

  test('reaches the end of all channels by its cursor, however small the limit', async () => {
    const stand = makeStand();
    for (const channel of ['a', 'b', 'c']) await stand.publish(5, channel);
    const query = 'channel=a&channel=b&channel=c&limit=2';
    let cursor = 'a@0-0,b@0-0,c@0-0';
    let count = 0;

    for (let more = true; more; ) {
      const next = await readPage(stand, `${query}&after=${cursor}`);
      count += next.events.length;
      ({ cursor, more } = next);
    }

    expect(count).toBe(15);
  });
});

describe('a page is refused', () => {
  test.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['wait=-1', 'wait'],
    ['wait=21', 'wait'],
    ['wait=', 'wait'],
    ['before=now', 'before'],
    ['before=1-1~abcdef', 'before'],
    ['before=1-1&channel=a&channel=b', 'before'],
    ['after=x', 'after'],
    ['channel=', 'channel'],
    ['type=', 'type'],
    ['rewind=x', 'rewind'],
  ])('for %s, and the refusal names %s', async (query, part) => {
    expect(await expectRefusal(makeStand().ask(`events?${query}`), 400)).toContain(part);
  });

  test('with 503 and Retry-After when the log fails', async () => {
    const stand = makeStand();
    stand.log.isDown = true;

    const response = await stand.ask('events?after=0-0');

    expect(response.headers.get('retry-after')).toMatch(/^[34]$/);
    await expectRefusal(response, 503);
  });
});
