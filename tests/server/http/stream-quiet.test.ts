import { describe, expect, test } from 'vitest';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';

const env = { QUIET_SECONDS: '60' };

describe('a stream in a quiet process', () => {
  test('is handed over with the reason quiet, and ends a second later; its tail and its slot are free', async () => {
    const stand = makeStand({ env });
    await stand.publish();
    const stream = await openStream(stand, 'quiet=0');
    await stand.clock.advance(59_000);
    expect(stream.of('handover')).toEqual([]);

    await stand.clock.advance(2_000);
    expect(stream.of('handover')).toMatchObject([
      { id: stand.cursorAtEnd(), data: { reason: 'quiet', closesInMs: 1_000, everyMs: 5_000 } },
    ]);
    expect(stand.runtime.admission.held()).toBe(0);
    await stand.clock.advance(1_000);
    expect([stream.isOver(), stand.runtime.streams.size]).toEqual([true, 0]);
    expect(stream.kinds().at(-1)).toBe('retry');
  });

  test('goes on after an event in another channel of the process, whose time counts', async () => {
    const stand = makeStand({ env });
    const one = await openStream(stand, 'quiet=0');
    const other = await openStream(stand, 'channel=other&quiet=0');
    await stand.clock.advance(50_000);
    await stand.publish(1, 'other');
    await stand.clock.advance(59_000);
    expect([one, other].flatMap((each) => each.of('handover'))).toEqual([]);

    await stand.clock.advance(2_000);
    expect([one, other].map((each) => each.of('handover').length)).toEqual([1, 1]);
  });

  test('is not kept awake by what the log had before', async () => {
    const stand = makeStand({ env });
    await stand.publish(5);
    const stream = await openStream(stand, 'rewind=all&quiet=59');
    expect(stream.of('event')).toHaveLength(5);
    await stand.clock.advance(1_000);
    expect(stream.of('handover')).toHaveLength(1);
  });

  test.each([
    ['of a reader that does not know the reason', env, ''],
    ['of a server without the setting', {}, 'quiet=0'],
    ['of a server that has switched it off on the platform', { QUIET_SECONDS: '0' }, 'quiet=0'],
  ])('%s has the same frames as ever', async (_, settings, query) => {
    const [quiet, plain] = [makeStand({ env: settings }), makeStand()];
    const streams = [await openStream(quiet, query), await openStream(plain)];
    for (const stand of [quiet, plain]) await stand.clock.advance(240_000);
    const [kinds, expected] = streams.map((stream) => stream.frames.map(({ kind, text }) => kind + text));
    expect(kinds).toEqual(expected);
    expect(kinds?.length).toBeGreaterThan(15);
  });

  test('beside a native EventSource goes on: the process is awake anyway', async () => {
    const stand = makeStand({ env });
    const stream = await openStream(stand, 'quiet=0');
    const native = await openStream(stand, '', { headers: { accept: 'text/event-stream' } });
    await stand.clock.advance(240_000);
    expect([stream, native].flatMap((each) => each.of('handover'))).toEqual([]);

    await native.cancel();
    await stand.clock.advance(1_000);
    expect(stream.of('handover')[0]?.data).toMatchObject({ reason: 'quiet' });
  });

  test('that has its handover for the deadline gets no other', async () => {
    const stand = makeStand({ env: { QUIET_SECONDS: '60', STREAM_MAX_SECONDS: '61' } });
    const stream = await openStream(stand, 'quiet=0');
    await stand.clock.advance(120_000);
    expect(stream.of('handover').map(({ data }) => data.reason)).toEqual(['deadline']);
  });
});

describe('a poll of a reader at rest', () => {
  const poll = async (
    { ask, cursorAtEnd }: ReturnType<typeof makeStand>,
    query: string,
    after = cursorAtEnd(),
    init: RequestInit = {},
  ) => {
    const response = await ask(`events?after=${after}&${query}`, init);
    const { poll: advice, events } = await response.json();
    return { advice, events: events.length, cache: response.headers.get('cache-control') };
  };

  /** A server whose hour has begun ten minutes ago. */
  async function makeQuiet(settings: Readonly<Record<string, string>> = env, retention = 10_000) {
    const stand = makeStand({ env: settings, retention });
    const hour = 3_600_000;
    await stand.clock.advance(hour - (stand.clock.now() % hour) + 600_000);
    await stand.publish();
    return stand;
  }

  test('is told a longer pause, and caches may keep the answer until just before that is over', async () => {
    const stand = await makeQuiet();
    expect(await poll(stand, 'rest=5')).toEqual({
      advice: { waitSeconds: 0, everyMs: 8_000, rest: true },
      events: 0,
      cache: 'public, max-age=0, s-maxage=7',
    });
    expect(await poll(stand, 'rest=30')).toMatchObject({
      advice: { everyMs: 30_000 },
      cache: 'public, max-age=0, s-maxage=29',
    });
  });

  test('that brings an event is kept for a second, like any other', async () => {
    const stand = await makeQuiet();
    expect(await poll(stand, 'rest=30', '0-0')).toMatchObject({
      events: 1,
      cache: 'public, max-age=0, s-maxage=1',
    });
  });

  /** A server whose readers have used up their budget for streams. */
  async function makeBusy(retention?: number) {
    const stand = await makeQuiet({ ...env, REST_BUSY_SECONDS: '2' }, retention);
    const leave = stand.runtime.rest.join({ quietMs: 0, isSure: () => false, rest() {} });
    await stand.clock.advance(1_200_000);
    leave();
    return stand;
  }

  test('that rests on although it got an event is in no cache, so that the server counts it', async () => {
    const stand = await makeBusy();
    const stream = await openStream(stand, 'quiet=0');
    for (let seconds = 0; seconds < 60; seconds += 10) {
      await stand.publish();
      expect(stream.of('handover')).toEqual([]);
      await stand.clock.advance(10_000);
    }
    expect(stream.of('handover')).toMatchObject([{ data: { reason: 'quiet', everyMs: 2_000 } }]);

    const busy = { advice: { waitSeconds: 0, everyMs: 2_000, rest: true }, cache: 'private, no-store' };
    const after = stand.cursorAtEnd();
    expect(await poll(stand, 'rest=2', after)).toEqual({ ...busy, events: 0 });
    await stand.publish();
    expect(await poll(stand, 'rest=2', after)).toEqual({ ...busy, events: 1 });
  });

  test('that brings a gap, or one page of several, gets the advice of any poll', async () => {
    const stand = await makeBusy(5);
    const after = stand.cursorAtEnd();
    for (let count = 0; count < 3; count++) await stand.publish();
    expect((await poll(stand, 'rest=2&limit=1', after)).advice).not.toHaveProperty('rest');
    expect((await poll(stand, 'rest=2', after)).advice).toHaveProperty('rest');
    for (let count = 0; count < 6; count++) await stand.publish();
    expect((await poll(stand, 'rest=2', after)).advice).not.toHaveProperty('rest');
  });

  test('of two channels, or with a token, is in no cache', async () => {
    const stand = await makeQuiet();
    const after = `feed@${stand.cursorAtEnd()},other@0-0`;
    const two = await poll(stand, 'rest=30&channel=feed&channel=other', after);
    const withToken = await poll(stand, 'rest=30', stand.cursorAtEnd(), {
      headers: { authorization: 'Bearer x' },
    });
    expect([two.cache, withToken.cache]).toEqual(['private, no-store', 'private, no-store']);
  });

  test('gets the advice of any poll in the first seconds of an hour, and where nobody may rest', async () => {
    const stand = await makeQuiet();
    const off = await makeQuiet({ POLL_MODE: 'short' });
    const advice = { waitSeconds: 0, everyMs: 2_000 };
    expect(await poll(off, 'rest=30')).toMatchObject({ advice, cache: 'public, max-age=0, s-maxage=1' });

    await stand.clock.advance(3_000_000 + 20_000);
    expect((await poll(stand, 'rest=30')).advice.everyMs).toBeLessThan(30_000);
  });
});
