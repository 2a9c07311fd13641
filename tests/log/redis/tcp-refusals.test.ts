import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { trialScript } from '../../../lib/log/redis/tcp-handshake.ts';
import { listen } from '../../support/log/listener.ts';
import { newEvents, readAll } from '../../support/log/log-steps.ts';
import { useTcpStack } from '../../support/log/tcp-stack.ts';
import { root } from '../../support/root.ts';

const stack = useTcpStack();
const login = { username: 'feed', password: 'secret-of-the-user' };

const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The commands that docs/deploy.md asks for, for one Redis. */
const documented = rightsOf(read('docs/deploy.md'));

function rightsOf(doc: string): readonly string[] {
  const [, commands = ''] = /\*\*Rights of an ACL user\.\*\*(.*?)with a\s+database number/s.exec(doc) ?? [];
  return [...commands.matchAll(/`([A-Z]+)`/g)].map(([, name = '']) => name);
}

/** The commands that scripts call, or pass on to a call. */
function commandsOf(scripts: string): readonly string[] {
  const names = [...scripts.matchAll(/(?:call|try|take)\((?:page, )?'([A-Z]+)'/g)].map(
    ([, name = '']) => name,
  );
  return [...new Set(names)].sort();
}

async function setUser(...rights: readonly string[]): Promise<void> {
  const rules = ['reset', 'on', `>${login.password}`, 'resetchannels', '-@all', ...rights];
  await stack().redis.call('ACL', 'SETUSER', login.username, ...rules);
}

const names = ['~steadfeed:*', '&steadfeed:*'];
const allow = (commands: readonly string[]) => commands.map((command) => `+${command.toLowerCase()}`);

function urlOf({ username, password } = login, scheme = 'redis'): string {
  return `${scheme}://${username}:${password}@127.0.0.1:${stack().server.port}`;
}

const open = (url = urlOf()) => stack().open({ url });

async function refusalOf(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof Error)) throw new Error('not refused');
  // Neither secrets nor the driver's own texts, wherever the error may be printed.
  expect(inspect(error, { depth: null })).not.toMatch(
    /secret|127\.0\.0\.1|ioredis|user_script|WRONGPASS invalid/,
  );
  expect(error).toMatchObject({ code: 'log-unavailable' });
  return error;
}

const append = (url?: string) =>
  open(url).append({ events: newEvents('feed', 1), key: { name: 'k', fingerprint: 'f' } });

afterEach(async () => {
  vi.restoreAllMocks();
  await stack().redis.call('ACL', 'DELUSER', login.username);
});

describe('an ACL user', () => {
  beforeEach(() => setUser(...names, ...allow(documented)));

  test('can publish, read and follow with the documented ones, in a database of its own', async () => {
    await setUser(...names, ...allow([...documented, 'SELECT']));
    const log = open(`${urlOf()}/3`);
    const listener = await listen(log, 'feed');

    await log.append({ events: newEvents('feed', 2), key: { name: 'k', fingerprint: 'f' } });

    await listener.receives(2);
    expect(await readAll(log, 'feed')).toEqual(listener.events());
    expect(await stack().redis.dbsize()).toBe(0);
  });

  test.each(documented.filter((command) => !command.includes('SUBSCRIBE')))(
    'without %s is refused with its name, before anything is stored',
    async (command) => {
      await setUser(...names, ...allow(documented.filter((each) => each !== command)));

      const error = await refusalOf(append());

      expect(error.message).toBe(
        `Redis does not allow its user to run ${command} on the keys and channels of the feed. Give the user the rights that docs/deploy.md lists.`,
      );
      expect(await stack().redis.dbsize()).toBe(0);
    },
  );

  test('without SUBSCRIBE can publish and read, and following is refused with the name', async () => {
    await setUser(...names, ...allow(documented.filter((each) => each !== 'SUBSCRIBE')));
    const log = open();
    await log.append({ events: newEvents('feed', 1), key: null });
    const signal = await new Promise((resolve) => log.follow('feed', resolve, new AbortController().signal));

    expect(signal).toMatchObject({
      kind: 'lost',
      cause: { message: expect.stringContaining('run SUBSCRIBE on') },
    });
    expect(await readAll(log, 'feed')).toHaveLength(1);
  });

  test.each([
    ['the keys', ['~other:*', '&steadfeed:*'], 'EVAL'],
    ['the channels', ['~steadfeed:*', '&other:*'], 'PUBLISH'],
  ])('without %s of the feed is refused, and nothing is stored', async (_, otherNames, command) => {
    await setUser(...otherNames, ...allow(documented));

    expect((await refusalOf(append())).message).toContain(`run ${command} on the keys and channels`);
    expect(await stack().redis.dbsize()).toBe(0);
  });

  test('is refused in a script too, if it loses a right later', async () => {
    const log = open();
    await log.ends([]);
    await stack().redis.call('ACL', 'SETUSER', login.username, '-xrange');

    expect((await refusalOf(log.ends(['feed']))).message).toBe(
      'Redis does not allow its user to run a command of the feed. Give the user the rights that docs/deploy.md lists.',
    );
  });
});

test('each command of the scripts is tried on a new connection, and is in the documented list', () => {
  const tried = commandsOf(trialScript);

  expect(tried.length).toBeGreaterThan(9);
  expect(commandsOf(read('lib/log/redis/storage.ts')).filter((name) => !tried.includes(name))).toEqual([]);
  expect([...tried, 'PUBLISH'].filter((name) => !documented.includes(name))).toEqual([]);
});

test('a new connection leaves nothing in Redis', async () => {
  const changes = async () =>
    /rdb_changes_since_last_save:(\d+)/.exec(await stack().redis.info('persistence'))?.[1];
  const before = await changes();

  await stack().open().ends(['feed']);

  expect(await changes()).toBe(before);
});

describe('a mistake in REDIS_URL is named', () => {
  test('a user that does not exist', async () => {
    const url = urlOf({ ...login, username: 'nobody' });

    expect((await refusalOf(append(url))).message).toContain('refused its token or password');
  });

  test('no password, where one is needed; one that is not needed does no harm, and nothing is printed', async () => {
    const printed = vi.spyOn(console, 'warn');
    const { redis } = stack();
    const url = stack().server.url;
    await stack()
      .open({ url: url.replace('//', '//:secret@') })
      .ends(['feed']);

    await redis.call('CONFIG', 'SET', 'requirepass', 'secret');
    try {
      expect((await refusalOf(append(url))).message).toContain('refused its token or password');
    } finally {
      await redis.call('CONFIG', 'SET', 'requirepass', '');
    }
    expect(printed).not.toHaveBeenCalled();
  });

  test('a database that Redis does not have: nothing goes into another one', async () => {
    expect((await refusalOf(append(`${stack().server.url}/99`))).message).toBe(
      'Redis does not have the database that REDIS_URL names. Check the number at its end.',
    );
    expect(await stack().redis.dbsize()).toBe(0);
  });

  test('a database that the user may not select: nothing goes into another one', async () => {
    await setUser(...names, ...allow(documented));

    expect((await refusalOf(append(`${urlOf()}/3`))).message).toContain('to run SELECT on');
    expect(await stack().redis.dbsize()).toBe(0);
  });

  test('TLS to a server without TLS', async () => {
    await setUser(...names, ...allow(documented));
    const log = stack().open({ url: urlOf(login, 'rediss'), timeoutMs: 2_000 });

    expect((await refusalOf(log.ends(['feed']))).message).toBe(
      'Redis did not complete the TLS handshake. If it is not encrypted, write redis:// in REDIS_URL.',
    );
  });
});

test('a Redis with too many connections says so', async () => {
  const { redis, server } = stack();
  const used = Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))?.[1]);
  await redis.call('CONFIG', 'SET', 'maxclients', used + 1);
  const last = new Redis({ host: '127.0.0.1', port: server.port });
  try {
    await last.ping();
    expect((await refusalOf(append(server.url))).message).toBe('Redis has too many connections.');
  } finally {
    last.disconnect();
    await redis.call('CONFIG', 'SET', 'maxclients', 10_000);
  }
});
