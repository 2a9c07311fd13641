import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { findFreePort } from '../../../scripts/free-port.ts';
import { textBetweenMarks } from '../../support/docs/markdown-table.ts';
import { type App, startApp, startAppBy } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startFeedReader } from '../../support/node/feed-reader.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { keepSecret, secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);

/** A code block of a document. */
function documented(file: string, name: string): string {
  const text = textBetweenMarks(readFileSync(join(root, file), 'utf8'), name);
  const [, code] = /^```\w+\n([\s\S]*)\n```$/.exec(text) ?? [];
  if (code === undefined) throw new Error(`the marks "${name}" do not hold one block of code`);
  return code;
}

/** Runs a script of docs/operations.md as the user of this test, with its folders in `folder`. systemd is not there. */
async function runScript(name: 'backup' | 'restore', folder: string): Promise<void> {
  const script = documented('docs/operations.md', name)
    .replaceAll('/var/lib/steadfeed/', `${folder}/`)
    .replaceAll('/var/backups/feed.db', `${folder}/backup.db`)
    .replaceAll('/srv/steadfeed/', root)
    .replaceAll('-o steadfeed -g steadfeed', '-o "$(id -u)" -g "$(id -g)"')
    .replaceAll(/^systemctl .*$/gm, ':');
  await run('sh', ['-ec', script]);
}

/** An app with three events; the documented backup of its file; three later events; and the documented restore. */
async function restoreBackup(folder: string, whileAllAreRead: (app: App) => Promise<void>): Promise<App> {
  const env = { FEED_DB: join(folder, 'feed.db') };
  const app = await startApp(env);
  await store(app, range(1, 3));
  await runScript('backup', folder);
  await store(app, range(4, 6));
  await whileAllAreRead(app);
  app.kill('SIGTERM');
  await app.ended;
  await runScript('restore', folder);
  return await startApp(env, app.port);
}

/** The page after a cursor. */
const pageAfter = async (app: App, cursor: string) =>
  JSON.parse((await ask(app, `/api/events?after=${cursor}`)).text);

describe.concurrent('a backup of the file, made while the server runs, and restored', () => {
  test('gives a gap to readers that were after it, and they go on with what is published next', async () => {
    using folder = makeTemporaryFolder();
    let reader: Awaited<ReturnType<typeof startResumingReader>> | undefined;
    await using app = await restoreBackup(folder.path, async (before) => {
      reader = await startResumingReader(before, 'rewind=all');
      await reader.until(6);
    });
    await using after = reader;
    await eventually('the gap arrives', 30_000, () => after?.gaps.length === 1);
    expect(after?.gaps).toMatchObject([{ reason: 'restarted', missed: null }]);
    await store(app, [7]);
    await after?.until(7);
    expect(after?.data).toEqual(range(1, 7));
    expect(after?.gaps).toHaveLength(1);
  });

  test('has everything that was stored before it, and shows no gap to readers that were within it', async () => {
    using folder = makeTemporaryFolder();
    let cursor = '';
    await using app = await restoreBackup(folder.path, async (before) => {
      cursor = JSON.parse((await ask(before, '/api/events?rewind=all&limit=2')).text).cursor;
    });
    await store(app, [7]);
    const page = await pageAfter(app, cursor);
    expect(page.events.map(({ data }: { data: unknown }) => data)).toEqual([3, 7]);
    expect(page.gaps).toEqual([]);
  });

  test('gives a gap and all that was published since to a reader that comes back late', async () => {
    using folder = makeTemporaryFolder();
    let cursor = '';
    await using app = await restoreBackup(folder.path, async (before) => {
      cursor = JSON.parse((await ask(before, '/api/events?rewind=all&limit=5')).text).cursor;
    });
    // Of these, the second has the seq of the last event that the reader has read.
    await store(app, range(7, 9));
    const page = await pageAfter(app, cursor);
    expect(page.gaps).toMatchObject([{ reason: 'restarted', missed: null }]);
    expect(page.events.map(({ data }: { data: unknown }) => data)).toEqual([7, 8, 9]);
  });
});

describe.concurrent('a secret that is changed', () => {
  test('lets publishers with the old and the new publish token go on, until the old one is removed', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: join(folder.path, 'feed.db') };
    const newToken = 'new-publish-token-nobody-may-see';
    const statusWith = async (app: App, token: string) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      return (await ask(app, '/api/events', { method: 'POST', headers, body: '{"data":1}' })).status;
    };
    {
      await using both = await startApp({
        ...env,
        PUBLISH_TOKEN: newToken,
        PUBLISH_TOKEN_PREVIOUS: secrets.publishToken,
      });
      expect(await statusWith(both, secrets.publishToken)).toBe(201);
      expect(await statusWith(both, newToken)).toBe(201);
    }
    await using one = await startApp({ ...env, PUBLISH_TOKEN: newToken });
    expect(await statusWith(one, secrets.publishToken)).toBe(401);
    expect(await statusWith(one, newToken)).toBe(201);
  });

  test('lets readers with getToken read on with a token of the new read secret, and stops those without', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: join(folder.path, 'feed.db') };
    let secret: string = secrets.readSecret;
    const sign = async () => {
      const token = await new SignJWT({ channels: ['private'], exp: Math.floor(Date.now() / 1_000) + 600 })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(secret));
      keepSecret('a read token', token);
      return token;
    };
    let app = await startApp({ ...env, READ_TOKEN_SECRET: secret });
    const data: unknown[] = [];
    const feed = connectFeed({
      url: app.url,
      channels: ['private'],
      getToken: sign,
      onEvent: (event) => void data.push(event.data),
    });
    const oldToken = await sign();
    const feedWithout = connectFeed({ url: app.url, channels: ['private'], getToken: async () => oldToken });
    try {
      await eventually('both stream', 30_000, () =>
        [feed, feedWithout].every((each) => each.getSnapshot().status === 'streaming'),
      );
      await store(app, [1], { channel: 'private' });
      app.kill('SIGTERM');
      await app.ended;
      secret = 'new-read-secret-nobody-may-see';
      app = await startApp({ ...env, READ_TOKEN_SECRET: secret }, app.port);
      await store(app, [2], { channel: 'private' });
      await eventually('the event arrives', 30_000, () => data.length === 2);
      expect(data).toEqual([1, 2]);
      await eventually('the other stops', 30_000, () => feedWithout.getSnapshot().status === 'stopped');
      expect(feedWithout.getSnapshot().problem?.type).toBe('urn:steadfeed:problem:unauthorized');
    } finally {
      feed.close();
      feedWithout.close();
      await app[Symbol.asyncDispose]();
    }
  });
});

test('the documented restore stops the processes first, gives the file to their user, and starts them last', () => {
  const user = /^User=(.*)$/m.exec(documented('docs/deploy.md', 'systemd'))?.[1];
  const steps = documented('docs/operations.md', 'restore').split('\n');
  expect(steps.at(0)).toBe("systemctl stop 'steadfeed@*'");
  expect(steps.at(-2)).toContain(`install -o ${user} -g ${user} -m 600 `);
  expect(steps.at(-1)).toBe('systemctl start steadfeed@3001 steadfeed@3002');
});

test.concurrent('a backup and a restored file can be read by their owner alone', async () => {
  using folder = makeTemporaryFolder();
  await using app = await restoreBackup(folder.path, async () => undefined);
  await store(app, [4]);
  const modes = ['backup.db', 'feed.db'].map((file) => statSync(join(folder.path, file)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600]);
});

test.concurrent('the documented test publish tells that the log can be written, or why not', async () => {
  await using stand = await startRedisStand();
  await using app = await startApp(stand.env);
  const line = documented('docs/operations.md', 'check').split('\n').at(-1) ?? '';
  const command = line
    .replace('PUBLISH_TOKEN=…', `PUBLISH_TOKEN=${secrets.publishToken}`)
    .replace('https://feed.example.com', app.url);
  const attempt = () =>
    run('sh', ['-ec', command], { cwd: root }).then(
      ({ stderr }) => ({ code: 0, stderr }),
      ({ code, stderr }) => ({ code, stderr }),
    );

  expect(await attempt()).toMatchObject({ code: 0, stderr: expect.stringContaining('1 event stored') });
  stand.upstash.faults.errorText = 'ERR max requests limit exceeded. Limit: 500000, Usage: 500001.';
  const failed = await attempt();
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('503: Redis has reached a limit of its plan.');
});

test.concurrent('a wrong FEED_DB makes health a problem that names it', async () => {
  using folder = makeTemporaryFolder();
  const path = join(folder.path, 'feed.db');
  writeFileSync(path, 'no database');
  await using app = await startApp({ FEED_DB: path });
  const answer = await ask(app, '/api/health');
  expect(answer.status).toBe(503);
  expect(readProblem(answer)).toMatchObject({
    type: 'urn:steadfeed:problem:misconfigured',
    detail: expect.stringContaining('FEED_DB: The embedded log cannot start'),
  });
});

test.concurrent('a limit of the plan of Redis is a 503 for publishers and new readers, and open streams go on at first', async () => {
  await using stand = await startRedisStand();
  await using app = await startApp({ ...stand.env, HEARTBEAT_SECONDS: '1' });
  using open = await openSse(app);
  await open.frame('hello');
  stand.upstash.faults.errorText = 'ERR max requests limit exceeded. Limit: 500000, Usage: 500001.';

  const refused = await publish(app, [1]);
  expect(refused.status).toBe(503);
  expect(readProblem(refused).detail).toBe('Redis has reached a limit of its plan.');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(59);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(120);
  expect((await ask(app, '/api/events')).status).toBe(503);
  expect(await app.health().catch(() => null)).toMatchObject({ status: 'log-unavailable' });

  using late = startFeedReader(app);
  await eventually('the new reader waits', 30_000, () => late.feed.getSnapshot().status === 'waiting');
  expect(late.feed.getSnapshot().problem?.detail).toBe('Redis has reached a limit of its plan.');
  const beats = () => open.frames.filter(({ event }) => event === 'heartbeat').length;
  const before = beats();
  await eventually('heartbeats go on', 30_000, () => beats() >= before + 2);
  expect(open.frames.map(({ event }) => event)).not.toContain('gap');
});

test.concurrent('the systemd unit of docs/deploy.md starts a process on the port of its name, and stops it cleanly', async () => {
  const unit = documented('docs/deploy.md', 'systemd');
  const port = await findFreePort(0, '127.0.0.1');
  const settingOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  const installed = settingOf('WorkingDirectory');
  const [command = '', ...args] = settingOf('ExecStart')
    .replaceAll('%i', String(port))
    .replaceAll(`${installed}/`, root)
    .split(' ');
  await using app = await startAppBy({ command, args });
  expect(app.port).toBe(port);
  using reader = await openSse(app);
  await reader.frame('hello');
  app.kill('SIGTERM');
  expect(await reader.over).toBe('ended');
  expect(await app.ended).toEqual({ code: Number(settingOf('SuccessExitStatus')), signal: null });
});
