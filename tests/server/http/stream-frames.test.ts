import { describe, expect, test } from 'vitest';
import { version } from '../../../lib/core/sse-frames.ts';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { type OpenStream, openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';

describe('a stream', () => {
  test('has the headers of the wire contract', async () => {
    const { response } = await openStream(makeStand());

    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
  });

  test('starts with 2 KiB of padding, then hello', async () => {
    const response = await makeStand().ask('stream');
    const chunk = await response.body?.getReader().read();
    const text = new TextDecoder().decode(chunk?.value);

    expect(text.indexOf('\n\n')).toBe(2_046);
    expect(text.slice(0, 2_046)).toMatch(/^: +$/);
    expect(text.slice(2_048)).toMatch(/^retry: \d+\nid: 0-0\nevent: hello\ndata: \{.*\}\n\n$/);
  });

  test('says in hello where the reader is, also if the log is empty, and what to expect', async () => {
    const stand = makeStand({ env: { STREAM_MAX_SECONDS: '60' } });

    const stream = await openStream(stand);

    const [hello] = stream.of('hello');
    expect(hello).toMatchObject({ id: '0-0', data: { cursor: '0-0', heartbeatMs: 15_000, version } });
    expect(hello?.data.deadlineMs).toBeGreaterThanOrEqual(60_000 - 6_000 - 12_000 + 3_600);
    expect(hello?.data.deadlineMs).toBeLessThanOrEqual(60_000 - 6_000 + 3_600);
    const retry = Number(stream.of('retry')[0]?.text);
    expect(retry).toBeGreaterThanOrEqual(1_000);
    expect(retry).toBeLessThanOrEqual(5_000);
  });

  test('sends an event when it is published, without a name, with the cursor after it', async () => {
    const stand = makeStand();
    await stand.publish(2);
    const stream = await openStream(stand);
    await stand.memory.append({ events: [newEvent('feed', { a: 'é\n' }, 'greeting')], key: null });
    await settle();

    const id = `${stand.clock.now()}-3`;
    expect(stream.kinds()).toEqual(['padding', 'retry', 'hello', 'event']);
    expect(stream.of('event')).toMatchObject([
      {
        id: stand.cursorAtEnd(),
        data: { id, channel: 'feed', type: 'greeting', time: stand.clock.now(), data: { a: 'é\n' } },
      },
    ]);
  });

  test('sends every event once, in order, from any number of publishers', async () => {
    const stand = makeStand();
    const stream = await openStream(stand);

    await Promise.all(range(1, 50).map(() => stand.publish(3)));
    await settle();

    const seqs = stream.of('event').map(({ data }) => Number(String(data.id).split('-')[1]));
    expect(seqs).toEqual(range(1, 150));
  });

  test('continues from an empty log without a gap', async () => {
    const stand = makeStand();
    const first = await openStream(stand);
    await first.cancel();
    await stand.publish(3);

    const second = await openStream(stand, `after=${first.cursor()}`);

    expect(second.kinds()).toEqual(['padding', 'retry', 'hello', 'event', 'event', 'event']);
  });

  test.each([
    'a\n\nevent: handover\ndata: {}\n\n',
    'a\r\rid: 9-9\rdata: forged\r\r',
    'a\r\n\r\nretry: 0\r\n\r\n: comment',
    '\ufeffdata: a\u2028data: b\u2029data: c\u0085data: d\u0000',
    '</script><script>alert(1)</script>',
  ])('sends every event complete, whatever its text contains: %j', async (text) => {
    const stand = makeStand();
    const stream = await openStream(stand);
    const headers = { 'content-type': 'application/json' };
    const data = [text, { [text]: text }, [text]];
    const body = JSON.stringify(data.map((each) => ({ data: each })));

    expect((await stand.ask('events', { method: 'POST', headers, body })).status).toBe(201);
    await settle();

    expect(stream.data()).toEqual(data);
    expect(stream.kinds().filter((kind) => kind !== 'padding' && kind !== 'retry')).toEqual([
      'hello',
      'event',
      'event',
      'event',
    ]);
    expect(stream.of('padding')).toHaveLength(1);
  });

  test('sends a heartbeat with its position after 15 s of silence, and none while events come', async () => {
    const stand = makeStand();
    const stream = await openStream(stand);
    await stand.clock.advance(14_999);
    expect(stream.of('heartbeat')).toEqual([]);
    await stand.clock.advance(1);
    expect(stream.of('heartbeat')).toMatchObject([{ id: '0-0', data: { time: stand.clock.now() } }]);

    for (const _ of range(1, 6)) {
      await stand.clock.advance(10_000);
      await stand.publish(1);
    }
    await stand.clock.advance(14_999);
    expect(stream.of('heartbeat')).toHaveLength(1);
    await stand.clock.advance(1);

    expect(stream.of('heartbeat').at(-1)?.id).toBe(stand.cursorAtEnd());
  });

  test.each([
    ['2', 2_000],
    ['15', 15_000],
    ['300', 15_000],
  ])(
    'with heartbeat=%s sends a heartbeat after %i ms of silence, and says so in hello',
    async (asked, ms) => {
      const stand = makeStand();
      const stream = await openStream(stand, `heartbeat=${asked}`);
      expect(stream.of('hello')[0]?.data).toMatchObject({ heartbeatMs: ms });
      await stand.clock.advance(ms - 1);
      expect(stream.of('heartbeat')).toHaveLength(0);
      await stand.clock.advance(1);
      expect(stream.of('heartbeat')).toHaveLength(1);
    },
  );

  test.each(['1', '301', '2.5', 'x', ''])('with heartbeat=%s is refused', async (asked) => {
    const answer = await makeStand().ask(`stream?heartbeat=${asked}`);
    expect(answer.status).toBe(400);
    expect((await answer.json()).detail).toBe(
      `heartbeat: "${asked}" is not valid. Use a whole number from 2 to 300.`,
    );
  });

  describe('with a lone comment lets a filter that is one message behind pass everything on', () => {
    const comments = (stream: OpenStream) => stream.of('comment');
    const allKinds = (stream: OpenStream) => stream.frames.map(({ kind }) => kind);

    test('100 ms after its frames, in a chunk of its own', async () => {
      const stand = makeStand();
      const stream = await openStream(stand);
      await stand.clock.advance(99);
      expect(comments(stream)).toEqual([]);
      await stand.clock.advance(1);
      expect(comments(stream)).toHaveLength(1);

      await stand.publish(3);
      await stand.clock.advance(100);

      expect(allKinds(stream).slice(2)).toEqual(['hello', 'comment', 'event', 'event', 'event', 'comment']);
      expect(stream.chunks).toHaveLength(4);
      expect([stream.chunks[1], stream.chunks[3]]).toEqual([17, 17]);
    });

    test('not while frames follow each other, and once after the last of them', async () => {
      const stand = makeStand();
      const stream = await openStream(stand);
      for (const _ of range(1, 50)) {
        await stand.publish(1);
        await stand.clock.advance(99);
      }
      // One says the server's time: see below.
      expect(comments(stream)).toHaveLength(1);

      await stand.clock.advance(10_000);

      expect(comments(stream)).toHaveLength(2);
      expect(allKinds(stream).at(-1)).toBe('comment');
    });

    test('after a handover', async () => {
      const stand = makeStand({ env: { STREAM_MAX_SECONDS: '5' } });
      const stream = await openStream(stand);
      await stand.clock.advance(1_000);
      while (stream.of('handover').length === 0) await stand.clock.advance(1);

      await stand.clock.advance(100);

      expect(allKinds(stream).slice(-2)).toEqual(['handover', 'comment']);
    });

    test('not after a heartbeat, which is nothing that a reader waits for', async () => {
      const stand = makeStand();
      const stream = await openStream(stand);
      await stand.clock.advance(60_000);

      const afterHello = ['comment', 'comment'];
      expect(allKinds(stream).slice(2)).toEqual([
        'hello',
        ...afterHello,
        ...range(1, 4).map(() => 'heartbeat'),
      ]);
    });

    test('not before a slow reader has taken its frames', async () => {
      const stand = makeStand();
      const { body } = await stand.ask('stream');
      const reader = body?.getReader();
      const next = async () => new TextDecoder().decode((await reader?.read())?.value);
      while (!(await next()).includes('event: hello'));
      await stand.clock.advance(1_000);
      await stand.publish(2);
      await stand.clock.advance(1_000);

      expect((await next()).match(/^data: /gm)).toHaveLength(2);
      const comment = next();
      await stand.clock.advance(100);
      expect(await comment).toBe(`: ${stand.clock.now()}\n\n`);
    });
  });

  describe('says the time at which it sends', () => {
    const times = (stream: OpenStream) =>
      stream.frames
        .flatMap(({ kind, data, text }) =>
          kind === 'comment'
            ? [Number(text)]
            : kind === 'event'
              ? []
              : [(data as { time?: number }).time ?? []],
        )
        .flat();

    test('with hello, and again 1 s later, so that a reader notices soon that something holds the stream back', async () => {
      const stand = makeStand();
      const begun = stand.clock.now();
      const stream = await openStream(stand);
      await stand.clock.advance(1_000);
      expect(times(stream).map((time) => time - begun)).toEqual([0, 100, 1_000]);
    });

    test('also while frames follow each other: 1 s after hello, then at least once in a heartbeat', async () => {
      const stand = makeStand();
      const begun = stand.clock.now();
      const stream = await openStream(stand, 'heartbeat=2');
      for (const _ of range(1, 140)) {
        await stand.publish(1);
        await stand.clock.advance(50);
      }
      expect(times(stream).map((time) => time - begun)).toEqual([0, 1_000, 3_000, 5_000]);
    });
  });

  test('with a filter sends only those types, and the cursor of its heartbeat is after the others', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'type=a&type=b');
    const events = ['a', 'x', 'b', 'y'].map((type) => newEvent('feed', type, type));
    await stand.memory.append({ events, key: null });
    await stand.clock.advance(15_000);

    expect(stream.data()).toEqual(['a', 'b']);
    expect(stream.of('heartbeat').at(-1)?.id).toBe(stand.cursorAtEnd());
  });

  test('of several channels sends the cursor of all of them with each frame', async () => {
    const stand = makeStand();
    await stand.publish(1, 'one');
    const stream = await openStream(stand, 'channel=one&channel=two');
    await stand.publish(1, 'two');
    await stand.publish(1, 'one');
    await stand.clock.advance(15_000);

    const [one, two] = [stand.cursorAtEnd('one'), stand.cursorAtEnd('two')];
    expect(stream.of('hello')[0]?.id).toMatch(/^one@\d+-1~.{6},two@0-0$/);
    expect(stream.of('event')[0]?.id).toMatch(/^one@\d+-1~.{6},two@\d+-1~.{6}$/);
    expect(stream.of('event')[1]?.id).toBe(`one@${one},two@${two}`);
    expect(stream.of('heartbeat')[0]?.id).toBe(`one@${one},two@${two}`);
  });

  test('of a channel named with digits keeps its name as text', async () => {
    const stand = makeStand();
    const stream = await openStream(stand, 'channel=123');

    await stand.publish(1, '123');
    await settle();

    expect(stream.of('event')[0]?.data.channel).toBe('123');
  });
});
