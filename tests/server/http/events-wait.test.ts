import { describe, expect, onTestFinished, test } from 'vitest';
import { newEvent } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

/** Asks for a page, and does not wait for it. */
async function poll(stand: Stand, query: string, signal?: AbortSignal) {
  let response: Response | null = null;
  const asked = stand.ask(`events?${query}`, signal === undefined ? {} : { signal }).then((answer) => {
    response = answer;
    return answer;
  });
  await settle();
  return { isAnswered: () => response !== null, page: async () => (await asked).json(), asked };
}

describe('a poll that waits', () => {
  test('is answered as soon as an event comes, with it', async () => {
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

  test('is answered at once where there is something', async () => {
    const stand = makeStand();
    await stand.publish(1);

    expect((await poll(stand, 'wait=20&after=0-0')).isAnswered()).toBe(true);
    expect(stand.log.calls.follow).toBe(0);
  });

  test('is answered empty when its time is up, with the cursor it had', async () => {
    const stand = makeStand();
    await stand.publish(1);
    const held = await poll(stand, 'wait=5');

    await stand.clock.advance(4_999);
    expect(held.isAnswered()).toBe(false);
    await stand.clock.advance(1);

    expect(await held.page()).toMatchObject({ events: [], more: false, cursor: stand.cursorAtEnd() });
  });

  test('is answered ahead of the limit on one request, where that comes first', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '10' } });
    const held = await poll(stand, 'wait=20');

    await stand.clock.advance(8_999);
    expect(held.isAnswered()).toBe(false);
    await stand.clock.advance(1);

    expect(await held.page()).toMatchObject({ events: [], more: false });
  });

  test("is answered ahead of the platform's own deadline for this request, where it tells one", async () => {
    const stand = makeStand();
    const context = Symbol.for('@vercel/request-context');
    const deadline = stand.clock.now() + 5_000;
    Object.assign(globalThis, { [context]: { get: () => ({ deadline }) } });
    onTestFinished(() => void Reflect.deleteProperty(globalThis, context));
    const held = await poll(stand, 'wait=20');

    await stand.clock.advance(4_000);

    expect(await held.page()).toMatchObject({ events: [], more: false });
  });

  test('for types goes on waiting while others come, and passes them', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20&type=a');
    await stand.memory.append({ events: [newEvent('feed', 1, 'b')], key: null });
    await stand.clock.advance(1_000);
    expect(held.isAnswered()).toBe(false);

    await stand.memory.append({ events: [newEvent('feed', 2, 'a')], key: null });
    await stand.clock.advance(100);

    expect(await held.page()).toMatchObject({ events: [{ data: 2 }], cursor: stand.cursorAtEnd() });
  });

  test('for several channels is answered by any of them', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20&channel=one&channel=two');

    await stand.publish(1, 'two');
    await stand.clock.advance(0);

    expect(await held.page()).toMatchObject({ events: [{ channel: 'two' }] });
  });

  test('is told of a gap as soon as it is known', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const held = await poll(stand, 'wait=20');
    stand.memory.empty('feed');

    await stand.clock.advance(6_000);

    expect(await held.page()).toMatchObject({ gaps: [{ reason: 'restarted' }], cursor: '0-0' });
  });

  test('holds nothing once its reader has gone', async () => {
    const stand = makeStand();
    const leaving = new AbortController();
    await poll(stand, 'wait=20', leaving.signal);
    expect(stand.runtime.tails.count()).toBe(1);

    leaving.abort();
    await stand.clock.advance(20_000);

    expect([stand.runtime.tails.count(), stand.clock.pending()]).toEqual([0, 0]);
  });

  test('is answered when the process is told to stop', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20');

    stand.runtime.stopping.abort();
    await stand.clock.advance(0);

    expect(await held.page()).toMatchObject({ events: [] });
  });

  test('is refused when the log fails meanwhile and it would have to be read', async () => {
    const stand = makeStand();
    const held = await poll(stand, 'wait=20');
    stand.log.isDown = true;

    await stand.publish(1);
    await stand.clock.advance(0);

    await expectRefusal(held.asked, 503);
  });

  test('costs the log nothing while it waits, however many wait', async () => {
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
