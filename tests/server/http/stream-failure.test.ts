import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { openStream, readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const native = { headers: { accept: 'text/event-stream' } };

/** Requests a stream, and lets `ms` pass; null: there was no response. */
async function askFor(stand: Stand, ms: number, init: RequestInit = {}): Promise<Response | null> {
  let response: Response | null = null;
  const asked = stand.ask('stream?after=0-0', init).then((answer) => {
    response = answer;
  });
  await stand.clock.advance(ms);
  await Promise.race([asked, null]);
  return response;
}

/** The response that must have arrived by now. */
function given(response: Response | null): Response {
  if (response === null) throw new Error('there is no answer yet');
  return response;
}

describe('a log that fails within a second', () => {
  test('is a 503 with Retry-After', async () => {
    const stand = makeStand();
    stand.log.isDown = true;

    const response = given(await askFor(stand, 900));

    expect(response.headers.get('retry-after')).toMatch(/^[34]$/);
    await expectRefusal(response, 503);
    expect(stand.runtime.streams.size).toBe(0);
  });

  test('is reported to a native EventSource inside a 200', async () => {
    const stand = makeStand();
    stand.log.isDown = true;

    const stream = await readStream(given(await askFor(stand, 900, native)));

    expect(stream.kinds()).toEqual(['retry', 'refused']);
    expect(Number(stream.frames[0]?.text)).toBeGreaterThan(2_000);
    expect(stream.of('refused')[0]?.data.status).toBe(503);
  });

  test('in the middle of a rewind leaves no stream behind', async () => {
    const stand = makeStand();
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(2_000);
    stand.log.isDown = true;

    await expectRefusal(stand.ask('stream?rewind=5'), 503);

    expect(stand.runtime.streams.size).toBe(0);
  });
});

describe('a log that is slow', () => {
  test('gets a second before padding goes out; hello follows when it answers', async () => {
    const stand = makeStand();
    await stand.publish(2);
    stand.log.answerMs = 3_000;

    expect(await askFor(stand, 999)).toBeNull();
    const response = given(await askFor(stand, 1_001));
    const stream = await readStream(response);
    expect(stream.kinds()).toEqual(['padding']);
    await stand.clock.advance(2_500);

    expect(stream.kinds().slice(0, 3)).toEqual(['padding', 'retry', 'hello']);
    expect(stream.isOver()).toBe(false);
  });

  test.each([
    'stream',
    'stream?rewind=5',
    'stream?rewind=all',
    'stream?after=0-0',
    'stream?after=1763841234567-1',
    'stream?channel=feed&channel=other',
  ])('needs one answer for hello, not two one after the other: %s', async (path) => {
    const stand = makeStand();
    await stand.publish(2);
    stand.log.answerMs = 7_200;
    stand.log.acknowledgeMs = 7_200;
    const asked = stand.ask(path);
    await stand.clock.advance(1_000);
    const stream = await readStream(await asked);
    expect(stream.kinds()).toEqual(['padding']);

    await stand.clock.advance(6_999);

    expect(stream.kinds().slice(0, 3)).toEqual(['padding', 'retry', 'hello']);
  });

  test('gets hello out for a second reader too, who comes while the log is asked for the first', async () => {
    const stand = makeStand();
    stand.log.answerMs = 7_000;
    stand.log.acknowledgeMs = 7_000;
    void stand.ask('stream');
    await stand.clock.advance(3_000);
    const asked = stand.ask('stream');
    await stand.clock.advance(1_000);
    const stream = await readStream(await asked);

    await stand.clock.advance(7_000);

    expect(stream.kinds().slice(0, 3)).toEqual(['padding', 'retry', 'hello']);
  });

  test('misses no event that was stored before the subscription was acknowledged', async () => {
    const stand = makeStand();
    stand.log.answerMs = 6_000;
    stand.log.acknowledgeMs = 6_000;
    const asked = stand.ask('stream');
    await stand.clock.advance(2_000);
    const stream = await readStream(await asked);
    for (const _ of range(1, 8)) {
      await stand.publish(1);
      await stand.clock.advance(1_000);
    }

    await stand.clock.advance(12_000);

    expect(stream.of('event').map(({ data }) => Number(String(data.id).split('-')[1]))).toEqual(range(1, 8));
    expect(stream.of('gap')).toEqual([]);
  });

  test('ends the stream with a retry after 8 s', async () => {
    const stand = makeStand();
    stand.log.answerMs = 20_000;
    const stream = await readStream(given(await askFor(stand, 1_000)));

    await stand.clock.advance(6_990);
    expect(stream.isOver()).toBe(false);
    await stand.clock.advance(10);

    expect([stream.kinds(), stream.isOver()]).toEqual([['padding', 'retry'], true]);
    await stand.clock.advance(60_000);
    expect(stand.runtime.streams.size).toBe(0);
  });

  test('ends the stream with a retry if it fails after padding went out', async () => {
    const stand = makeStand();
    stand.log.isDown = true;
    stand.log.answerMs = 2_000;
    const stream = await readStream(given(await askFor(stand, 1_000)));

    await stand.clock.advance(3_000);

    expect([stream.kinds(), stream.isOver()]).toEqual([['padding', 'retry'], true]);
  });
});

describe('a log that fails under an open stream', () => {
  test('leaves it open, with heartbeats, and it continues from its cursor', async () => {
    const stand = makeStand();
    await stand.publish(1);
    const stream = await openStream(stand);
    stand.log.isDown = true;
    stand.log.cut();
    await stand.clock.advance(20_000);
    expect(stream.of('heartbeat')).toHaveLength(1);
    expect(stream.isOver()).toBe(false);

    await stand.publish(5);
    stand.log.isDown = false;
    await stand.clock.advance(6_000);

    expect(stream.of('event')).toHaveLength(5);
    expect(stream.of('gap')).toEqual([]);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });

  test('ends it with a retry after 30 s, so that the client can poll', async () => {
    const stand = makeStand();
    const stream = await openStream(stand);
    await stand.clock.advance(10_000);
    stand.log.isDown = true;
    stand.log.cut();

    await stand.clock.advance(30_000);
    expect(stream.isOver()).toBe(false);
    await stand.clock.advance(2_000);

    expect([stream.kinds().at(-1), stream.isOver()]).toEqual(['retry', true]);
    expect(stand.runtime.streams.size).toBe(0);
  });

  test('is not asked more often if there are more readers, wherever their cursors are', async () => {
    const stand = makeStand();
    await stand.publish(400);
    await stand.publish(500);
    const streams = await Promise.all(range(1, 100).map(() => openStream(stand)));
    stand.log.isDown = true;
    stand.log.cut();
    await stand.clock.advance(1_000);
    const { read } = stand.log.calls;

    await stand.clock.advance(10_000);

    expect(streams.every((stream) => !stream.isOver())).toBe(true);
    expect(stand.log.calls.read - read).toBeLessThan(15);
  });

  test('costs one read per position, not per reader', async () => {
    const stand = makeStand();
    for (const _ of range(1, 5)) await stand.publish(500);
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(2_000);
    const { read } = stand.log.calls;

    const streams = await Promise.all(range(1, 50).map(() => openStream(stand, 'after=0-0')));

    expect(streams.map((stream) => stream.of('event').length)).toEqual(range(1, 50).map(() => 2_500));
    expect(stand.log.calls.read - read).toBeLessThan(15);
  });
});

describe('a replica that lags', () => {
  test('delays nothing that memory no longer has, once it has caught up', async () => {
    const stand = makeStand();
    await stand.publish(5);
    const cursor = stand.cursorAtEnd();
    stand.memory.lag();
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(2_000);
    for (const _ of range(1, 6)) await stand.publish(400);

    const stream = await openStream(stand, `after=${cursor}`);
    await stand.clock.advance(3_000);
    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello']);
    stand.memory.catchUp();
    await stand.clock.advance(250);

    expect(stream.of('event')).toHaveLength(2_400);
    expect(stream.cursor()).toBe(stand.cursorAtEnd());
  });
});
