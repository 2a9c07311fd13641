import { execFile, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

  test('tell how many events are gone', async () => {
    const all = Object.entries(readers).map(([name, command]) => {
      const [channel, file] = [`gap-${name}`, built(`gap-${name}.ndjson`)];
      return { channel, file, start: () => run([...command, app.url, channel, file]) };
    });
    const each = async (next: (one: (typeof all)[number]) => Promise<unknown>) =>
      void (await Promise.all(all.map(next)));
    await each(async ({ channel, file, start }) => {
      await store(app, [1], { channel });
      const reader = start();
      await until(file, 1);
      await reader.kill();
      for (const from of [2, 502, 1_002]) await store(app, range(from, from + 499), { channel });
    });
    // The memory of the old process still has the events that the log has deleted.
    await crash();
    await each(async ({ file, start }) => {
      const reader = start();
      await until(file, 1_501);
      await reader.kill();
    });

    for (const { file } of all) {
      const [one, gap, ...rest] = readLines(file);
      expect(one?.event?.data).toBe(1);
      expect(gap?.gap).toMatchObject({ exact: true, missed: 1_500 - retention });
      expect(rest.map(({ event }) => event?.data)).toEqual(range(1_502 - retention, 1_501));
    }
  });

  test.for(Object.entries(readers))(
    '%s ends with the reason when the server refuses it',
    async ([name, command], { expect }) => {
      const reader = run([...command, app.url, '-x', built(`refused-${name}`)]);
      expect(await reader.code).toBe(1);
      expect(reader.printed()).toContain('is not a valid name');
    },
  );
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

  test.for(Object.entries(publishers))(
    '%s ends with the reason when the server refuses its event',
    async ([, command], { expect }) => {
      const args = [app.url, 'orders', 'order.created', '{"id": 7}'];
      const publisher = run([...command, ...args], { PUBLISH_TOKEN: 'wrong' });
      expect(await publisher.code).toBe(1);
      expect(publisher.printed()).toContain('A valid token is required');
    },
  );

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
      const job = runStep({ ...refused, run: refused.run.replace('--retry 5', '--retry 0') });
      expect(await job.code).not.toBe(0);
      expect(job.printed()).toContain('A valid token is required');
    });
  });
});
