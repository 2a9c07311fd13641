import { describe, expect, test } from 'vitest';
import { tailTimes } from '../../../lib/server/tail/tail-times.ts';
import { newEvent } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { readPage, seqsOf } from '../../support/server/read-page.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

/** Ends a channel with an event of the type `done`. */
async function end(stand: Stand, channel: string): Promise<void> {
  const event = { ...newEvent(channel, 'over', 'done'), attributes: { end: true } as const };
  await stand.memory.append({ events: [event], key: null });
  await settle();
}

/** A stand whose channel `job.7` has two events and its end; and the cursors of its start and end. */
async function makeEnded(env = {}) {
  const stand = makeStand({ env });
  await stand.publish(2, 'job.7');
  const [first] = stand.memory.kept('job.7');
  await end(stand, 'job.7');
  return { stand, start: `${first?.id.time}-1~${first?.epoch}`, last: stand.cursorAtEnd('job.7') };
}

const idOf = (cursor: string) => cursor.split('~')[0];

describe('a stream of a channel that ends', () => {
  test('delivers the last event, then the end, then the last frame, and closes', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=job.7');
    await stand.publish(1, 'job.7');

    await end(stand, 'job.7');

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event', 'event', 'end', 'retry']);
    const cursor = stand.cursorAtEnd('job.7');
    expect(stream.of('event').at(-1)?.data).toMatchObject({ type: 'done', end: true });
    expect(stream.of('end')).toMatchObject([{ id: cursor, data: { channel: 'job.7', id: idOf(cursor) } }]);
    expect(stream.isOver()).toBe(true);
    expect(stand.runtime.streams.size).toBe(0);
    expect([...stand.runtime.metrics.streamsEnded.entries()].map(([reason]) => reason)).toEqual(['ended']);
  });

  test('says the end although its filter leaves the last event out', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=job.7&type=message');

    await end(stand, 'job.7');

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'end', 'retry']);
    expect(stream.of('end')[0]?.id).toBe(stand.cursorAtEnd('job.7'));
    expect(stream.isOver()).toBe(true);
  });

  test('replays what the log has of it, then ends', async () => {
    const { stand } = await makeEnded();

    const stream = await openStream(stand, 'channel=job.7&rewind=all');

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event', 'event', 'event', 'end', 'retry']);
    expect(stream.isOver()).toBe(true);
  });

  test('goes on while another of its channels has not ended', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=a&channel=b');

    await end(stand, 'a');
    await stand.publish(1, 'b');
    await settle();
    expect(stream.kinds().slice(3)).toEqual(['event', 'end', 'event']);
    expect(stream.isOver()).toBe(false);

    await end(stand, 'b');
    expect(stream.kinds().slice(6)).toEqual(['event', 'end', 'retry']);
    expect(stream.of('end').map(({ data }) => data.channel)).toEqual(['a', 'b']);
    expect(stream.of('end')[1]?.id).toBe(`a@${stand.cursorAtEnd('a')},b@${stand.cursorAtEnd('b')}`);
    expect(stream.isOver()).toBe(true);
  });

  test('says once that a channel has ended, also to a reader that starts at its end', async () => {
    const stand = makeStand();
    await end(stand, 'a');
    const stream = await openStream(stand, 'channel=a&channel=b');
    await stand.publish(3, 'b');
    await settle();
    await stand.clock.advance(60_000);

    expect(stream.of('end')).toHaveLength(1);
    expect(stream.kinds().slice(0, 4)).toEqual(['padding', 'retry', 'hello', 'end']);
  });

  test('reports a gap when an ended channel was deleted and starts again, and goes on', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=a&channel=b');
    await end(stand, 'a');

    await stand.memory.forget('a');
    await stand.publish(1, 'a');
    await stand.clock.advance(1_000);

    expect(stream.kinds().slice(3)).toEqual(['event', 'end', 'gap', 'event']);
    expect(stream.of('gap')[0]?.data).toMatchObject({ channel: 'a', reason: 'restarted' });
    await end(stand, 'b');
    expect(stream.isOver()).toBe(false);
    await end(stand, 'a');
    expect(stream.of('end').map(({ data }) => data.channel)).toEqual(['a', 'b', 'a']);
    expect(stream.isOver()).toBe(true);
  });
});

describe('a stream that starts at the end of ended channels', () => {
  test.each([
    ['now', () => 'channel=job.7'],
    ['a cursor', (last: string) => `channel=job.7&after=${last}`],
    ['a cursor without an epoch', (last: string) => `channel=job.7&after=${idOf(last)}`],
    ['a rewind that has nothing', () => 'channel=job.7&rewind=0'],
  ])('is answered 204, which stops a native EventSource: %s', async (_, query) => {
    const { stand, last } = await makeEnded();

    const response = await stand.ask(`stream?${query(last)}`, { headers: { accept: 'text/event-stream' } });

    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(response.headers.has('content-type')).toBe(false);
    expect(stand.runtime.streams.size).toBe(0);
    expect(stand.runtime.admission.held()).toBe(0);
  });

  test('is answered 204 when a native EventSource comes back after the end', async () => {
    const { stand, start, last } = await makeEnded();
    const stream = await openStream(stand, `channel=job.7&after=${start}`);
    expect(stream.cursor()).toBe(last);

    const headers = { accept: 'text/event-stream', 'last-event-id': stream.cursor() };
    expect((await stand.ask(`stream?channel=job.7&after=${start}`, { headers })).status).toBe(204);
  });

  test('costs nothing in memory that is there: many readers come back to one tail', async () => {
    const { stand, last } = await makeEnded();
    await stand.ask(`stream?channel=job.7&after=${last}`);
    const asked = stand.log.asked();

    for (let reader = 0; reader < 50; reader += 1) {
      expect((await stand.ask(`stream?channel=job.7&after=${last}`)).status).toBe(204);
    }

    expect(stand.log.asked()).toBe(asked);
  });

  test('leaves its tail for a short time only: nothing follows', async () => {
    const { stand, last } = await makeEnded();
    await stand.publish(1, 'goes-on');
    await stand.ask(`stream?channel=job.7&after=${last}`);
    const other = await openStream(stand, 'channel=goes-on');
    await other.cancel();
    expect([stand.runtime.tails.count(), stand.log.followers()]).toEqual([2, 2]);

    await stand.clock.advance(tailTimes.endedLingerMs);
    expect(stand.runtime.tails.list().map(({ tail }) => tail.channel)).toEqual(['goes-on']);
    await stand.clock.advance(tailTimes.lingerMs);
    expect([stand.runtime.tails.count(), stand.log.followers()]).toEqual([0, 0]);
  });

  test('is a stream if one of the channels has not ended', async () => {
    const { stand } = await makeEnded();

    expect((await stand.ask('stream?channel=job.7&channel=other')).status).toBe(200);
  });

  test('says hello and the end if the log answers after the first byte', async () => {
    const { stand, last } = await makeEnded();
    stand.log.answerMs = 3_000;
    const asked = stand.ask(`stream?channel=job.7&after=${last}`);
    await stand.clock.advance(1_000);
    const response = await asked;
    expect(response.status).toBe(200);
    const text = response.text();
    await stand.clock.advance(5_000);

    expect((await text).match(/event: \w+/g)).toEqual(['event: hello', 'event: end']);
    expect(await text).toMatch(/\nretry: \d+\n\n$/);
  });

  test('ends before the first byte only: HEAD answers the headers of a stream', async () => {
    const { stand } = await makeEnded();

    expect((await stand.ask('stream?channel=job.7', { method: 'HEAD' })).status).toBe(200);
  });
});

describe('a page of an ended channel', () => {
  test('that reaches the end says so, after more; no other page has the member', async () => {
    const { stand, start } = await makeEnded();

    expect(await readPage(stand, `channel=job.7&after=${start}&limit=1`)).not.toHaveProperty('ended');
    const page = await readPage(stand, `channel=job.7&after=${start}`);
    expect(Object.keys(page)).toEqual(['events', 'cursor', 'gaps', 'more', 'ended', 'poll']);
    expect(page).toMatchObject({ more: false, ended: true, cursor: stand.cursorAtEnd('job.7') });
    expect(seqsOf(page)).toEqual([2, 3]);
    expect(page.events.at(-1)).toMatchObject({ type: 'done', end: true });
  });

  test.each(['', '&rewind=all', '&rewind=1', '&after=LAST', '&after=0-0&type=none'])(
    'is over at its end: %s',
    async (query) => {
      const { stand, last } = await makeEnded();

      expect(await readPage(stand, `channel=job.7${query.replace('LAST', last)}`)).toMatchObject({
        ended: true,
      });
    },
  );

  test('is not over while another channel of the request goes on, or has more', async () => {
    const { stand } = await makeEnded();
    await end(stand, 'b');

    expect(await readPage(stand, 'channel=job.7&channel=c')).not.toHaveProperty('ended');
    expect(await readPage(stand, 'channel=job.7&channel=b')).toMatchObject({ ended: true });
    expect(await readPage(stand, 'channel=job.7&channel=b&after=job.7@0-0,b@0-0&limit=1')).toMatchObject({
      more: true,
    });
    // The only event of b fills the page; the end of job.7 is asked for.
    const full = await readPage(stand, 'channel=b&channel=job.7&after=b@0-0&limit=1');
    expect(full).toMatchObject({ more: false, ended: true });
  });

  test('of history is not over: it goes backwards', async () => {
    const { stand } = await makeEnded();

    expect(await readPage(stand, 'channel=job.7&before=9007199254740991-1')).not.toHaveProperty('ended');
  });

  test('answers a long poll at once', async () => {
    const { stand, last } = await makeEnded();

    expect(await readPage(stand, `channel=job.7&after=${last}&wait=20`)).toMatchObject({
      events: [],
      ended: true,
    });
  });

  test.each(['', '&type=none'])('answers a long poll that waits when the end comes%s', async (filter) => {
    const stand = makeStand();
    const asked = readPage(stand, `channel=job.7&wait=20${filter}`);
    await stand.clock.advance(2_000);
    await end(stand, 'job.7');
    await stand.clock.advance(100);

    expect(await asked).toMatchObject({ ended: true, cursor: stand.cursorAtEnd('job.7') });
  });

  test('can be kept by a shared cache for an hour, from a cursor or from the beginning', async () => {
    const { stand, start, last } = await makeEnded();
    const cacheOf = async (query: string, headers = {}) =>
      (await stand.ask(`events?channel=job.7${query}`, { headers })).headers.get('cache-control');
    const hour = 'public, max-age=0, s-maxage=3600';

    for (const query of [
      `&after=${start}`,
      `&after=${last}`,
      '&rewind=all',
      '&rewind=all&limit=1',
      `&after=${start}&type=a`,
    ]) {
      expect(await cacheOf(query), query).toBe(hour);
    }
    for (const query of ['', '&rewind=1', '&rewind=10m', '&before=9-9', `&after=${last}&wait=5`]) {
      expect(await cacheOf(query), query).not.toBe(hour);
    }
    expect(await cacheOf('&rewind=all', { authorization: 'Bearer x' })).toBe('private, no-store');
    expect(
      (await stand.ask(`events?channel=job.7&channel=b&after=job.7@${last}`)).headers.get('cache-control'),
    ).toBe('private, no-store');
  });

  test('is kept by no shared cache for longer than its channel is kept', async () => {
    const { stand, last } = await makeEnded();
    const { rules } = stand.runtime;
    Object.assign(stand.runtime, {
      rules: (channel: string) => ({
        ...rules(channel),
        expireAfterEndSeconds: channel === 'job.7' ? 90 : 7_200,
      }),
    });

    const { headers } = await stand.ask(`events?channel=job.7&after=${last}`);

    expect(headers.get('cache-control')).toBe('public, max-age=0, s-maxage=90');
  });

  test('with a gap is over too, and no cache keeps it', async () => {
    const { stand, start } = await makeEnded();
    stand.memory.trim('job.7', 1);

    const response = await stand.ask(`events?channel=job.7&after=${start}`);

    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await response.json()).toMatchObject({ gaps: [{ missed: 1 }], ended: true });
  });

  test('tells a reader at rest that it is over', async () => {
    const { stand, last } = await makeEnded({ QUIET_SECONDS: '60' });

    expect(await readPage(stand, `channel=job.7&after=${last}&rest=30`)).toMatchObject({ ended: true });
  });
});

describe('a publish to an ended channel', () => {
  test('is refused with the id at which it ended; nothing of the request is stored', async () => {
    const { stand, last } = await makeEnded();
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify([{ data: 1 }, { channel: 'job.7', data: 2 }]);

    const detail = await expectRefusal(stand.ask('events', { method: 'POST', headers, body }), 409);

    expect(detail).toContain(`"job.7" ended at ${idOf(last)}`);
    expect(stand.memory.kept('feed')).toEqual([]);
  });
});

describe('a quiet process', () => {
  test('hands over no stream whose channels have ended, and is left without a timer', async () => {
    const stand = makeStand({ env: { QUIET_SECONDS: '60' } });
    const stream = await openStream(stand, 'channel=job.7&quiet=0');
    await end(stand, 'job.7');

    await stand.clock.advance(600_000);

    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event', 'end', 'retry']);
    expect([stand.runtime.admission.held(), stand.runtime.tails.count(), stand.clock.pending()]).toEqual([
      0, 0, 0,
    ]);
  });

  test('lets its other readers rest after the end of one of them', async () => {
    const stand = makeStand({ env: { QUIET_SECONDS: '60' } });
    await openStream(stand, 'channel=job.7&quiet=0');
    const other = await openStream(stand, 'channel=other&quiet=0');
    await end(stand, 'job.7');

    await stand.clock.advance(600_000);

    expect(other.of('handover')[0]?.data).toMatchObject({ reason: 'quiet' });
  });
});
