import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { secrets } from '../../support/node/secrets.ts';
import { root } from '../../support/root.ts';

/** What `npm run doctor` prints about an app, and how it ends. */
async function runDoctor(app: App): Promise<{ readonly code: number; readonly stdout: string }> {
  const args = ['scripts/doctor.ts', app.url, '--seconds', '30'];
  const env = { ...process.env, PUBLISH_TOKEN: secrets.publishToken };
  const run = promisify(execFile)(process.execPath, args, { cwd: root, env });
  return run.then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }) => ({ code, stdout }),
  );
}

describe.concurrent('the doctor of an app on REDIS_URL', () => {
  test('finds nothing in the way where Redis is as it should be', async () => {
    const redis = await startRedisServer();
    await using app = await startApp({ REDIS_URL: redis.url });

    const { code, stdout } = await runDoctor(app);

    expect(stdout).toMatch(/^ok {4}health +version .*, log redis-tcp, answered in \d+ ms$/m);
    expect(stdout).toMatch(/^ok {4}eviction /m);
    expect(stdout).toContain('Nothing stands in the way.');
    expect(code).toBe(0);
    await redis.stop();
  });

  test('names eviction, and goes on with the other checks', async () => {
    const redis = await startRedisServer({
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
    });
    await using app = await startApp({ REDIS_URL: redis.url });

    const { code, stdout } = await runDoctor(app);

    expect(stdout).toMatch(/^FAIL {2}eviction +Redis deletes whole channels when its memory is full$/m);
    expect(stdout).toContain('maxmemory-policy noeviction');
    expect(stdout).toMatch(/^ok {4}this client /m);
    expect(code).toBe(1);
    await redis.stop();
  });

  test('names a wrong password, without showing it', async () => {
    const redis = await startRedisServer({ args: ['--requirepass', 'right'] });
    await using app = await startApp({ REDIS_URL: `redis://:wrong-password@127.0.0.1:${redis.port}` });

    const { code, stdout } = await runDoctor(app);

    expect(stdout).toMatch(
      /^FAIL {2}health {2}Redis refused its token or password\. Check the token, or REDIS_URL\. \(version/m,
    );
    expect(stdout).not.toMatch(/wrong-password|WRONGPASS|127\.0\.0\.1/);
    expect(code).toBe(1);
    await redis.stop();
  });
});
