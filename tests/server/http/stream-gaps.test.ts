import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('a gap', () => {
  test('for trimmed events has the exact number, and the oldest kept events follow', async () => {
    const stand = makeStand();
    await stand.publish(1);
    const cursor = stand.cursorAtEnd();
    await stand.publish(9);
    stand.memory.trim('feed', 4);

    const stream = await openStream(stand, `after=${cursor}`);

    const [first] = stand.memory.kept('feed');
    expect(stream.of('gap').map(({ data }) => data)).toEqual([
      {
        channel: 'feed',
        reason: 'trimmed',
        missed: 5,
        exact: true,
        after: cursor.split('~')[0],
        resumesAt: `${first?.id.time}-7`,
      },
    ]);
    expect(stream.kinds().slice(3)).toEqual(['gap', 'event', 'event', 'event', 'event']);
  });

  test('and what the log has lost are not sent to a reader that starts behind the loss while the log decides', async () => {
    const stand = makeStand();
    stand.runtime.tails.lease('feed');
    await stand.publish(1);
    const cursor = stand.cursorAtEnd();
    await stand.publish(2);
    await stand.clock.advance(5_000);
    stand.memory.loseEnd('feed', 2);
    stand.log.following = 'hangs';
    stand.log.cut();
    await stand.clock.advance(2_000);

    const opening = openStream(stand, `after=${cursor}`);
    await stand.clock.advance(6_000);
    const stream = await opening;

    expect(stream.kinds().filter((kind) => kind === 'event' || kind === 'gap')).toEqual([]);
    expect(stream.cursor()).toBe(cursor);
  });

  test('for an event that was deleted from the middle reports that one', async () => {
    const stand = makeStand();
    await stand.publish(600);
    stand.memory.takeOut('feed', 50);

    const stream = await openStream(stand, 'after=0-0');

    expect(stream.of('gap').map(({ data }) => [data.reason, data.missed])).toEqual([['trimmed', 1]]);
    expect(stream.data()).toEqual(range(1, 600).filter((number) => number !== 50));
  });

  test('with a filter is an upper bound, and says so', async () => {
    const stand = makeStand();
    await stand.publish(10);
    stand.memory.trim('feed', 4);

    const stream = await openStream(stand, 'after=0-0&type=rare');

    expect(stream.of('gap')[0]?.data).toMatchObject({ missed: 6, exact: false });
  });

  test('for a log that started again is sent while the stream is open, and the new log follows', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const stream = await openStream(stand);
    stand.memory.empty('feed');
    await stand.clock.advance(5);

    await stand.publish(2);
    await stand.clock.advance(0);

    expect(stream.kinds().slice(3)).toEqual(['gap', 'event', 'event']);
    expect(stream.of('gap')[0]?.data).toMatchObject({ reason: 'restarted', missed: null, exact: false });
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });

  test('for a log that lost everything is sent at the next check, and resumes at nothing yet', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const stream = await openStream(stand);
    stand.memory.empty('feed');

    await stand.clock.advance(6_000);

    expect(stream.of('gap').map(({ id, data }) => [id, data.reason, data.resumesAt])).toEqual([
      ['0-0', 'restarted', null],
    ]);
  });

  test('for a log that lost its end is sent once, after the next check and the wait for a replica', async () => {
    const stand = makeStand();
    await stand.publish(5);
    const stream = await openStream(stand);
    stand.memory.loseEnd('feed', 2);

    await stand.clock.advance(20_000);
    await stand.publish(1);
    await stand.clock.advance(1_000);

    expect(stream.of('gap').map(({ data }) => data.reason)).toEqual(['restarted']);
    expect(
      stream
        .kinds()
        .filter((kind) => kind !== 'heartbeat')
        .slice(3),
    ).toEqual(['gap', 'event']);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });

  test('of one channel does not delay another', async () => {
    const stand = makeStand();
    await stand.publish(10, 'one');
    stand.memory.trim('one', 4);
    await stand.publish(2, 'two');

    const stream = await openStream(stand, 'channel=one&channel=two&after=one@0-0,two@0-0');

    expect(stream.of('gap').map(({ data }) => data.channel)).toEqual(['one']);
    expect(stream.of('event')).toHaveLength(6);
  });
});

describe('what memory still has of a lost log', () => {
  /** A process that remembers events 1 to 5 and whose subscription is silent, and a reader that got three more elsewhere. */
  async function makeDeafStand() {
    const stand = makeStand();
    await stand.publish(5);
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(2_000);
    stand.log.silence();
    await stand.clock.advance(10);
    await stand.publish(3);
    return { stand, ahead: stand.cursorAtEnd() };
  }

  test.each(['after=0-0', 'rewind=all'])('is not sent to a later reader with %s', async (query) => {
    const { stand } = await makeDeafStand();
    stand.memory.empty('feed');

    const stream = await openStream(stand, query);
    await stand.clock.advance(10_000);

    expect(stream.of('event')).toEqual([]);
    expect(stream.cursor()).toBe('0-0');
  });

  test('is not sent again after the gap at its end', async () => {
    const { stand, ahead } = await makeDeafStand();
    stand.memory.loseEnd('feed', 5);
    const stream = await openStream(stand, `after=${ahead}`);

    await stand.clock.advance(20_000);
    await stand.publish(1);
    await stand.clock.advance(1_000);

    const kinds = stream.kinds().filter((kind) => kind !== 'heartbeat');
    expect(kinds.slice(3)).toEqual(['gap', 'event']);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });

  test('is not sent again after the gap of an empty log', async () => {
    const { stand, ahead } = await makeDeafStand();
    stand.memory.empty('feed');
    const stream = await openStream(stand, `after=${ahead}`);

    await stand.clock.advance(20_000);
    expect(stream.cursor()).toBe('0-0');
    await stand.publish(1);
    // The next check finds the silent subscription.
    await stand.clock.advance(66_000);

    const kinds = stream.kinds().filter((kind) => kind !== 'heartbeat');
    expect(kinds.slice(3)).toEqual(['gap', 'event']);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });
});
