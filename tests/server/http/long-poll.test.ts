import { describe, expect, onTestFinished, test } from 'vitest';
import { newEvent } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

/** Requests a page, and does not wait for it. */
async function poll(stand: Stand, query: string, signal?: AbortSignal) {
  let response: Response | null = null;
  const asked = stand.ask(`events?${query}`, signal === undefined ? {} : { signal }).then((answer) => {
    response = answer;
    return answer;
  });
  await settle();
  return { isAnswered: () => response !== null, page: async () => (await asked).json(), asked };
}

describe('a long poll', () => {
  test('is answered with an event as soon as it arrives', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20');
    await stand.clock.advance(7_000);
    expect(held.isAnswered()).toBe(false);

    await stand.publish(2);
    await stand.clock.advance(0);

    expect(held.isAnswered()).toBe(true);
    expect(await held.page()).toMatchObject({
      events: [{ data: 1 }, { data: 2 }],
      cursor: stand.cursorAtEnd(),
    });
  });

  test('is answered at once if there are events', async () => {
    const stand = makeStand();
    await stand.publish(1);

    expect((await poll(stand, 'wait=20&after=0-0')).isAnswered()).toBe(true);
    expect(stand.log.calls.follow).toBe(0);
  });

  test('is answered with an empty page and its own cursor when its time is over', async () => {
    const stand = makeStand();
    await stand.publish(1);
    const held = await poll(stand, 'wait=5');

    await stand.clock.advance(4_999);
    expect(held.isAnswered()).toBe(false);
    await stand.clock.advance(1);

    expect(await held.page()).toMatchObject({ events: [], more: false, cursor: stand.cursorAtEnd() });
  });

  test('is answered before the limit on one request, if that comes first', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '10' } });
    const held = await poll(stand, 'wait=20');

    await stand.clock.advance(8_999);
    expect(held.isAnswered()).toBe(false);
    await stand.clock.advance(1);

    expect(await held.page()).toMatchObject({ events: [], more: false });
  });

  test("is answered before the platform's own deadline for this request, if there is one", async () => {
    const stand = makeStand();
    const context = Symbol.for('@vercel/request-context');
    const deadline = stand.clock.now() + 5_000;
    Object.assign(globalThis, { [context]: { get: () => ({ deadline }) } });
    onTestFinished(() => void Reflect.deleteProperty(globalThis, context));
    const held = await poll(stand, 'wait=20');

    await stand.clock.advance(4_000);

    expect(await held.page()).toMatchObject({ events: [], more: false });
  });

  test('with a filter goes on waiting while other types arrive, and its cursor passes them', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20&type=a');
    await stand.memory.append({ events: [newEvent('feed', 1, 'b')], key: null });
    await stand.clock.advance(1_000);
    expect(held.isAnswered()).toBe(false);

    await stand.memory.append({ events: [newEvent('feed', 2, 'a')], key: null });
    await stand.clock.advance(100);

    expect(await held.page()).toMatchObject({ events: [{ data: 2 }], cursor: stand.cursorAtEnd() });
  });

  test('for several channels is answered by an event in any of them', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20&channel=one&channel=two');

    await stand.publish(1, 'two');
    await stand.clock.advance(0);

    expect(await held.page()).toMatchObject({ events: [{ channel: 'two' }] });
  });

  test('gets a gap as soon as it is known', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const held = await poll(stand, 'wait=20');
    stand.memory.empty('feed');

    await stand.clock.advance(6_000);

    expect(await held.page()).toMatchObject({ gaps: [{ reason: 'restarted' }], cursor: '0-0' });
  });

  test('holds nothing once its reader has left', async () => {
    const stand = makeStand();
    const leaving = new AbortController();
    await poll(stand, 'wait=20', leaving.signal);
    expect(stand.runtime.tails.count()).toBe(1);

    leaving.abort();
    await stand.clock.advance(20_000);

    expect([stand.runtime.tails.count(), stand.clock.pending()]).toEqual([0, 0]);
  });

  test('reports no loss to a reader that leaves while the log lags behind it', async () => {
    const stand = makeStand();
    await stand.publish(3);
    stand.memory.lag();
    await stand.publish(1);
    const cursor = stand.cursorAtEnd();
    const leaving = new AbortController();
    const held = await poll(stand, `wait=20&after=${cursor}`, leaving.signal);
    expect(held.isAnswered()).toBe(false);

    leaving.abort();
    await stand.clock.advance(0);

    expect(await held.page()).toMatchObject({ events: [], gaps: [], cursor });
  });

  test('is answered when the process stops', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20');

    stand.runtime.stopping.abort();
    await stand.clock.advance(0);

    expect(await held.page()).toMatchObject({ events: [] });
  });

  test('is refused if the log fails when it must be read', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20');
    stand.log.isDown = true;

    await stand.publish(1);
    await stand.clock.advance(0);

    await expectRefusal(held.asked, 503);
  });

  test('costs the log nothing while it waits, however many there are', async () => {
    const stand = makeStand();
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(4_000);
    const before = stand.log.asked();
    const polls = await Promise.all(Array.from({ length: 50 }, () => poll(stand, 'wait=4')));

    await stand.clock.advance(3_900);

    expect(polls.every((held) => !held.isAnswered())).toBe(true);
    expect(stand.log.asked() - before).toBeLessThanOrEqual(50 * 2 + 2);
  });
});

describe('the advice for polling', () => {
  const long = { waitSeconds: 20, everyMs: 0 };
  const short = { waitSeconds: 0, everyMs: 2_000 };

  /** A server with `slots` slots, of which `taken` are. */
  function withSlots(slots: number, taken: number): Stand {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: String(slots) } });
    const request = new Request('http://feed.test/api/stream');
    for (let each = 0; each < taken; each += 1) stand.runtime.admission.takeSlot(request, ['feed']);
    return stand;
  }

  const adviceOf = async (stand: Stand, query: string) =>
    (await (await stand.ask(`events?${query}`)).json()).poll;

  test('of a full server is short in every answer: with `wait` and without, with events and without', async () => {
    const stand = withSlots(10, 10);
    await stand.publish(3);
    const cursor = stand.cursorAtEnd();

    for (const query of [
      `after=${cursor}`,
      `after=${cursor}&wait=20`,
      'after=0-0',
      'after=0-0&wait=20',
      'before=9-9',
    ]) {
      expect(await adviceOf(stand, query)).toEqual(short);
    }
  });

  test.each([
    [800, 719, long],
    [800, 720, short],
    [10, 8, long],
    [10, 9, short],
    [2, 0, long],
    [2, 1, short],
    [1, 0, short],
  ])('with %i slots, of which %i are taken, leaves a tenth of them free', async (slots, taken, advice) => {
    const stand = withSlots(slots, taken);
    expect(await adviceOf(stand, '')).toEqual(advice);
  });

  test('of a poll that was held does not count its own slot', async () => {
    const stand = withSlots(10, 8);
    const held = await poll(stand, 'wait=20');
    await stand.publish();
    await stand.clock.advance(0);

    expect((await held.page()).poll).toEqual(long);
  });

  test('is short where the address has none of its channels left', async () => {
    const env = { VERCEL: '1', POLL_MODE: 'long', STREAM_MAX_PER_ADDRESS: '3' };
    const stand = makeStand({ env });
    const headers = { 'x-real-ip': '192.0.2.1' };
    stand.runtime.admission.takeSlot(new Request('http://feed.test/api/stream', { headers }), [
      'a',
      'b',
      'c',
    ]);
    const adviceFor = async (address: string) =>
      (await (await stand.ask('events', { headers: { 'x-real-ip': address } })).json()).poll;

    expect([await adviceFor('192.0.2.1'), await adviceFor('192.0.2.2')]).toEqual([short, long]);
  });
});
