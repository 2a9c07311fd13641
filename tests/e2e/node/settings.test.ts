import { describe, expect, test } from 'vitest';
import { runApp, startApp } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { publish } from '../../support/node/publish.ts';

const bad = [
  ['FEED_RETENTION', 'many'],
  ['PUBLISH_RATE', '0'],
  ['STREAM_MAX_SECONDS', '4'],
  ['STREAM_MAX_CONNECTIONS', '-1'],
  ['STREAM_MAX_PER_ADDRESS', '0'],
  ['HEARTBEAT_SECONDS', 'soon'],
  ['TAIL_CHECK_SECONDS', '0'],
  ['POLL_MODE', 'medium'],
  ['ALLOWED_ORIGINS', 'https://example.org/path'],
  ['UPSTASH_REDIS_REST_URL', 'redis.example.org'],
] as const;

describe.concurrent('an invalid setting', () => {
  test.for(bad)('%s=%s stops the server, and the error has its name', async ([name, value]) => {
    const token = name === 'UPSTASH_REDIS_REST_URL' ? { UPSTASH_REDIS_REST_TOKEN: 'any' } : {};
    const { code, stderr } = await runApp({ [name]: value, ...token });
    expect(code).toBe(1);
    expect(stderr).toContain(`steadfeed: ${name} `);
  });

  test('on the platform is named by every route, and the page still renders', async () => {
    await using app = await startApp({ VERCEL: '1', POLL_MODE: 'medium' });
    for (const path of ['/api/stream', '/api/events', '/api/health']) {
      const answer = await ask(app, path);
      expect(answer.status).toBe(503);
      expect(readProblem(answer).detail).toMatch(/^POLL_MODE /);
    }
    expect((await ask(app, '/')).status).toBe(200);
  });
});

describe.concurrent('the platform without Redis', () => {
  test('answers 503 to readers and publishers, with the variables to set', async () => {
    await using app = await startApp({ VERCEL: '1' });
    const answers = [await ask(app, '/api/stream'), await ask(app, '/api/events'), await publish(app, [1])];
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(readProblem(answer).detail).toMatch(/Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN/);
    }
  });

  test('renders the page, which says which variables to set', async () => {
    await using app = await startApp({ VERCEL: '1' });
    const page = await ask(app, '/');
    expect(page.status).toBe(200);
    expect(page.text).toContain('UPSTASH_REDIS_REST_URL');
  });
});

describe.concurrent('publishing in production', () => {
  test('is off without a token, and the refusal says which variable turns it on', async () => {
    await using app = await startApp({ PUBLISH_TOKEN: '' });
    const answer = await publish(app, [1]);
    expect(answer.status).toBe(403);
    expect(readProblem(answer).detail).toContain('PUBLISH_TOKEN');
  });

  test('needs the token that is set', async () => {
    await using app = await startApp();
    for (const authorization of ['', 'Bearer ', 'Bearer wrong', 'Basic d3Jvbmc6']) {
      const headers = { 'content-type': 'application/json', authorization };
      const answer = await ask(app, '/api/events', { method: 'POST', headers, body: '{"data":1}' });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(readProblem(answer).detail).toContain('PUBLISH_TOKEN');
    }
  });
});

test('a log file that cannot be opened is reported at the start, and to readers and publishers', async () => {
  await using app = await startApp({ FEED_DB: '/dev/null/feed.db' });
  expect(app.printed()).toContain('steadfeed: FEED_DB: The embedded log');
  for (const answer of [
    await ask(app, '/api/events'),
    await ask(app, '/api/stream'),
    await publish(app, [1]),
  ]) {
    expect(answer.status).toBe(503);
    expect(readProblem(answer).detail).toContain('FEED_DB');
  }
});
