import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { openStream, readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('the maximum of streams', () => {
  test('is STREAM_MAX_CONNECTIONS; one more gets 503 and Retry-After', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '3' } });
    const streams = await Promise.all(range(1, 3).map(() => openStream(stand)));

    const response = await stand.ask('stream');
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await expectRefusal(response, 503)).toContain('STREAM_MAX_CONNECTIONS');
    await streams[0]?.cancel();

    expect((await stand.ask('stream')).status).toBe(200);
  });

  test('lets the readers of a full process hand over: the slot of a stream is free from its handover on', async () => {
    const stand = makeStand({
      env: { STREAM_MAX_CONNECTIONS: '1', STREAM_MAX_PER_ADDRESS: '1', VERCEL: '1' },
    });
    const init = { headers: { 'x-real-ip': '192.0.2.1', accept: '*/*' } };
    const old = await openStream(stand, '', init);
    while (old.of('handover').length === 0) {
      await expectRefusal(stand.ask('stream', init), 503);
      await stand.clock.advance(1_000);
    }

    const next = await openStream(stand, `after=${old.cursor()}`, init);

    expect([old.isOver(), next.response.status]).toEqual([false, 200]);
    await expectRefusal(stand.ask('stream', init), 503);
    await stand.clock.advance(10_000);
    expect([old.isOver(), stand.runtime.admission.held()]).toEqual([true, 1]);
  });

  test('is reported to a native EventSource inside a 200, with a retry', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
    await openStream(stand);

    const response = await stand.ask('stream', { headers: { accept: 'text/event-stream' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const stream = await readStream(response);

    expect(stream.kinds()).toEqual(['retry', 'refused']);
    expect(stream.response.headers.get('cache-control')).toBe('private, no-store, no-transform');
    expect(Number(stream.frames[0]?.text)).toBeGreaterThanOrEqual(5_000);
    expect(stream.of('refused')[0]?.data).toMatchObject({ status: 503, detail: expect.any(String) });
    expect(stream.isOver()).toBe(true);
  });

  test.each(['text/event-stream, application/problem+json', '*/*', undefined])(
    'is reported by its status to a reader that accepts %s',
    async (accept) => {
      const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
      await openStream(stand);

      await expectRefusal(stand.ask('stream', accept === undefined ? {} : { headers: { accept } }), 503);
    },
  );

  test('respects the platform’s file descriptors: streams and subscriptions are at most 900 together', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '10000', VERCEL: '1' } });
    for (const number of range(1, 100)) {
      const channels = range(1, 20).map((part) => `channel=c${number}-${part}`);
      await stand.ask(`stream?${channels.join('&')}`);
    }

    const { streams, tails } = stand.runtime;
    expect(streams.size + tails.count()).toBeGreaterThan(850);
    expect(streams.size + tails.count()).toBeLessThanOrEqual(900);
  });

  test('of one address is STREAM_MAX_PER_ADDRESS; others have their own, and a stream that ends gives its slot back', async () => {
    const stand = makeStand({ env: { STREAM_MAX_PER_ADDRESS: '2', VERCEL: '1' } });
    const from = (address: string) => ({ headers: { 'x-real-ip': address, accept: '*/*' } });
    const first = await readStream(await stand.ask('stream', from('192.0.2.1')));
    await stand.ask('stream', from('192.0.2.1'));

    const response = await stand.ask('stream', from('192.0.2.1'));
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await expectRefusal(response, 503)).toContain('STREAM_MAX_PER_ADDRESS');
    expect((await stand.ask('stream', from('192.0.2.2'))).status).toBe(200);
    await first.cancel();

    expect((await stand.ask('stream', from('192.0.2.1'))).status).toBe(200);
  });

  test('of one address does not count requests that the full process refused', async () => {
    const env = { STREAM_MAX_PER_ADDRESS: '2', STREAM_MAX_CONNECTIONS: '2', VERCEL: '1' };
    const stand = makeStand({ env });
    const from = (address: string) => ({ headers: { 'x-real-ip': address, accept: '*/*' } });
    await stand.ask('stream', from('192.0.2.1'));
    const other = await readStream(await stand.ask('stream', from('192.0.2.2')));
    for (const _ of range(1, 5)) await expectRefusal(stand.ask('stream', from('192.0.2.1')), 503);
    await other.cancel();

    expect((await stand.ask('stream', from('192.0.2.1'))).status).toBe(200);
  });

  test('holds for long polls: one without a slot is answered at once, with the advice to wait by itself', async () => {
    const stand = makeStand();
    const answered: Response[] = [];
    for (const number of range(1, 100)) {
      const channels = range(1, 20).map((part) => `channel=c${number}-${part}`);
      void stand.ask(`events?wait=20&${channels.join('&')}`).then((response) => answered.push(response));
    }
    await settle();

    const { admission, tails } = stand.runtime;
    expect([admission.held(), tails.count()]).toEqual([42, 840]);
    expect(answered).toHaveLength(58);
    expect((await answered[0]?.json())?.poll).toEqual({ waitSeconds: 0, everyMs: 2_000 });
    await stand.clock.advance(20_000);
    expect([admission.held(), answered.length]).toEqual([0, 100]);
    expect(answered.every(({ status }) => status === 200)).toBe(true);
  });

  test('holds for polls that are ahead of the log: one without a slot to wait for it gets 503', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '3' } });
    const leaving = new AbortController();
    await stand.publish(5);
    const { epoch } = stand.memory.kept('feed')[0] ?? {};
    const path = `events?after=9000000000000-9~${epoch}`;
    const waiting = [stand.ask(path), stand.ask(path), stand.ask(path, { signal: leaving.signal })];
    await settle();
    expect(stand.runtime.admission.held()).toBe(3);

    const response = await stand.ask(path);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    await expectRefusal(response, 503);
    leaving.abort();
    await settle();
    expect(stand.runtime.admission.held()).toBe(2);
    await stand.clock.advance(5_100);

    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
    expect(stand.runtime.admission.held()).toBe(0);
  });

  test('of one address holds for long polls too', async () => {
    const stand = makeStand({ env: { STREAM_MAX_PER_ADDRESS: '1', VERCEL: '1' } });
    const from = (address: string) => ({ headers: { 'x-real-ip': address, accept: '*/*' } });
    const held = stand.ask('events?wait=20', from('192.0.2.1'));
    await settle();

    await expectRefusal(stand.ask('stream', from('192.0.2.1')), 503);
    expect((await stand.ask('events?wait=20', from('192.0.2.1'))).status).toBe(200);
    expect((await stand.ask('stream', from('192.0.2.2'))).status).toBe(200);
    await stand.clock.advance(20_000);
    await held;

    expect((await stand.ask('stream', from('192.0.2.1'))).status).toBe(200);
  });
});
