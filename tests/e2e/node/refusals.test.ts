import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { within } from '../../support/node/eventually.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { secrets } from '../../support/node/secrets.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  endScripts();
  await app[Symbol.asyncDispose]();
});

describe.concurrent('a method that a route does not accept', () => {
  const refused = [
    ...['PUT', 'PATCH', 'DELETE'].map(
      (method) => ['/api/events', method, 'GET, HEAD, POST, OPTIONS'] as const,
    ),
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map(
      (method) => ['/api/stream', method, 'GET, HEAD, OPTIONS'] as const,
    ),
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map(
      (method) => ['/api/health', method, 'GET, HEAD, OPTIONS'] as const,
    ),
  ];

  test.for(refused)(
    '%s: %s is 405, and the answer lists the accepted methods',
    async ([path, method, allowed]) => {
      const answer = await ask(app, path, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe(allowed);
      expect(readProblem(answer)).toMatchObject({ status: 405 });
    },
  );

  // fetch refuses to send some of these, so they go by a raw socket.
  const unknownToNext = ['TRACE', 'PROPFIND', 'QUERY', 'LOCK'].flatMap((method) => [
    ['/api/events', method, 'GET, HEAD, POST, OPTIONS'] as const,
    ['/api/stream', method, 'GET, HEAD, OPTIONS'] as const,
    ['/api/health', method, 'GET, HEAD, OPTIONS'] as const,
  ]);

  test.for(unknownToNext)(
    '%s: %s, which Next does not know, is 405 like any other',
    async ([path, method, allowed]) => {
      const answer = await answerTo(method, path);
      expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).toContain(`\r\nallow: ${allowed}\r\n`);
      expect(answer).toContain('urn:steadfeed:problem:method-not-allowed');
    },
  );

  test.for(['TRACE', 'PROPFIND', 'PUT', 'DELETE', 'OPTIONS'])('the page: %s is 405', async (method) => {
    const answer = await answerTo(method, '/');
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toContain('\r\nallow: GET, HEAD, POST\r\n');
  });

  test('CONNECT, which would make a proxy of the server, is 405', async () => {
    expect(await answerTo('CONNECT', '127.0.0.1:80')).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\nallow: /);
  });

  test('a word that is no method is 400', async () => {
    expect(await answerTo('BREW', '/api/events')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

/** Sends a request without a body. @returns the whole answer. */
async function answerTo(method: string, target: string): Promise<string> {
  using raw = await openRawSocket(app.port, requestText(method, target, ['connection: close']));
  await within('it is answered', 30_000, raw.closed);
  return raw.received().replace(/^[\w-]+(?=: )/gm, (name) => name.toLowerCase());
}

describe.concurrent('a malformed address', () => {
  const queries = [
    'channel=%E0%A4%A',
    'channel=%00',
    'channel=a%20b',
    'channel=',
    'after=1',
    'after=%FF',
    'after=1-1~~',
    'rewind=-1',
    'rewind=1&rewind=2',
    'type=%0A',
    `${range(1, 21)
      .map((n) => `channel=c${n}`)
      .join('&')}`,
  ];

  test.for(queries)('%s is 400 for streams and for polls', async (query) => {
    for (const path of ['/api/events', '/api/stream']) {
      const answer = await ask(app, `${path}?${query}`);
      expect(answer.status).toBe(400);
      expect(readProblem(answer)).toMatchObject({ status: 400 });
    }
  });

  test.for(['/api/%E0%A4%A', '/api/%00', '//api//stream', '/api/stream/../../etc', '/%', '*', 'http://[/'])(
    '%s is refused, and opens no stream',
    async (path) => {
      using raw = await openRawSocket(app.port, requestText('GET', path, ['connection: close']));
      await within('it is answered', 30_000, raw.closed);
      expect(raw.received()).toMatch(/^HTTP\/1\.1 [345]\d\d /);
      expect(raw.received()).not.toContain('event: hello');
    },
  );

  test('of 20 KB is refused, as are headers of 20 KB, and the next request is answered', async () => {
    for (const text of [
      requestText('GET', `/api/stream?after=${'1'.repeat(20_000)}`),
      requestText('GET', '/api/stream', [`last-event-id: ${'1'.repeat(20_000)}`]),
    ]) {
      using raw = await openRawSocket(app.port, text);
      await within('the connection is closed', 30_000, raw.closed);
      expect(raw.received()).toMatch(/^HTTP\/1\.1 431 /);
    }
    expect((await ask(app, '/api/health')).status).toBe(200);
  });

  test('or a malformed Last-Event-ID is 400', async () => {
    const answer = await ask(app, '/api/stream', { headers: { 'last-event-id': '1-1~~' } });
    expect(answer.status).toBe(400);
    expect(readProblem(answer).detail).toContain('Last-Event-ID');
  });
});

describe.concurrent('publishing above PUBLISH_RATE', () => {
  test('is 429 with Retry-After and stores nothing; readers go on', async () => {
    await using limited = await startApp({ PUBLISH_RATE: '1' });
    await store(limited, range(1, 500));
    const answer = await publish(limited, range(501, 520));
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(10);
    expect(readProblem(answer).detail).toMatch(
      /^This publisher may store 1 event per second, at most 500 at once\. /,
    );
    const page = JSON.parse((await ask(limited, '/api/events?rewind=all&limit=500')).text);
    expect(page).toMatchObject({ more: false, events: { length: 500 } });
  });

  test('is stored once with npm run push, which waits and retries with its key', async () => {
    await using limited = await startApp({ PUBLISH_RATE: '1' });
    await store(limited, range(1, 500));
    const push = runScript('push', ['--url', limited.url], { PUBLISH_TOKEN: secrets.publishToken });
    push.child.stdin?.end('a\nb\nc\nd\ne\n');
    expect([await within('it is pushed', 30_000, push.code), push.err()]).toEqual([
      0,
      expect.stringMatching(
        /^The server answered 429: This publisher may .*\n(.*\n)?5 events stored, 1 batch, [12] retr/,
      ),
    ]);
    const page = JSON.parse((await ask(limited, '/api/events?rewind=5&limit=500')).text);
    expect(page.events.map(({ data }: { data: string }) => data)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(page.events[4].id).toMatch(/-505$/);
  });
});

describe('the app behind Next', () => {
  test.for(['h2c', 'websocket'])(
    'answers a request that offers an upgrade to %s like any other',
    async (name) => {
      const headers = ['connection: upgrade, http2-settings', `upgrade: ${name}`];
      using raw = await openRawSocket(app.port, requestText('GET', '/api/events', headers));
      await raw.until('"events":[]', 30_000);
    },
  );

  test('has no image service, because no page uses it', async () => {
    const answer = await ask(app, '/_next/image?url=/&w=64&q=75');
    expect(answer.status).toBe(404);
  });

  test('answers 304 for a page that the reader has, and says how caches may share it', async () => {
    await store(app, [1], { channel: 'shared' });
    const page = await ask(app, '/api/events?channel=shared&rewind=all');
    expect(page.headers.get('cache-control')).toBe('public, max-age=0, s-maxage=1');
    const etag = page.headers.get('etag') ?? '';
    const again = await ask(app, '/api/events?channel=shared&rewind=all', {
      headers: { 'if-none-match': etag },
    });
    expect(again).toMatchObject({ status: 304, text: '' });
  });

  test('lets no cache store a refusal', async () => {
    const answer = await ask(app, '/api/events?limit=0');
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
  });

  test('gives a reader with HTTP/1.0 a stream', async () => {
    using raw = await openRawSocket(app.port, 'GET /api/stream HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n');
    await raw.until('event: hello');
    expect(raw.received().toLowerCase()).not.toContain('transfer-encoding');
  });
});
