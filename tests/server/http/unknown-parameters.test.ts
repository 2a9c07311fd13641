import { describe, expect, test } from 'vitest';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

const json = { 'content-type': 'application/json' };

describe('a query parameter that the route does not have', () => {
  test.each(['events', 'stream'])('is refused by name, with the right ones: /api/%s', async (route) => {
    const stand = makeStand();

    const detail = await expectRefusal(stand.ask(`${route}?chanel=orders`), 400);

    expect(detail).toContain('"chanel" is not a parameter of this request. Did you mean "channel"?');
    const ofRoute = route === 'stream' ? ['heartbeat', 'lastEventId'] : ['limit', 'wait', 'before'];
    for (const name of ['channel', 'type', 'after', 'rewind', 'token', ...ofRoute]) {
      expect(detail, name).toMatch(new RegExp(`\\b${name}\\b`));
    }
    expect([stand.runtime.streams.size, stand.runtime.tails.count(), stand.log.asked()]).toEqual([0, 0, 0]);
  });

  test.each([
    ['channels', 'channel'],
    ['Channel', 'channel'],
    ['chan', 'channel'],
    ['chnanel', 'channel'],
    ['types', 'type'],
    ['afer', 'after'],
    ['rewindd', 'rewind'],
    ['max-limit', null],
    ['LIMIT', 'limit'],
    ['since', null],
    ['x', null],
    ['', null],
  ])('%j gets the nearest name as a suggestion: %j', async (name, nearest) => {
    const detail = await expectRefusal(makeStand().ask(`events?${name}=1`), 400);

    expect(/Did you mean "(.+)"\?/.exec(detail)?.[1] ?? null).toBe(nearest);
  });

  test.each([
    'stream?limit=5',
    'stream?wait=5',
    'stream?before=7-1',
    'events?heartbeat=5',
    'events?lastEventId=7-1',
    'events?last-event-id=7-1',
    'events?evs_last_event_id=7-1',
  ])('is refused also where another route has it: %s', async (path) => {
    await expectRefusal(makeStand().ask(path), 400);
  });

  test('is refused for HEAD too', async () => {
    for (const route of ['stream', 'events']) {
      expect((await makeStand().ask(`${route}?chanel=a`, { method: 'HEAD' })).status).toBe(400);
    }
  });

  test('is refused for a native EventSource with the status, which ends it: a retry would not help', async () => {
    const headers = { accept: 'text/event-stream' };

    await expectRefusal(makeStand().ask('stream?chanel=a', { headers }), 400);
  });

  test('is shortened in the refusal', async () => {
    const detail = await expectRefusal(makeStand().ask(`events?${'x'.repeat(5_000)}=1`), 400);

    expect(detail.length).toBeLessThan(400);
  });
});

describe('a publish request with a query', () => {
  const post = (query: string, stand = makeStand()) =>
    stand.ask(`events?${query}`, { method: 'POST', headers: json, body: '{"data":1}' });

  test.each(['channel=orders', 'type=order', 'token=x'])(
    'is refused, so that no event goes to another place than its publisher wants: %s',
    async (query) => {
      const stand = makeStand();

      const detail = await expectRefusal(post(query, stand), 400);

      expect(detail).toContain(`"${query.split('=')[0]}" is not a parameter of this request.`);
      expect(detail).toContain('A publish request has none: write the channel and the type into the body');
      expect(await stand.log.ends(['feed', 'orders'])).toEqual(
        await makeStand().log.ends(['feed', 'orders']),
      );
    },
  );

  test('is stored if clients or hosts have added the parameter on their own', async () => {
    expect((await post('_=1764460800000&x-vercel-protection-bypass=secret')).status).toBe(201);
  });
});

describe('a query parameter that clients and hosts add on their own', () => {
  test.each([
    // Against caches: jQuery (`_`), superagent-no-cache (digits alone), axios and hand-written code.
    '_=1764460800000',
    '_t=1764460800000',
    '1764460800000',
    't=1764460800000',
    'ts=1764460800000',
    'v=2',
    'cb=1',
    'fresh=7',
    'nocache=1',
    'no-cache=1',
    'cachebuster=1',
    // Polyfills of EventSource: Yaffle's, amvtek's.
    'r=8219',
    'padding=true',
    'evs_buffer_size_limit=262144',
    'evs_preamble=2056',
    // Vercel, Next.js, Cloudflare.
    'x-vercel-protection-bypass=secret',
    'x-vercel-set-bypass-cookie=true',
    '_vercel_share=secret',
    'dpl=dpl_7Kq',
    '_rsc=1r0m1',
    '__cf_chl_tk=x',
    // Links that carry on what they came with.
    'utm_source=mail&utm_campaign=spring',
    'fbclid=x',
    'gclid=x',
  ])('changes nothing: %s', async (query) => {
    for (const route of ['events', 'stream', 'health']) {
      expect((await makeStand().ask(`${route}?${query}`)).status, route).toBe(200);
    }
    const asked = await makeStand().ask(`events?rewind=5&${query}`);
    expect(await asked.text()).toBe(await (await makeStand().ask('events?rewind=5')).text());
  });
});

test('the health check has no parameters, and ignores those that a monitor adds', async () => {
  expect((await makeStand().ask('health?probe=lb-1')).status).toBe(200);
});

test('evs_last_event_id, which amvtek’s polyfill sends, is a cursor of a stream', async () => {
  await expectRefusal(makeStand().ask('stream?evs_last_event_id=x'), 400);
});
