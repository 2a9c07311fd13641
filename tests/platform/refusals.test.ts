import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from './app-process.ts';
import { ask, readProblem } from './ask.ts';
import { within } from './eventually.ts';
import { range, store } from './publish.ts';
import { openRawSocket, requestText } from './raw-socket.ts';
import { secrets } from './secrets.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

const token = `authorization: Bearer ${secrets.publishToken}`;
const json = 'content-type: application/json';

function post(
  body: BodyInit,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
) {
  const authorization = `Bearer ${secrets.publishToken}`;
  return ask(app, '/api/events', { method: 'POST', headers: { authorization, ...headers }, body });
}

/** What came on a socket, as status and body. */
async function answerTo(
  text: string,
  body: string | Uint8Array = '',
): Promise<{ status: number; body: string }> {
  using raw = await openRawSocket(app.port, text);
  raw.socket.write(body);
  await raw.until('\r\n\r\n');
  await raw.until('}');
  const [head = '', ...rest] = raw.received().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: rest.join('\r\n\r\n') };
}

describe.concurrent('a method a route does not take', () => {
  const refused = [
    ...['PUT', 'PATCH', 'DELETE'].map(
      (method) => ['/api/events', method, 'GET, HEAD, POST, OPTIONS'] as const,
    ),
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map(
      (method) => ['/api/stream', method, 'GET, HEAD, OPTIONS'] as const,
    ),
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map((method) => ['/api/health', method, 'GET, OPTIONS'] as const),
  ];

  test.for(refused)('%s: %s is 405, and the answer lists those it takes', async ([path, method, allowed]) => {
    const answer = await ask(app, path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allowed);
    expect(readProblem(answer)).toMatchObject({ status: 405 });
  });

  test.for(['TRACE', 'PROPFIND', 'BREW'])('%s, which the framework refuses, does no harm', async (method) => {
    using raw = await openRawSocket(app.port, requestText(method, '/api/stream', ['connection: close']));
    await within('it is answered', 5_000, raw.closed);
    expect(Number(raw.received().split(' ')[1])).toBeGreaterThanOrEqual(400);
    expect(await app.health()).toMatchObject({ streams: 0 });
  });
});

describe.concurrent('a publish request that is too large', () => {
  const twoMebibytes = Buffer.alloc(2 * 1_024 * 1_024, 'x');

  test('is 413 when its length is said, the body sent or not', async () => {
    const head = requestText('POST', '/api/events', [token, json, `content-length: ${twoMebibytes.length}`]);
    for (const body of ['', twoMebibytes]) {
      const answer = await answerTo(head, body);
      expect(answer.status).toBe(413);
      expect(answer.body).toContain('urn:steadfeed:problem:too-large');
    }
  });

  test('is 413 when its length is not said', async () => {
    const head = requestText('POST', '/api/events', [token, json, 'transfer-encoding: chunked']);
    const chunk = Buffer.concat([Buffer.from('200000\r\n'), twoMebibytes, Buffer.from('\r\n0\r\n\r\n')]);
    const answer = await answerTo(head, chunk);
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('urn:steadfeed:problem:too-large');
  });

  test('is 413 for a client that sends all of it before it reads', async () => {
    const answer = await post(new Blob([twoMebibytes]));
    expect(answer.status).toBe(413);
    expect(readProblem(answer).detail).toContain('1048576');
  });

  test('is 413 for 501 events, and for one of more than 64 KiB', async () => {
    const many = JSON.stringify(range(1, 501).map((data) => ({ data })));
    for (const body of [many, JSON.stringify({ data: 'x'.repeat(66_000) })]) {
      const answer = await post(body);
      expect(answer.status).toBe(413);
      expect(readProblem(answer)).toMatchObject({ status: 413 });
    }
  });
});

describe.concurrent('a publish request', () => {
  test('of another content type is 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await post('{"data":1}', { 'content-type': type });
      expect(answer.status).toBe(415);
      expect(readProblem(answer).detail).toContain('application/x-ndjson');
    }
  });

  test('that is malformed is 400', async () => {
    // Deeper than JSON can be written again.
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '{"data":1',
      '{}',
      '{"data":1e999}',
      '{"data":1,"id":"1-1"}',
      `{"data":${deep}}`,
    ];
    for (const body of bodies) {
      const answer = await post(body);
      expect([body.slice(0, 40), answer.status]).toEqual([body.slice(0, 40), 400]);
      readProblem(answer);
    }
  });

  test('whose body is chunked is taken', async () => {
    const head = requestText('POST', '/api/events', [token, json, 'transfer-encoding: chunked']);
    const answer = await answerTo(head, '8\r\n{"channe\r\nd\r\nl":"chunked",\r\n9\r\n"data":1}\r\n0\r\n\r\n');
    expect(answer.status).toBe(201);
    expect(answer.body).toContain('"channel":"chunked"');
  });

  test('that waits for 100 Continue is taken', async () => {
    const head = [token, json, 'content-length: 10', 'expect: 100-continue'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    await raw.until('100 Continue');
    raw.socket.write('{"data":1}');
    await raw.until('201 Created');
  });

  test('whose body breaks off stores nothing', async () => {
    const head = [token, json, 'content-length: 1000'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    raw.socket.write('{"channel":"broken-off","data":1}');
    raw.socket.end();
    await within('the connection is closed', 5_000, raw.closed);
    expect(JSON.parse((await ask(app, '/api/events?channel=broken-off&rewind=all')).text).events).toEqual([]);
  });

  test('whose chunks are malformed stores nothing', async () => {
    const head = [token, json, 'transfer-encoding: chunked'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    raw.socket.write('21\r\n{"channel":"malformed","data":1}\r\nzz\r\n');
    await within('the connection is closed', 5_000, raw.closed);
    expect(JSON.parse((await ask(app, '/api/events?channel=malformed&rewind=all')).text).events).toEqual([]);
  });
});

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

  test.for(queries)('%s is 400 on either transport', async (query) => {
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
      await within('it is answered', 5_000, raw.closed);
      expect(raw.received()).toMatch(/^HTTP\/1\.1 [345]\d\d /);
      expect(raw.received()).not.toContain('event: hello');
    },
  );

  test('of 20 KB, or headers of 20 KB, are refused, and the next request is answered', async () => {
    for (const text of [
      requestText('GET', `/api/stream?after=${'1'.repeat(20_000)}`),
      requestText('GET', '/api/stream', [`last-event-id: ${'1'.repeat(20_000)}`]),
    ]) {
      using raw = await openRawSocket(app.port, text);
      await within('the connection is closed', 5_000, raw.closed);
      expect(raw.received()).toMatch(/^HTTP\/1\.1 431 /);
    }
    expect((await ask(app, '/api/health')).status).toBe(200);
  });

  test('in Last-Event-ID is 400', async () => {
    const answer = await ask(app, '/api/stream', { headers: { 'last-event-id': 'feed@1-1,feed@1-2' } });
    expect(answer.status).toBe(400);
    expect(readProblem(answer).detail).toContain('Last-Event-ID');
  });
});

describe('what the framework passes on', () => {
  test('a page known to its reader is 304, and says how it may be shared', async () => {
    await store(app, [1], { channel: 'shared' });
    const page = await ask(app, '/api/events?channel=shared&rewind=all');
    expect(page.headers.get('cache-control')).toBe('public, max-age=0, s-maxage=1');
    const etag = page.headers.get('etag') ?? '';
    const again = await ask(app, '/api/events?channel=shared&rewind=all', {
      headers: { 'if-none-match': etag },
    });
    expect(again).toMatchObject({ status: 304, text: '' });
  });

  test('a refusal is never cached', async () => {
    const answer = await ask(app, '/api/events?limit=0');
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
  });

  test('a reader of HTTP/1.0 gets a stream', async () => {
    using raw = await openRawSocket(app.port, 'GET /api/stream HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n');
    await raw.until('event: hello');
    expect(raw.received().toLowerCase()).not.toContain('transfer-encoding');
  });
});
