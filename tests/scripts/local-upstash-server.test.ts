import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startLocalUpstash } from '../../scripts/local-upstash/local-upstash.ts';
import { startRedisServer } from '../../scripts/local-upstash/redis-server.ts';

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const script = new URL('../../scripts/redis.ts', import.meta.url).pathname;

/** A port that is taken, and what frees it. */
async function takePort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return { port, free: () => new Promise((resolve) => server.close(resolve)) };
}

describe('the Redis server of this machine', () => {
  test('it listens on 127.0.0.1, keeps nothing, and never evicts', async () => {
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

  test('with a folder, its data outlive it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'redis-'));
    for (const expected of ['1', '2']) {
      const server = await startRedisServer({ dir });
      const redis = new Redis(server.url);
      expect(String(await redis.incr('starts'))).toBe(expected);
      redis.disconnect();
      await server.stop();
    }
    rmSync(dir, { recursive: true });
  });

  test.each(['stop', 'kill'] as const)('after %s it is gone', async (how) => {
    const server = await startRedisServer();

    await server[how]();

    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  });

  test('a port that is taken is told', async () => {
    const { port, free } = await takePort();

    await expect(startRedisServer({ port })).rejects.toThrow(`Port ${port} is already in use.`);
    await expect(startLocalUpstash({ redisPort: 1, token: 't', port })).rejects.toThrow('EADDRINUSE');
    await free();
  });

  test('a server that is not installed is told with the package to install', async () => {
    vi.stubEnv('PATH', '/nowhere');

    await expect(startRedisServer()).rejects.toThrow(
      /not installed.*apt install redis-server.*brew install redis/,
    );
    vi.unstubAllEnvs();
  });
});

describe('npm run redis', () => {
  const children: ChildProcess[] = [];
  const folders: string[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the script in an empty folder. */
  const run = (...args: string[]) => {
    const cwd = mkdtempSync(join(tmpdir(), 'redis-'));
    const child = spawn(process.execPath, [script, ...args], { cwd });
    const said = { out: '', error: '', code: undefined as number | null | undefined };
    child.stdout.on('data', (chunk) => {
      said.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.error += chunk;
    });
    child.on('close', (code) => {
      said.code = code;
    });
    children.push(child);
    folders.push(cwd);
    return { child, said };
  };

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'prints the two variables, answers, and ends on %s, however often it comes',
    async (signal) => {
      const { port, free } = await takePort();
      await free();
      const { child, said } = run('--port', String(port));
      await until(() => expect(said.out).toContain('UPSTASH_REDIS_REST_TOKEN=local\n'));

      expect(said.out).toContain(`UPSTASH_REDIS_REST_URL=http://127.0.0.1:${port}\n`);
      const info = await fetch(`http://127.0.0.1:${port}/info/server?_token=local`).then((answer) =>
        answer.text(),
      );
      const redisPid = Number(/process_id:(\d+)/.exec(info)?.[1]);
      // The terminal and npm both send it, one after the other.
      const again = setInterval(() => child.kill(signal), 1);
      await until(() => expect(said.code).toBeDefined()).finally(() => clearInterval(again));

      expect(said.code).toBe(0);
      expect(() => process.kill(redisPid, 0)).toThrow('ESRCH');
    },
  );

  test('a port that is taken ends it with a word', async () => {
    const { port, free } = await takePort();
    const { said } = run('--port', String(port));

    await until(() => expect(said.code).toBe(1));
    await free();

    expect(said.error).toBe(`redis: Port ${port} is already in use. Choose another one with --port.\n`);
  });

  test.each([['--port', 'x'], ['--port', '70000'], ['--token', 'a b'], ['--unknown'], ['--port']])(
    '%s %s is refused with what is allowed',
    async (...args) => {
      const { said } = run(...args);

      await until(() => expect(said.code).toBe(1));
      expect(said.error).toMatch(/^redis: /);
    },
  );

  test('--help tells how to use it', async () => {
    const { said } = run('--help');

    await until(() => expect(said.code).toBe(0));
    expect(said.out).toContain('npm run redis');
  });
});
