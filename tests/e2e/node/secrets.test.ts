import { describe, expect, test } from 'vitest';
import { type App, runApp, startApp, startDevApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { publish, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { keepSecret, secrets, signReadToken } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

/** Every secret there is, but Redis's. */
const everySecret = {
  PUBLISH_TOKEN_PREVIOUS: secrets.previousPublishToken,
  READ_TOKEN_SECRET: secrets.readSecret,
};

/**
 * Shows a token that is good and one that is not to the page and the routes, by header, cookie and query.
 * @param status the routes' answer to the good one.
 */
async function showTokens(app: App, status: number): Promise<void> {
  const good = await signReadToken(['private']);
  const bad = `${good.slice(0, -9)}AAAAAAAAA`;
  keepSecret('a read token that is not good', bad);
  for (const token of [good, bad]) {
    const ways = [
      { query: '', headers: { authorization: `Bearer ${token}` } },
      { query: '', headers: { cookie: `feed_token=${token}` } },
      { query: `&token=${token}`, headers: {} },
    ];
    for (const { query, headers } of ways) {
      const asked = `channel=private&rewind=1${query}`;
      // The page takes none in its address, which it writes into itself.
      const page = await ask(app, '/?channel=private', { headers });
      const events = await ask(app, `/api/events?${asked}`, { headers });
      using stream = await openSse(app, { query: asked, headers });
      const expected = token === good ? status : 401;
      expect([page.status, events.status, stream.status]).toEqual([200, expected, expected]);
    }
  }
}

/*
 * Every answer and every line printed in this suite is searched for the secrets: by `ask`, the readers, and the end of
 * each process. What follows provokes where they are most likely to slip out, and proves that the search finds them.
 */
describe.concurrent('secrets', () => {
  test('a secret that is printed fails the test that started the process', async () => {
    const run = runApp({ ALLOWED_ORIGINS: secrets.publishToken });
    await expect(run).rejects.toThrow('what the app printed tells a secret (publishToken)');
  });

  test('a token Redis refuses is told to nobody', async () => {
    await using stand = await startRedisStand();
    const wrong = `wrong-${secrets.redisToken}`;
    await using app = await startApp({ ...stand.env, UPSTASH_REDIS_REST_TOKEN: wrong });
    expect((await publish(app, [1])).status).toBe(503);
    expect((await ask(app, '/api/events?rewind=1')).status).toBe(503);
    expect((await ask(app, '/')).status).toBe(200);
    using reader = await openSse(app, { headers: { accept: 'text/event-stream' } });
    expect((await reader.frame('refused')).data).toContain('refused its token');
  });

  test('a token that cannot be sent in a header stops the start by its name, and is told to nobody', async () => {
    const env = {
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
      UPSTASH_REDIS_REST_TOKEN: `${secrets.redisToken}\n x`,
    };
    const { code, stderr } = await runApp(env);
    expect(code).toBe(1);
    expect(stderr).toContain('UPSTASH_REDIS_REST_TOKEN is not a token');
  });

  test('an address of Redis that holds a password is told to nobody', async () => {
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
  ])('an address of Redis with a blank stops the start by its name: %j', async (env) => {
    const token = secrets.redisToken;
    const [name = ''] = Object.keys(env);
    const { code, stderr } = await runApp({ ...env, [name.replace('URL', 'TOKEN')]: token });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${name} is not a URL`)]);
    expect(stderr).not.toContain('nobody-may-see');
  });

  test('what Redis says, and what a token is signed with, is told to nobody', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, READ_TOKEN_SECRET: secrets.readSecret });
    stand.upstash.faults.errorText = `ERR ${secrets.readSecret} ${secrets.redisToken}`;
    expect((await publish(app, [1])).status).toBe(503);
    const unsigned = 'eyJhbGciOiJub25lIn0.eyJjaGFubmVscyI6WyIqIl19.';
    expect((await ask(app, `/api/events?channel=private&token=${unsigned}`)).status).toBe(401);
  });

  test('a reader’s token is told to nobody, whatever becomes of its request', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, ...everySecret });
    await store(app, [1], { channel: 'private' });
    await showTokens(app, 200);
    await stand.killRedis();
    await showTokens(app, 503);
    expect((await publish(app, [2])).status).toBe(503);
    expect((await ask(app, '/api/health')).status).toBe(503);
  });

  test('in development, where the framework prints requests, a token in the query is left out', async () => {
    await using app = await startDevApp(everySecret);
    await showTokens(app, 200);
    expect(app.printed()).toContain('/api/events?channel=private');
  });
});
