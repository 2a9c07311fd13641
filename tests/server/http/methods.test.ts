import { describe, expect, test, vi } from 'vitest';
import { eventsRoute } from '../../../lib/server/http/events-route.ts';
import { within } from '../../support/node/eventually.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand } from '../../support/server/stand.ts';

const origin = 'https://app.test';
const withOrigin = { env: { ALLOWED_ORIGINS: `${origin}, https://other.test` } };

describe('a method', () => {
  test.each([
    ['stream', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'DELETE', 'PATCH']],
    ['events', 'GET, HEAD, POST, OPTIONS', ['PUT', 'DELETE', 'PATCH']],
    ['health', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'DELETE', 'PATCH']],
  ])(
    'that /api/%s does not have is refused with the ones that it has: %s',
    async (route, allowed, methods) => {
      for (const method of methods) {
        const response = await makeStand().ask(route, { method });

        expect(response.headers.get('allow')).toBe(allowed);
        await expectRefusal(response, 405);
      }
    },
  );

  test('HEAD of a stream gets its headers, and holds nothing', async () => {
    const stand = makeStand();

    const response = await stand.ask('stream', { method: 'HEAD' });

    expect([response.status, response.body]).toEqual([200, null]);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect([stand.runtime.streams.size, stand.runtime.tails.count(), stand.log.asked()]).toEqual([0, 0, 0]);
    await expectRefusal(stand.ask('stream?after=x', { method: 'HEAD' }), 400);
  });

  test('HEAD of a page gets its headers', async () => {
    const stand = makeStand();
    const { headers } = await stand.ask('events');

    const response = await stand.ask('events', { method: 'HEAD' });

    expect([response.status, response.body]).toEqual([200, null]);
    expect(response.headers.get('etag')).toBe(headers.get('etag'));
  });
});

describe('HEAD of a page holds nothing', () => {
  test('with `wait`: it is answered at once, with the headers of a page that a cache may not share', async () => {
    const stand = makeStand();
    await stand.publish(1);

    const response = await within('it is answered', 5_000, stand.ask('events?wait=20', { method: 'HEAD' }));

    expect([response.status, response.body]).toEqual([200, null]);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect([stand.runtime.tails.count(), stand.runtime.admission.held(), stand.clock.pending()]).toEqual([
      0, 0, 0,
    ]);
  });

  test('while the log lags behind the cursor: it waits for no replica', async () => {
    const stand = makeStand();
    await stand.publish(3);
    stand.memory.lag();
    await stand.publish(1);
    const path = `events?wait=20&after=${stand.cursorAtEnd()}`;

    const response = await within('it is answered', 5_000, stand.ask(path, { method: 'HEAD' }));

    expect([response.status, stand.runtime.admission.held(), stand.clock.pending()]).toEqual([200, 0, 0]);
  });

  test('on a full server: it is answered, and not refused', async () => {
    const stand = makeStand({ env: { STREAM_MAX_CONNECTIONS: '1' } });
    await openStream(stand, '');

    expect((await stand.ask('events?wait=20', { method: 'HEAD' })).status).toBe(200);
  });
});

describe('an allowed origin', () => {
  test('may read pages and streams', async () => {
    const stand = makeStand(withOrigin);
    for (const path of ['events', 'stream']) {
      const { headers } = await stand.ask(path, { headers: { origin } });

      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  test('may read refusals', async () => {
    const response = await makeStand(withOrigin).ask('events?limit=x', { headers: { origin } });

    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    await expectRefusal(response, 400);
  });

  test('learns from OPTIONS what it may send', async () => {
    const headers = { origin, 'access-control-request-method': 'GET' };

    const response = await makeStand(withOrigin).ask('stream', { method: 'OPTIONS', headers });

    expect([response.status, response.body]).toEqual([204, null]);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
    expect(response.headers.get('access-control-allow-headers')).toMatch(
      /Authorization.*Last-Event-ID.*If-None-Match/,
    );
  });
});

describe('any other origin', () => {
  test.each([
    ['one that is not listed', withOrigin, 'https://evil.test'],
    ['one that begins like a listed one', withOrigin, `${origin}.evil.test`],
    ['one where none is listed', {}, origin],
  ])('gets no permission for %s', async (_, options, other) => {
    const stand = makeStand(options);
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await stand.ask('events', { method, headers: { origin: other } });

      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('access-control-allow-methods')).toBeNull();
    }
  });
});

describe('every response', () => {
  const ways: readonly (readonly [path: string, method: string])[] = [
    ['events', 'GET'],
    ['events', 'HEAD'],
    ['stream', 'GET'],
    ['stream', 'OPTIONS'],
    ['events?limit=x', 'GET'],
    ['health', 'GET'],
    ['health', 'PUT'],
  ];

  test.each(ways.filter(([, method]) => method !== 'OPTIONS'))(
    'of %s to %s cannot be a script or an image of another origin',
    async (path, method) => {
      for (const options of [{}, withOrigin]) {
        const { headers } = await makeStand(options).ask(path, { method, headers: { origin } });

        expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
        expect(headers.get('x-content-type-options')).toBe('nosniff');
      }
    },
  );

  test.each(ways)(
    'of %s to %s lets no origin read with cookies, and never all origins',
    async (path, method) => {
      for (const asked of [origin, 'https://evil.test', 'null']) {
        const { headers } = await makeStand(withOrigin).ask(path, { method, headers: { origin: asked } });

        expect(headers.get('access-control-allow-credentials')).toBeNull();
        expect(headers.get('access-control-allow-origin')).toBe(asked === origin ? origin : null);
      }
    },
  );
});

describe('an unexpected error', () => {
  test('is logged on the server, and shows no details to the client', async () => {
    const noted = vi.spyOn(console, 'error').mockImplementation(() => {});
    const route = eventsRoute(() => {
      throw new TypeError('secret at /home/me/file.ts:1:2');
    });

    const detail = await expectRefusal(route(new Request('http://feed.test/api/events')), 500);

    expect(detail).not.toContain('secret');
    expect(noted).toHaveBeenCalledOnce();
    noted.mockRestore();
  });
});

test('a stream whose request was aborted ends', async () => {
  const stand = makeStand();
  const leaving = new AbortController();
  const stream = await openStream(stand, '', { signal: leaving.signal });

  leaving.abort();
  await stand.clock.advance(0);

  expect([stream.isOver(), stand.runtime.streams.size]).toEqual([true, 0]);
});
