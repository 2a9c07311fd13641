import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

/** A stand whose feed has events 1 to `count`, one a minute. */
async function standOf(count: number) {
  const stand = makeStand();
  for (const number of range(1, count)) {
    await stand.memory.append({
      events: [{ channel: 'feed', type: 'message', data: `${number}` }],
      key: null,
    });
    await stand.clock.advance(60_000);
  }
  const cursorAt = (number: number) => {
    const event = stand.memory.kept('feed').find(({ id }) => id.seq === number);
    return `${event?.id.time}-${number}~${event?.epoch}`;
  };
  return { stand, cursorAt };
}

describe('a stream starts', () => {
  test('now, if the request does not say where', async () => {
    const { stand } = await standOf(3);

    const stream = await openStream(stand);
    await stand.publish(1);
    await settle();

    expect(stream.data()).toEqual([1]);
    expect(stream.of('hello')[0]?.data.cursor).toMatch(/-3~/);
  });

  test('after its cursor, and hello has that position', async () => {
    const { stand, cursorAt } = await standOf(5);

    const stream = await openStream(stand, `after=${cursorAt(2)}`);

    expect(stream.data()).toEqual([3, 4, 5]);
    expect(stream.of('hello')[0]?.id).toBe(cursorAt(2));
  });

  test('after a cursor without an epoch, which hello then adds', async () => {
    const { stand, cursorAt } = await standOf(5);

    const stream = await openStream(stand, `after=${cursorAt(2).split('~')[0]}`);

    expect(stream.of('hello')[0]?.id).toBe(cursorAt(2));
    expect(stream.data()).toEqual([3, 4, 5]);
  });

  test('at Last-Event-ID, which wins over after, which wins over rewind', async () => {
    const { stand, cursorAt } = await standOf(5);
    const query = `after=${cursorAt(3)}&rewind=all`;

    const byHeader = await openStream(stand, query, { headers: { 'last-event-id': cursorAt(4) } });
    const byAfter = await openStream(stand, query);

    expect(byHeader.data()).toEqual([5]);
    expect(byAfter.data()).toEqual([4, 5]);
  });

  test('at after if the Last-Event-ID is empty', async () => {
    const { stand, cursorAt } = await standOf(5);

    const stream = await openStream(stand, `after=${cursorAt(3)}`, { headers: { 'last-event-id': '' } });

    expect(stream.data()).toEqual([4, 5]);
  });

  test.each(['lastEventId', 'last-event-id'])(
    'at %s in the query, which wins over after, and which Last-Event-ID wins over',
    async (name) => {
      const { stand, cursorAt } = await standOf(5);
      const query = `after=${cursorAt(2)}&${name}=${encodeURIComponent(cursorAt(3))}`;

      const byQuery = await openStream(stand, query);
      const byHeader = await openStream(stand, query, { headers: { 'last-event-id': cursorAt(4) } });

      expect(byQuery.data()).toEqual([4, 5]);
      expect(byHeader.data()).toEqual([5]);
    },
  );

  test('at after if the lastEventId of the query is empty', async () => {
    const { stand, cursorAt } = await standOf(5);

    const stream = await openStream(stand, `after=${cursorAt(3)}&lastEventId=&last-event-id=`);

    expect(stream.data()).toEqual([4, 5]);
  });

  test('at the last valid one of two joined Last-Event-ID headers', async () => {
    const { stand, cursorAt } = await standOf(5);
    const headers = new Headers({ 'last-event-id': cursorAt(2) });
    headers.append('last-event-id', cursorAt(4));

    expect((await openStream(stand, '', { headers })).data()).toEqual([5]);

    headers.append('last-event-id', 'null');
    expect((await openStream(stand, '', { headers })).data()).toEqual([5]);
  });

  test('at the last one if the query has it twice', async () => {
    const { stand, cursorAt } = await standOf(5);

    const stream = await openStream(stand, `lastEventId=${cursorAt(2)}&lastEventId=${cursorAt(3)}`);

    expect(stream.data()).toEqual([4, 5]);
  });

  test('now in a channel that the cursor does not name; a position of another channel is ignored', async () => {
    const { stand, cursorAt } = await standOf(3);
    await stand.publish(2, 'one');

    const stream = await openStream(stand, `channel=feed&channel=one&after=feed@${cursorAt(2)},other@1-1`);

    expect(stream.data()).toEqual([3]);
  });

  test.each([
    ['rewind=2', [4, 5]],
    ['rewind=0', []],
    ['rewind=500', [1, 2, 3, 4, 5]],
    ['rewind=999999999', [1, 2, 3, 4, 5]],
    ['rewind=all', [1, 2, 3, 4, 5]],
    ['rewind=150s', [4, 5]],
    ['rewind=2m', [4, 5]],
    ['rewind=1h', [1, 2, 3, 4, 5]],
    ['rewind=1s', []],
    ['after=0-0', [1, 2, 3, 4, 5]],
  ])('with %s: %j', async (query, expected) => {
    const { stand } = await standOf(5);

    const stream = await openStream(stand, query);

    expect(stream.data()).toEqual(expected);
    expect(stream.of('gap')).toEqual([]);
  });

  test('with rewind=all at the oldest kept event, without a gap; 0-0 reports what was trimmed', async () => {
    const { stand } = await standOf(5);
    stand.memory.trim('feed', 2);

    const [all, zero, many] = [
      await openStream(stand, 'rewind=all'),
      await openStream(stand, 'after=0-0'),
      await openStream(stand, 'rewind=4'),
    ];

    expect([all.data(), all.of('gap').length]).toEqual([[4, 5], 0]);
    expect([zero.data(), zero.of('gap')[0]?.data.missed]).toEqual([[4, 5], 3]);
    expect([many.data(), many.of('gap').length]).toEqual([[4, 5], 0]);
  });

  test('with a rewind that is longer than one read', async () => {
    const stand = makeStand();
    for (const _ of range(1, 4)) await stand.publish(500);

    const stream = await openStream(stand, 'rewind=1234');

    expect(stream.of('event')).toHaveLength(1_234);
    expect(stream.of('gap')).toEqual([]);
  });

  test('with a rewind beyond everything kept after one read and a first page, without reading everything', async () => {
    const stand = makeStand();
    for (const _ of range(1, 10)) await stand.publish(500);
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(2_000);
    const { read } = stand.log.calls;

    await stand.ask('stream?rewind=999999999');

    expect(stand.log.calls.read - read).toBe(2);
  });

  test('with a rewind on an empty log at 0-0', async () => {
    for (const rewind of ['5', '5m', 'all']) {
      const stream = await openStream(makeStand(), `rewind=${rewind}`);

      expect(stream.kinds()).toEqual(['padding', 'retry', 'hello']);
      expect(stream.cursor()).toBe('0-0');
    }
  });

  test('with a rewind that counts all types; the filter then shows some', async () => {
    const stand = makeStand();
    const events = ['a', 'b', 'a', 'b'].map((type) => ({ channel: 'feed', type, data: `"${type}"` }));
    await stand.memory.append({ events, key: null });

    expect((await openStream(stand, 'rewind=3&type=a')).data()).toEqual(['a']);
  });
});

describe('a stream is refused', () => {
  test.each([
    ['after=1-', 'after'],
    ['after=', 'after'],
    ['after=01-1', 'after'],
    ['after=5-0', 'after'],
    ['after=1-1~ABCDEF', 'after'],
    ['after=1-1,1-2', 'after'],
    ['after=1-1&after=1-2', 'after'],
    ['channel=one&channel=two&after=1-1', 'after'],
    ['after=one@1-1,one@1-2&channel=one', 'after'],
    ['after=-@1-1', 'after'],
    ['lastEventId=x', 'lastEventId'],
    ['last-event-id=x', 'last-event-id'],
    ['rewind=', 'rewind'],
    ['rewind=-1', 'rewind'],
    ['rewind=5d', 'rewind'],
    ['rewind=1.5m', 'rewind'],
    ['rewind=1&rewind=2', 'rewind'],
    ['channel=', 'channel'],
    ['channel=a/b', 'channel'],
    [`channel=${'x'.repeat(101)}`, 'channel'],
    [
      range(1, 21)
        .map((number) => `channel=c${number}`)
        .join('&'),
      'channel',
    ],
    ['type=a%20b', 'type'],
  ])('for %.60s, and the refusal names %s', async (query, part) => {
    const stand = makeStand();

    expect(await expectRefusal(stand.ask(`stream?${query}`), 400)).toContain(part);

    expect(stand.log.asked()).toBe(0);
  });

  test('for an invalid Last-Event-ID, and the refusal names it', async () => {
    const answer = makeStand().ask('stream?after=0-0', { headers: { 'last-event-id': 'x' } });

    expect(await expectRefusal(answer, 400)).toContain('Last-Event-ID');
  });

  test('never for a channel that is named twice, and never for twenty channels', async () => {
    const twenty = range(1, 20).map((number) => `channel=c${number}`);

    const stream = await openStream(makeStand(), [...twenty, 'channel=c1'].join('&'));

    expect(stream.cursor().split(',')).toHaveLength(20);
  });
});
