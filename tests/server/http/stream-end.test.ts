import { describe, expect, onTestFinished, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('the deadline', () => {
  test.each(range(1, 12))(
    'hands over at L − M − J, and ends 0.6 M later with a short retry (seed %i)',
    async (seed) => {
      const stand = makeStand({ env: { STREAM_MAX_SECONDS: '60', HEARTBEAT_SECONDS: '300' }, seed });
      const stream = await openStream(stand);
      const deadlineMs = Number(stream.of('hello')[0]?.data.deadlineMs);

      await stand.clock.advance(deadlineMs - 3_600 - 2);
      expect(stream.of('handover')).toEqual([]);
      await stand.clock.advance(4);
      expect(stream.of('handover')).toMatchObject([
        { id: '0-0', data: { reason: 'deadline', closesInMs: 3_600 } },
      ]);
      await stand.clock.advance(3_590);
      expect(stream.isOver()).toBe(false);
      await stand.clock.advance(12);

      expect(stream.isOver()).toBe(true);
      const retry = Number(stream.frames.at(-1)?.text);
      expect(stream.kinds().slice(-2)).toEqual(['handover', 'retry']);
      expect([retry >= 250, retry <= 1_000]).toEqual([true, true]);
      expect(stand.runtime.streams.size).toBe(0);
    },
  );

  test('is the route’s unless a setting says otherwise', async () => {
    const stream = await openStream(makeStand());

    expect(stream.of('hello')[0]?.data.deadlineMs).toBeGreaterThanOrEqual(300_000 - 10_000 - 30_000 + 6_000);
    expect(stream.of('hello')[0]?.data.deadlineMs).toBeLessThanOrEqual(300_000 - 10_000 + 6_000);
  });

  test("is the platform's own for this request, if there is one", async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '3600' } });
    const context = Symbol.for('@vercel/request-context');
    const deadline = stand.clock.now() + 20_000;
    Object.assign(globalThis, { [context]: { get: () => ({ deadline }) } });
    onTestFinished(() => void Reflect.deleteProperty(globalThis, context));

    const stream = await openStream(stand);

    expect(stream.of('hello')[0]?.data.deadlineMs).toBeGreaterThanOrEqual(20_000 - 2_000 - 4_000 + 1_200);
    expect(stream.of('hello')[0]?.data.deadlineMs).toBeLessThanOrEqual(20_000 - 2_000 + 1_200);
  });

  test('differs between readers that came together', async () => {
    const stand = makeStand();

    const streams = await Promise.all(range(1, 30).map(() => openStream(stand)));

    const deadlines = streams.map((stream) => Number(stream.of('hello')[0]?.data.deadlineMs));
    expect(Math.max(...deadlines) - Math.min(...deadlines)).toBeGreaterThan(15_000);
  });

  test('loses nothing: events between handover and end arrive, and the next stream continues after them', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '10' } });
    const first = await openStream(stand);
    for (const _ of range(1, 100)) {
      await stand.publish(1);
      await stand.clock.advance(100);
    }
    expect(first.isOver()).toBe(true);
    expect(first.kinds().indexOf('handover')).toBeLessThan(first.kinds().lastIndexOf('event'));

    const second = await openStream(stand, '', { headers: { 'last-event-id': first.cursor() } });

    expect(first.of('event').length + second.of('event').length).toBe(100);
    expect(second.of('gap')).toEqual([]);
  });

  test('leaves no timer for a reader that left earlier', async () => {
    const stand = makeStand();
    const stream = await openStream(stand);

    await stream.cancel();
    await stand.clock.advance(20_000);

    expect([stand.runtime.streams.size, stand.runtime.tails.count(), stand.clock.pending()]).toEqual([
      0, 0, 0,
    ]);
  });

  test('ends a stream whose reader has stopped reading, at most 30 % of the margin later', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '10' } });
    await stand.ask('stream');

    await stand.clock.advance(10_000);

    expect(stand.runtime.streams.size).toBe(0);
  });
});

describe('a process that stops', () => {
  test('hands its streams over at once, and ends them', async () => {
    const stand = makeStand();
    await stand.publish(1);
    const stream = await openStream(stand);

    stand.runtime.stopping.abort();
    for (const open of stand.runtime.streams) open.handOver('stopping', 1_500);
    await stand.clock.advance(1_500);

    expect(stream.of('handover')).toMatchObject([
      { id: stand.cursorAtEnd(), data: { reason: 'stopping', closesInMs: 1_500 } },
    ]);
    expect([stream.isOver(), stream.kinds().at(-1)]).toEqual([true, 'retry']);
  });

  test('refuses new streams with Retry-After', async () => {
    const stand = makeStand();
    stand.runtime.stopping.abort();

    const response = await stand.ask('stream');

    expect(response.headers.get('retry-after')).toMatch(/^[1-5]$/);
    await expectRefusal(response, 503);
  });

  test('sends no second handover', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '10' } });
    const stream = await openStream(stand);

    for (const open of stand.runtime.streams) open.handOver('stopping', 60_000);
    await stand.clock.advance(10_000);

    expect(stream.of('handover').map(({ data }) => data.reason)).toEqual(['stopping']);
    expect(stream.isOver()).toBe(true);
  });
});
