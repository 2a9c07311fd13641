import { describe, expect, test } from 'vitest';
import { type App, runApp, startApp, startDevApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { publish, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { keepSecret, secrets, signReadToken } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

/** All secrets except those of Redis. */
const everySecret = {
  PUBLISH_TOKEN_PREVIOUS: secrets.previousPublishToken,
  READ_TOKEN_SECRET: secrets.readSecret,
};

/**
 * Sends a valid and an invalid token to the page and the routes, in a header, a cookie and the query.
 * @param status the routes' answer to the valid token.
 */
async function sendTokens(app: App, status: number): Promise<void> {
  const valid = await signReadToken(['private']);
  const invalid = `${valid.slice(0, -9)}AAAAAAAAA`;
  keepSecret('an invalid read token', invalid);
  for (const token of [valid, invalid]) {
    const ways = [
      { query: '', headers: { authorization: `Bearer ${token}` } },
      { query: '', headers: { cookie: `feed_token=${token}` } },
      { query: `&token=${token}`, headers: {} },
    ];
    for (const { query, headers } of ways) {
      const asked = `channel=private&rewind=1${query}`;
      // The page accepts no token in its address, because it writes its address into its HTML.
      const page = await ask(app, '/?channel=private', { headers });
      const events = await ask(app, `/api/events?${asked}`, { headers });
      using stream = await openSse(app, { query: asked, headers });
      const expected = token === valid ? status : 401;
      expect([page.status, events.status, stream.status]).toEqual([200, expected, expected]);
    }
  }
}

/*
 * This suite searches every answer and every printed line for secrets: in `ask`, in the readers, and at the end of each
 * process. These tests provoke the most likely leaks, and prove that the search finds a secret.
 */
describe.concurrent('secrets', () => {
  test('a secret that is printed fails the test that started the process', async () => {
    const run = runApp({ ALLOWED_ORIGINS: secrets.publishToken });
    await expect(run).rejects.toThrow('the output of the app contains a secret (publishToken)');
  });

  test('a token that Redis refuses does not leak', async () => {
    await using stand = await startRedisStand();
    const wrong = `wrong-${secrets.redisToken}`;
    await using app = await startApp({ ...stand.env, UPSTASH_REDIS_REST_TOKEN: wrong });
    expect((await publish(app, [1])).status).toBe(503);
    expect((await ask(app, '/api/events?rewind=1')).status).toBe(503);
    expect((await ask(app, '/')).status).toBe(200);
    using reader = await openSse(app, { headers: { accept: 'text/event-stream' } });
    expect((await reader.frame('refused')).data).toContain('refused its token');
  });

  test('a token that no header can carry stops the start; the error has its name, not its value', async () => {
    const env = {
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
      UPSTASH_REDIS_REST_TOKEN: `${secrets.redisToken}\n x`,
    };
    const { code, stderr } = await runApp(env);
    expect(code).toBe(1);
    expect(stderr).toContain('UPSTASH_REDIS_REST_TOKEN is not a token');
  });

  test('the password in the address of Redis does not leak', async () => {
    const password = 'password-nobody-may-see';
    keepSecret('the password of Redis', password);
    const url = `http://user:${password}@127.0.0.1:9`;
    const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: secrets.redisToken };
    await using app = await startApp(env);
    expect((await publish(app, [1])).status).toBe(503);
    expect((await ask(app, '/api/events')).status).toBe(503);
    expect((await ask(app, '/')).status).toBe(200);
  });

  test.each([
    { UPSTASH_REDIS_REST_URL: ' http://127.0.0.1:9/nobody-may-see' },
    { KV_REST_API_URL: 'http://127.0.0.1:9/nobody-may-see\n' },
  ])('an address of Redis with a space stops the start, and the error has its name: %j', async (env) => {
    const token = secrets.redisToken;
    const [name = ''] = Object.keys(env);
    const { code, stderr } = await runApp({ ...env, [name.replace('URL', 'TOKEN')]: token });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${name} is not a URL`)]);
    expect(stderr).not.toContain('nobody-may-see');
  });

  test('an error text of Redis and the secret of read tokens do not leak', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, READ_TOKEN_SECRET: secrets.readSecret });
    stand.upstash.faults.errorText = `ERR ${secrets.readSecret} ${secrets.redisToken}`;
    expect((await publish(app, [1])).status).toBe(503);
    const unsigned = 'eyJhbGciOiJub25lIn0.eyJjaGFubmVscyI6WyIqIl19.';
    expect((await ask(app, `/api/events?channel=private&token=${unsigned}`)).status).toBe(401);
  });

  test('a reader’s token does not leak, whether its request succeeds or fails', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, ...everySecret });
    await store(app, [1], { channel: 'private' });
    await sendTokens(app, 200);
    await stand.killRedis();
    await sendTokens(app, 503);
    expect((await publish(app, [2])).status).toBe(503);
    expect((await ask(app, '/api/health')).status).toBe(503);
  });

  test('in development, where Next prints each request, the token in a query is left out', async () => {
    await using app = await startDevApp(everySecret);
    await sendTokens(app, 200);
    expect(app.printed()).toContain('/api/events?channel=private');
  });
});
