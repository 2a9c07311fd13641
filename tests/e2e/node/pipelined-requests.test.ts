import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { within } from '../../support/node/eventually.ts';
import { untilStreams } from '../../support/node/open-streams.ts';
import { residentBytes } from '../../support/node/proc.ts';
import { store } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

test('a stream that is pipelined after another request waits for its turn on the connection', async () => {
  using raw = await openRawSocket(
    app.port,
    requestText('GET', '/api/events?wait=3&channel=quiet') + requestText('GET', '/api/stream'),
  );
  await untilStreams(app, 1, 30_000);
  await store(app, ['published later']);

  await raw.until('published later', 30_000);

  const received = raw.received();
  expect(received).toMatch(/^HTTP\/1\.1 200 /);
  expect(received.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  expect(received.indexOf('event: hello')).toBeLessThan(received.indexOf('published later'));
});

test('a stream that is pipelined after another stream does not start, and uses no slot', async () => {
  using raw = await openRawSocket(
    app.port,
    requestText('GET', '/api/stream?channel=first') + requestText('GET', '/api/stream?channel=second'),
  );
  await raw.until('event: hello', 30_000);
  await store(app, ['of the second'], { channel: 'second' });
  await store(app, ['of the first'], { channel: 'first' });

  await raw.until('of the first', 30_000);

  expect(raw.received()).not.toContain('of the second');
  expect((await app.health()).streams).toBe(1);
});

test.each([
  ['large answers', '/api/events?channel=large&rewind=25&limit=500'],
  ['the page', '/'],
])(
  'a thousand pipelined requests for %s get few answers, and other connections do not wait',
  async (_name, path) => {
    for (let each = 0; each < 25; each += 1) await store(app, ['x'.repeat(60_000)], { channel: 'large' });
    // The first request includes work that the server does only once.
    await ask(app, path);
    const before = residentBytes(app.pid);

    using raw = await openRawSocket(app.port, requestText('GET', path).repeat(1_000));
    const since = performance.now();
    await within('the connection is closed', 30_000, raw.closed);
    expect((await app.health()).status).toBe('ok');

    console.log(`health after ${Math.round(performance.now() - since)} ms`);
    expect(residentBytes(app.pid) - before).toBeLessThan(200 * 1_024 * 1_024);
  },
);
