import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startLocalUpstash } from '../../scripts/local-upstash/local-upstash.ts';
import { startRedisServer } from '../../scripts/local-upstash/redis-server.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { eventually, within } from '../support/node/eventually.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** Takes a free port. @returns the port, and a function that frees it. */
async function takePort() {
  const server = createServer();
  const port = await listenOnFreePort(server);
  return { port, free: () => new Promise((resolve) => server.close(resolve)) };
}

describe('the Redis server of this machine', () => {
  test('listens on 127.0.0.1, writes nothing to disk, and never evicts', async () => {
    const server = await startRedisServer();
    const redis = new Redis(server.url);

    const settings = await redis.config('GET', 'bind', 'appendonly', 'save', 'maxmemory-policy');
    redis.disconnect();
    await server.stop();

    expect(settings).toEqual(
      expect.arrayContaining([
        'bind',
        '127.0.0.1',
        'appendonly',
        'no',
        'save',
        '',
        'maxmemory-policy',
        'noeviction',
      ]),
    );
  });

  test('still has its data after a restart if it has a folder', async () => {
    using folder = makeTemporaryFolder();
    for (const expected of ['1', '2']) {
      const server = await startRedisServer({ dir: folder.path });
      const redis = new Redis(server.url);
      expect(String(await redis.incr('starts'))).toBe(expected);
      redis.disconnect();
      await server.stop();
    }
  });

  test.each(['stop', 'kill'] as const)('has no process after %s', async (how) => {
    const server = await startRedisServer();

    await server[how]();

    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  });

  test('fails with an error that names a port in use', async () => {
    const { port, free } = await takePort();

    await expect(startRedisServer({ port })).rejects.toThrow(`Port ${port} is already in use.`);
    await expect(startLocalUpstash({ redisPort: 1, token: 't', port })).rejects.toThrow('EADDRINUSE');
    await free();
  });

  test('fails with an error that names the package if redis-server is missing', async () => {
    vi.stubEnv('PATH', '/nowhere');

    await expect(startRedisServer()).rejects.toThrow(
      /not installed.*apt install redis-server.*brew install redis/,
    );
    vi.unstubAllEnvs();
  });
});

describe('npm run redis', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  beforeEach(() => {
    folder = makeTemporaryFolder();
  });
  afterEach(() => {
    endScripts();
    folder[Symbol.dispose]();
  });

  /** Runs the script in an empty folder. */
  const run = (...args: string[]) => runScript('redis', args, {}, folder.path);

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'prints the settings of both ways, answers, and ends on %s, also if the signal comes more than once',
    async (signal) => {
      const [rest, tcp] = [await takePort(), await takePort()];
      await Promise.all([rest.free(), tcp.free()]);
      const { port } = rest;
      const { child, out, code } = run('--port', String(port), '--redis-port', String(tcp.port));
      await eventually('Redis is ready', 10_000, () => /^REDIS_URL=.*\n/m.test(out()));

      expect(out()).toContain(`UPSTASH_REDIS_REST_URL=http://127.0.0.1:${port}\n`);
      expect(out()).toContain('UPSTASH_REDIS_REST_TOKEN=local\n');
      expect(out()).toContain(`REDIS_URL=redis://127.0.0.1:${tcp.port}\n`);
      const info = await fetch(`http://127.0.0.1:${port}/info/server?_token=local`).then((answer) =>
        answer.text(),
      );
      const redisPid = Number(/process_id:(\d+)/.exec(info)?.[1]);
      // The terminal and npm both send the signal, one after the other.
      const again = setInterval(() => child.kill(signal), 1);
      const ended = await within('the script ends', 10_000, code).finally(() => clearInterval(again));

      expect(ended).toBe(0);
      expect(() => process.kill(redisPid, 0)).toThrow('ESRCH');
    },
  );

  test('ends with the reason if the port is in use', async () => {
    const { port, free } = await takePort();
    const { code, err } = run('--port', String(port));

    expect(await code).toBe(1);
    await free();

    expect(err()).toBe(`redis: Port ${port} is already in use. Choose another one with --port.\n`);
  });

  test.each([
    ['--port', 'x'],
    ['--port', '70000'],
    ['--redis-port', '0'],
    ['--token', 'a b'],
    ['--unknown'],
    ['--port'],
  ])('refuses %s %s with the reason', async (...args) => {
    const { code, err } = run(...args);

    expect(await code).toBe(1);
    expect(err()).toMatch(/^redis: /);
  });

  test('--help explains the command', async () => {
    const { code, out } = run('--help');

    expect(await code).toBe(0);
    expect(out()).toContain('npm run redis');
  });
});
