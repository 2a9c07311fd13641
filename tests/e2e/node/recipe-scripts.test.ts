import { execFile, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFeedToken } from '../../../lib/server/feed-token.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startLosingProxy } from '../../support/node/losing-proxy.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { readWorkflowStep } from '../../support/node/workflow-step.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/* The recipes in other languages run as the reader runs them: as programs of their own, against a real server. */

const recipes = join(root, 'docs/recipes');
const folder = makeTemporaryFolder();
const retention = 1_000;
/** Streams are handed over after three to four seconds. */
const env = {
  STREAM_MAX_SECONDS: '5',
  FEED_RETENTION: String(retention),
  FEED_DB: join(folder.path, 'feed.db'),
};

type Command = readonly [program: string, ...args: string[]];
const built = (name: string) => join(folder.path, name);
const readers: Readonly<Record<string, Command>> = {
  'read.py': ['python3', join(recipes, 'read.py')],
  'read.go': [built('read')],
  'read.sh': ['bash', join(recipes, 'read.sh')],
};
const publishers: Readonly<Record<string, Command>> = {
  'publish.py': ['python3', join(recipes, 'publish.py')],
  'publish.go': [built('publish')],
  'publish.sh': ['bash', join(recipes, 'publish.sh')],
};

let app: App;
beforeAll(async () => {
  await Promise.all([...['read', 'publish'].map(buildGo), startApp(env).then((started) => (app = started))]);
}, 180_000);
afterAll(async () => {
  for (const end of running) end();
  await app?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Kills the server, and starts it again on its port, with its log. */
async function crash(): Promise<void> {
  app.kill('SIGKILL');
  await app.ended;
  app = await startApp(env, app.port);
}

/** Builds a recipe in Go as `go run` does, without a network. */
async function buildGo(name: string): Promise<void> {
  const { PATH = '' } = process.env;
  const env: NodeJS.ProcessEnv = {
    PATH,
    NODE_ENV: 'test',
    GOCACHE: built('go-cache'),
    GOPATH: built('go'),
    GOPROXY: 'off',
    GOTOOLCHAIN: 'local',
  };
  const run = promisify(execFile);
  const file = join(recipes, `${name}.go`);
  expect((await run('gofmt', ['-l', file], { env })).stdout, 'files that gofmt would change').toBe('');
  await run('go', ['vet', file], { env });
  await run('go', ['build', '-o', built(name), file], { env });
}

const running = new Set<() => void>();

/** Runs a program. Its environment has the tokens that a test gives it. */
function run([program, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program ?? '', args, {
    env: { NODE_ENV: 'production', PATH, HOME, ...env },
    detached: true,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const kill = () => {
    // The whole group: bash has started curl. A program that has ended already needs no signal.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  running.add(kill);
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => {
      running.delete(kill);
      resolve(exitCode);
    });
  });
  return {
    printed: () => printed,
    code,
    async kill() {
      kill();
      await code;
    },
    /** Ends it as Ctrl-C does: every process of its group gets the signal. */
    interrupt: () => void (child.pid !== undefined && process.kill(-child.pid, 'SIGINT')),
    /** Kills the program, but not what it has started. */
    killAlone: () => void child.kill('SIGKILL'),
  };
}

type Line = {
  readonly cursor: string;
  readonly event?: { readonly data: unknown };
  readonly gap?: { readonly missed: number; readonly exact: boolean };
};

/** The complete lines of a reader's file. */
function readLines(file: string): readonly Line[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Waits until nobody reads from the app. */
const allStreamsHaveEnded = () =>
  eventually('all streams have ended', 60_000, async () => (await app.health()).streams === 0);

const dataOf = (file: string) => readLines(file).flatMap(({ event }) => (event ? [event.data] : []));

/** Waits until a reader has stored an event with this data. */
function until(file: string, data: unknown): Promise<true> {
  return eventually(`${file} has ${data}`, 60_000, () => dataOf(file).includes(data));
}

describe('the readers', () => {
  test('store every event once, in order, when they and their server are killed, and streams end', async () => {
    const started = Object.entries(readers).map(([name, command]) => {
      const file = built(`${name}.ndjson`);
      const start = () => run([...command, app.url, 'numbers', file]);
      return { file, start, reader: start() };
    });
    const all = (next: (each: (typeof started)[number]) => unknown) => Promise.all(started.map(next));
    let last = 0;
    let isOver = false;
    const publishing = (async () => {
      while (!isOver) {
        last += 1;
        const key = `number-${last}`;
        await eventually(`${key} is stored`, 60_000, async () => {
          const answer = await publish(app, [last], { channel: 'numbers', key }).catch(() => null);
          return answer !== null && answer.status < 300;
        });
        await sleep(20);
      }
    })();
    await all(({ file }) => until(file, 20));

    await all(async (each) => {
      await each.reader.kill();
      // The kill can cut a line short.
      appendFileSync(each.file, '{"cursor":"17638412');
      each.reader = each.start();
    });
    const afterKill = last + 1;
    await all(({ file }) => until(file, afterKill));

    await crash();
    const afterCrash = last + 1;
    await all(({ file }) => until(file, afterCrash));

    // No stream lives longer than that.
    await sleep(Number(env.STREAM_MAX_SECONDS) * 1_000);
    const afterHandover = last + 1;
    await all(({ file }) => until(file, afterHandover));

    isOver = true;
    await publishing;
    for (const { file, reader } of started) {
      await until(file, last);
      await reader.kill();
      expect(readLines(file).map(({ event }) => event?.data)).toEqual(range(1, last));
    }
  });

  test.for([
    ['after its first event', 1],
    ['before its first event', 0],
  ] as const)('tell how many events are gone since a kill %s', async ([, first], { expect }) => {
    await allStreamsHaveEnded();
    const all = Object.entries(readers).map(([name, command]) => {
      const [channel, file] = [`gap-${first}-${name}`, built(`gap-${first}-${name}.ndjson`)];
      return { channel, file, start: () => run([...command, app.url, channel, file]) };
    });
    const each = async (next: (one: (typeof all)[number]) => Promise<unknown>) =>
      void (await Promise.all(all.map(next)));
    if (first > 0) await each(({ channel }) => store(app, range(1, first), { channel }));
    const begun = all.map(({ start }) => start());
    await eventually('all read', 60_000, async () => (await app.health()).streams === all.length);
    if (first > 0) await each(({ file }) => until(file, first));
    await Promise.all(begun.map((reader) => reader.kill()));
    await each(async ({ channel }) => {
      for (const from of [1, 501, 1_001])
        await store(app, range(first + from, first + from + 499), { channel });
    });
    // The memory of the old process still has the events that the log has deleted.
    await crash();
    const last = first + 1_500;
    await each(async ({ file, start }) => {
      const reader = start();
      await until(file, last);
      await reader.kill();
    });

    for (const { file } of all) {
      expect(dataOf(file).slice(0, first)).toEqual(range(1, first));
      const [gap, ...rest] = readLines(file).slice(first);
      expect(gap?.gap).toMatchObject({ exact: true, missed: 1_500 - retention });
      expect(rest.map(({ event }) => event?.data)).toEqual(range(last - retention + 1, last));
    }
  });

  describe.for(Object.entries(readers))('%s', ([name, command]) => {
    const start = (address: string, channel: string, file: string, env = {}) =>
      run([...command, address, channel, built(`${file}-${name}`)], env);

    test.for(['-x', 'a b'])(
      'ends with the reason when the server refuses it: channel %s',
      async (channel, { expect }) => {
        const reader = start(app.url, channel, `refused ${channel}`);
        expect(await reader.code).toBe(1);
        expect(reader.printed()).toContain('is not a valid name');
        expect(reader.printed()).not.toContain('{');
      },
    );

    test('reads from an address with a slash at its end, and ends by Ctrl-C without a word', async ({
      expect,
    }) => {
      await store(app, [7], { channel: `slash-${name}` });
      const reader = start(`${app.url}/`, `slash-${name}`, 'slash');
      await until(built(`slash-${name}`), 7);
      reader.interrupt();
      expect([130, null]).toContain(await reader.code);
      expect(reader.printed()).toBe('');
    });

    test('says once why it cannot read, and goes on', async ({ expect }) => {
      let requests = 0;
      const wrong = createServer((_, response) => {
        requests += 1;
        response.writeHead(404, { 'content-type': 'text/html' }).end('<p>Nothing here</p>');
      });
      const port = await listenOnFreePort(wrong);
      const close = () => new Promise((resolve) => wrong.close(resolve).closeAllConnections());
      await close();
      const address = `http://127.0.0.1:${port}`;
      const reader = start(address, 'orders', 'silent');
      const says = (text: string) => reader.printed().split(`Cannot read ${address}: ${text}`).length - 1;
      await eventually('it says that nobody answers', 30_000, () => says('') === 1);
      wrong.listen(port, '127.0.0.1');
      await eventually('it has asked three times', 60_000, () => requests >= 3);
      await close();
      await reader.kill();
      expect(says('the server answers 404')).toBe(1);
      expect(reader.printed()).toContain('Is this the address of a Steadfeed app?');
    });

    test('ends when its channel has ended, and at once when it is started again', async ({ expect }) => {
      const channel = `ended-${name}`;
      await store(app, [1], { channel });
      const reader = start(app.url, channel, 'ended');
      await until(built(channel), 1);
      await store(app, ['over'], { channel, end: true });
      expect(await reader.code).toBe(0);
      expect(dataOf(built(channel))).toEqual([1, 'over']);

      const again = start(app.url, channel, 'ended');
      expect(await again.code).toBe(0);
      expect([reader.printed(), again.printed()]).toEqual(['', '']);
      expect(dataOf(built(channel))).toEqual([1, 'over']);
    });

    test('refuses a file to which another one writes, and stores nothing in it', async ({ expect }) => {
      const [channel, file] = [`locked-${name}`, built(`locked-${name}`)];
      await store(app, [1], { channel });
      const first = start(app.url, channel, 'locked');
      await until(file, 1);
      const second = start(app.url, channel, 'locked');
      expect(await second.code).toBe(1);
      expect(second.printed()).toMatch(/another program writes to .*locked/i);
      await store(app, [2], { channel });
      await until(file, 2);
      first.killAlone();
      await first.code;
      // What a killed reader leaves, such as curl, does not hold the file.
      const third = start(app.url, channel, 'locked');
      await store(app, [3], { channel });
      await until(file, 3);
      await third.kill();
      expect(dataOf(file)).toEqual([1, 2, 3]);
    });

    test('ends with a line of its usage, and the exit code 2', async ({ expect }) => {
      const file = built(`usage-${name}`);
      const wrong = [[], ['feed'], [app.url, 'feed'], [app.url, 'feed', file, 'more']];
      const foreign = [
        ['127.0.0.1:3000', 'feed', file],
        ['ftp://127.0.0.1', 'feed', file],
      ];
      const tries = [...wrong, ...foreign].map(async (args) => {
        const reader = run([...command, ...args]);
        expect(await reader.code, args.join(' ')).toBe(2);
        expect(reader.printed()).toMatch(args.length === 3 ? /^The address must.*\n$/ : /^usage: .*\n$/);
      });
      await Promise.all(tries);
    });

    test('refuses a file that it has not written, and leaves it as it is', async ({ expect }) => {
      const file = built(`foreign-${name}`);
      writeFileSync(file, 'a letter\n');
      const reader = run([...command, app.url, 'feed', file]);
      expect(await reader.code).toBe(1);
      expect(reader.printed()).toMatch(/last line .*has no cursor/);
      expect(readFileSync(file, 'utf8')).toBe('a letter\n');
    });
  });

  test('store-orders.py, killed and started again, has each event in its database once', async () => {
    const database = built('orders.db');
    const command = ['python3', join(recipes, 'store-orders.py'), app.url, 'sqlite', database];
    const start = () => run(command, { PYTHONDONTWRITEBYTECODE: '1' });
    const query =
      'import sqlite3,sys\nfor r in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(r[0])';
    const has = async (count: number) =>
      eventually(`the database has ${count} orders`, 60_000, async () => {
        const asked = run(['python3', '-c', query, database, 'select count(*) from orders']);
        await asked.code;
        return asked.printed() === `${count}\n`;
      });
    const publishOrders = (from: number) =>
      store(
        app,
        range(from, from + 99).map((id) => ({ id })),
        { channel: 'sqlite' },
      );
    await publishOrders(1);
    const first = start();
    await has(100);
    await first.kill();
    await publishOrders(101);
    const second = start();
    await has(200);
    await crash();
    await publishOrders(201);
    await has(300);
    await second.kill();
  });

  test('read.sh that is killed alone leaves no stream', async () => {
    await allStreamsHaveEnded();
    const reader = run([...(readers['read.sh'] ?? []), app.url, 'alone', built('alone.ndjson')]);
    await eventually('it reads', 30_000, async () => (await app.health()).streams === 1);
    reader.killAlone();
    await allStreamsHaveEnded();
  });

  test('read a private channel, and take a new token from its file', async () => {
    const secret = 'a secret that signs the tokens of this test';
    await using guarded = await startApp({ READ_TOKEN_SECRET: secret });
    await store(guarded, [1], { channel: 'orders' });
    const tokenBy = (by: string) => createFeedToken({ channels: ['orders'], ttlSeconds: 600, secret: by });
    const [valid, other] = [await tokenBy(secret), await tokenBy(`${secret}, but another one`)];

    await Promise.all(
      Object.entries(readers).map(async ([name, command]) => {
        const file = built(`private-${name}.ndjson`);
        const start = (env: Readonly<Record<string, string>>) =>
          run([...command, guarded.url, 'orders', file], env);

        const refused = start({ FEED_TOKEN: other });
        expect(await refused.code).toBe(1);
        expect(refused.printed()).toContain('401');

        const withBanner = start({
          FEED_TOKEN: `\n> steadfeed@0.1.0 token\n> node scripts/token.ts\n\n${valid}`,
        });
        expect(await withBanner.code).toBe(1);
        expect(withBanner.printed()).toContain('Make it with npm run --silent token.');

        const tokenFile = built(`token-${name}`);
        writeFileSync(tokenFile, `${other}\n`);
        const reader = start({ FEED_TOKEN_FILE: tokenFile });
        await eventually('it says that its token is not valid', 30_000, () =>
          reader.printed().includes('401'),
        );
        writeFileSync(`${tokenFile}.new`, `${valid}\n`);
        renameSync(`${tokenFile}.new`, tokenFile);
        await until(file, 1);
        await reader.kill();
      }),
    );
  });
});

/** The data of the events of a channel. */
async function storedIn(channel: string): Promise<readonly unknown[]> {
  const { text } = await ask(app, `/api/events?channel=${channel}&after=0-0`);
  return JSON.parse(text).events.map(({ type, data }: { type: string; data: unknown }) => [type, data]);
}

describe.concurrent('the publishers', () => {
  test.for(Object.entries(publishers))(
    '%s stores its event once when connections break and an answer is lost',
    async ([name, command], { expect }) => {
      await using proxy = await startLosingProxy(app);
      const args = [proxy.url, name, 'order.created', '{"id": 7}'];
      const publisher = run([...command, ...args], { PUBLISH_TOKEN: secrets.publishToken });
      expect([await publisher.code, publisher.printed()]).toEqual([
        0,
        expect.stringMatching(/"id": ?"\d+-1"/),
      ]);
      expect(proxy.requests()).toBe(4);
      expect(await storedIn(name)).toEqual([['order.created', { id: 7 }]]);
    },
  );

  const repeat = 'with the key my-key as the last argument';

  test.for(Object.entries(publishers))(
    '%s says why the server refuses its event, and advises no repeat, which would be refused too',
    async ([name, command], { expect }) => {
      const key = `refused-${name}`;
      await publish(app, [7], { channel: 'orders', key });
      const refusals = [
        [['orders', '7', 'my-key'], '', /401[:.] \w+[\s\S]*Set PUBLISH_TOKEN/],
        [['orders', '7', 'my-key'], 'wrong', /401[:.] \w+[\s\S]*Set PUBLISH_TOKEN/],
        [['a b', '7', 'my-key'], secrets.publishToken, /"a b" is not a valid name/],
        [['orders', '8', key], secrets.publishToken, /Use a new key/],
      ] as const;
      for (const [[channel, data, last], token, reason] of refusals) {
        const args = [app.url, channel, 'order.created', data, last];
        const publisher = run([...command, ...args], { PUBLISH_TOKEN: token });
        expect(await publisher.code).toBe(1);
        expect(publisher.printed()).toMatch(reason);
        expect(publisher.printed()).not.toMatch(/Run it again|[{}]|Steadfeed app/);
        expect(publisher.printed().includes('PUBLISH_TOKEN')).toBe(token !== secrets.publishToken);
      }
    },
  );

  test.for(Object.entries(publishers))(
    '%s advises a repeat with its key within 24 hours when the server has failed',
    async ([, command], { expect }) => {
      // A wait that no publisher accepts: it gives up at once.
      const failing = createServer((_, response) => {
        response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '3600' });
        response.end('{"status":503,"detail":"Redis is \\"full\\"."}');
      });
      const address = `http://127.0.0.1:${await listenOnFreePort(failing)}`;
      const publisher = run([...command, address, 'orders', 'order.created', '7', 'my-key']);
      expect(await publisher.code).toBe(1);
      expect(publisher.printed()).toContain('503');
      expect(publisher.printed()).toContain('Redis is "full".');
      expect(publisher.printed()).toContain(repeat);
      expect(publisher.printed()).toContain('24 hours');
      failing.close();
    },
  );

  test('wait for a server at whose port nobody listens for 20 s', async ({ expect }) => {
    const server = createServer((_, response) => {
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"events":[{"id":"1-1"}]}');
    });
    const port = await listenOnFreePort(server);
    const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
    await close();
    const started = Object.values(publishers).map((command) =>
      run([...command, `http://127.0.0.1:${port}/`, 'orders', 'order.created', '{"id": 7}']),
    );
    await sleep(20_000);
    server.listen(port, '127.0.0.1');
    for (const publisher of started) expect(await publisher.code, publisher.printed()).toBe(0);
    await close();
  });

  test.for(Object.entries(publishers))(
    '%s fails where a redirect would turn its event into a question',
    async ([name, command], { expect }) => {
      const moved = createServer(({ url = '/' }, response) => {
        response.writeHead(301, { location: app.url + url }).end();
      });
      const address = `http://127.0.0.1:${await listenOnFreePort(moved)}`;
      const publisher = run([...command, address, `moved-${name}`, 'order.created', '7', 'my-key'], {
        PUBLISH_TOKEN: secrets.publishToken,
      });
      expect(await publisher.code).toBe(1);
      expect(publisher.printed()).toMatch(/301[\s\S]*Is this the address of a Steadfeed app\?/);
      expect(publisher.printed()).not.toContain(repeat);
      moved.close();
    },
  );

  test.for(Object.entries(publishers))(
    '%s takes a key, so that a second run stores nothing',
    async ([name, command], { expect }) => {
      const args = [app.url, `twice-${name}`, 'order.created', '7', `twice-${name}`];
      for (const isDuplicate of [false, true]) {
        const publisher = run([...command, ...args], { PUBLISH_TOKEN: secrets.publishToken });
        expect(await publisher.code).toBe(0);
        expect(publisher.printed().replaceAll(' ', '')).toContain(`"duplicate":${isDuplicate}`);
      }
      expect(await storedIn(`twice-${name}`)).toHaveLength(1);
    },
  );

  test.for(Object.entries(publishers))(
    '%s ends with a line of its usage, and the exit code 2',
    async ([, command], { expect }) => {
      for (const args of [[], [app.url, 'orders', 'order.created'], ['127.0.0.1', 'orders', 'x', '7']]) {
        const publisher = run([...command, ...args]);
        expect(await publisher.code, args.join(' ')).toBe(2);
        expect(publisher.printed()).toMatch(args.length === 4 ? /^The address must.*\n$/ : /^usage: .*\n$/);
      }
    },
  );

  test('publish.py raises an exception in the program that imports it', async ({ expect }) => {
    const program = `
import sys
sys.path.insert(0, sys.argv[1])
from publish import PublishError, publish
try:
    publish(sys.argv[2], "wrong", {"channel": "orders", "type": "x", "data": 7}, "order-7")
except PublishError as error:
    print("caught", error.status)
`;
    const importing = run(['python3', '-c', program, recipes, app.url], { PYTHONDONTWRITEBYTECODE: '1' });
    expect([await importing.code, importing.printed()]).toEqual([0, 'caught 401\n']);
  });

  describe('publish.yml', () => {
    const message = 'Say "hello"\n\nand `$(rm -rf /)` \'quoted\'';
    const step = (url: string, token: string) =>
      readWorkflowStep(readFileSync(join(recipes, 'publish.yml'), 'utf8'), {
        'vars.FEED_URL': url,
        'secrets.PUBLISH_TOKEN': token,
        'github.ref_name': 'a"b',
        'github.sha': 'c0ffee',
        'github.event.head_commit.message': message,
      });
    /** Runs the step as GitHub does. */
    const runStep = ({ run: script, env }: ReturnType<typeof step>) =>
      run(['bash', '-e', '-c', script], { ...env, GITHUB_RUN_ID: '17' });

    test('stores its event once when connections break and an answer is lost', async ({ expect }) => {
      await using proxy = await startLosingProxy(app);
      const job = runStep(step(proxy.url, secrets.publishToken));
      expect([await job.code, job.printed()]).toEqual([0, expect.stringContaining('"duplicate":true')]);
      expect(await storedIn('pushes')).toEqual([['push', { branch: 'a"b', commit: 'c0ffee', message }]]);
    });

    test('fails the job with the reason when the server refuses its event', async ({ expect }) => {
      const refused = step(app.url, 'wrong');
      // Only the test is in a hurry: one attempt shows the refusal.
      const job = runStep({ ...refused, run: refused.run.replace('--retry 6', '--retry 0') });
      expect(await job.code).not.toBe(0);
      expect(job.printed()).toContain('A valid token is required');
    });
  });
});
