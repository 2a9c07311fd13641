import { describe, expect, test } from 'vitest';
import { runApp, startApp } from './app-process.ts';
import { ask } from './ask.ts';
import { publish } from './publish.ts';
import { startRedisStand } from './redis-stand.ts';
import { secrets } from './secrets.ts';
import { openSse } from './sse-reader.ts';

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
    expect((await reader.frame('refused')).data).toContain('refused the token it was given');
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

  test('what Redis says, and what a token is signed with, is told to nobody', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, READ_TOKEN_SECRET: secrets.readSecret });
    stand.upstash.faults.errorText = `ERR ${secrets.readSecret} ${secrets.redisToken}`;
    expect((await publish(app, [1])).status).toBe(503);
    const unsigned = 'eyJhbGciOiJub25lIn0.eyJjaGFubmVscyI6WyIqIl19.';
    expect((await ask(app, `/api/events?channel=private&token=${unsigned}`)).status).toBe(401);
  });
});
