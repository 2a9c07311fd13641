import { describe, expect, test } from 'vitest';
import { declareMachine, machine } from '../../support/declared-type.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

declareMachine();

function send(stand: Stand, body: BodyInit, type = 'application/json'): Promise<Response> {
  const init: RequestInit = { method: 'POST', headers: { 'content-type': type }, body };
  // A body that is sent while it is made has no `content-length`.
  return stand.ask('events', { ...init, duplex: 'half' } as RequestInit);
}

/** Expects that a body is refused and nothing is stored. @returns the refusal's detail. */
async function expectUnstored(body: BodyInit, status: number, type?: string): Promise<string> {
  const stand = makeStand();
  const detail = await expectRefusal(send(stand, body, type), status);
  expect(stand.memory.stored).toEqual([]);
  return detail;
}

describe('a body', () => {
  test.each([
    ['', 'body'],
    ['{', 'body'],
    ['[]', 'body'],
    ['42', 'event is not an object'],
    ['[1]', 'events[0]'],
    ['[[]]', 'events[0]'],
    ['{}', 'event has no data'],
    ['[{"data":1},{"dat":1}]', 'events[1] has the unknown member "dat"'],
    ['{"data":1,"id":"1-1"}', '"id"'],
    ['{"data":1,"channel":"no name"}', 'event.channel'],
    ['{"data":1,"channel":7}', 'event.channel'],
    ['{"data":1,"channel":null}', 'event.channel'],
    [`{"data":1,"type":"${'x'.repeat(101)}"}`, 'event.type'],
    ['[{"data":1},{"data":1,"type":"-"}]', 'events[1].type'],
    ['{"data":1,"__proto__":1}', '__proto__'],
    [`{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'nested too deeply'],
    [`{"data":[1e5,${'['.repeat(100_000)}${']'.repeat(100_000)}]}`, 'nested too deeply'],
    ['['.repeat(100_000), 'not valid JSON'],
  ])('%.40s is refused, and the refusal names the part', async (body, part) => {
    expect(await expectUnstored(body, 400)).toContain(part);
  });

  test('that is not UTF-8 is refused', async () => {
    expect(await expectUnstored(new Uint8Array([0x22, 0xff, 0x22]), 400)).toContain('UTF-8');
  });

  test.each(['text/plain', 'application/xml', 'application/jsonp', ''])(
    'of type "%s" is refused',
    async (type) => {
      const detail = await expectUnstored(new TextEncoder().encode('{"data":1}'), 415, type || ' ');

      expect(detail).toContain('application/json or application/x-ndjson');
    },
  );

  test.each(['application/json; charset=utf-8', 'Application/JSON'])(
    'of type %s is accepted',
    async (type) => {
      expect((await send(makeStand(), '{"data":1}', type)).status).toBe(201);
    },
  );

  test('of lines has one event in each line; empty lines and Windows line ends do not matter', async () => {
    const stand = makeStand();

    const response = await send(stand, '{"data":1}\r\n\n{"data":"2"}\n', 'application/x-ndjson');
    expect(stand.clock.pending()).toBe(0);

    expect(response.status).toBe(201);
    expect(stand.memory.stored.map(({ data }) => data)).toEqual(['1', '"2"']);
  });

  test('of lines with an invalid one stores nothing, and the refusal names the line', async () => {
    const detail = await expectUnstored('{"data":1}\n\n{"data":\n', 400, 'application/x-ndjson');

    expect(detail).toContain('line 3');
  });

  test('of lines without an event is refused', async () => {
    await expectUnstored('\n\n', 400, 'application/x-ndjson');
  });

  test('that is encoded is refused, and the refusal names the encoding', async () => {
    const stand = makeStand();
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

    const asked = stand.ask('events', { method: 'POST', headers, body: '{"data":1}' });

    expect(await expectRefusal(asked, 415)).toContain('content-encoding: "gzip" is not supported');
    expect(stand.memory.stored).toEqual([]);
  });

  test('whose data does not fit its type is refused, and the refusal names the path', async () => {
    const body = JSON.stringify([
      { data: 1 },
      { type: 'machine', data: { ...machine, memoryUsedPercent: 400 } },
    ]);

    expect(await expectUnstored(body, 422)).toContain('events[1].data.memoryUsedPercent');
  });
});

describe('too large is', () => {
  const events = (count: number) => Array.from({ length: count }, () => '{"data":1}');

  test.each([
    ['application/json', (count: number) => `[${events(count)}]`],
    ['application/x-ndjson', (count: number) => events(count).join('\n')],
  ])('a body of more than 500 events (%s)', async (type, make) => {
    expect((await send(makeStand(), make(500), type)).status).toBe(201);
    expect(await expectUnstored(make(501), 413, type)).toContain('500');
  });

  test('an event of more than 64 KiB as JSON, to the byte', async () => {
    const frame = JSON.stringify({ channel: 'feed', type: 'message', data: '' }).length;
    const body = (size: number) => JSON.stringify({ data: 'x'.repeat(size - frame) });

    expect((await send(makeStand(), body(65_536))).status).toBe(201);
    expect(await expectUnstored(body(65_537), 413)).toContain('event is 65537 bytes');
  });

  test('an event with few letters and many bytes', async () => {
    await expectUnstored(JSON.stringify({ data: '✓'.repeat(25_000) }), 413);
  });

  test('a request whose content-length is over 1 MiB; it is not read', async () => {
    const stand = makeStand();
    const headers = { 'content-type': 'application/json', 'content-length': String(1024 * 1024 + 1) };

    await expectRefusal(stand.ask('events', { method: 'POST', headers, body: '{"data":1}' }), 413);

    expect(stand.memory.stored).toEqual([]);
  });

  test('a request over 1 MiB without a length; it is read to its end, so that its connection can be used again', async () => {
    let left = 40;
    let isRead = false;
    const large = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) return controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
        isRead = true;
        controller.close();
      },
    });

    await expectUnstored(large, 413);

    expect(isRead).toBe(true);
  });

  test('not a body that is slow; one that is incomplete after 30 s is refused, and its rest is not read', async () => {
    const stand = makeStand();
    let isCancelled = false;
    const slow = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"data":')),
      cancel() {
        isCancelled = true;
      },
    });
    const answer = send(stand, slow);
    await stand.clock.advance(29_999);
    expect([isCancelled, stand.clock.pending()]).toEqual([false, 1]);

    await stand.clock.advance(1);

    expect(await expectRefusal(answer, 400)).toContain('30 s');
    expect([isCancelled, stand.memory.stored]).toEqual([true, []]);
  });

  test('a request without a length and without an end; after 8 MiB the rest is not read', async () => {
    let pulled = 0;
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
      cancel() {
        isCancelled = true;
      },
    });

    await expectUnstored(endless, 413);

    expect(isCancelled).toBe(true);
    expect(pulled).toBeLessThan(140);
  });
});
