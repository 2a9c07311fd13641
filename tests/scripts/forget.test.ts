import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSqliteLog } from '../../lib/log/sqlite/sqlite-log.ts';
import { about, appendTo, newEvent, readAll, store, subjectsOf } from '../support/log/log-steps.ts';
import { useRedisStack } from '../support/log/redis-stack.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

afterEach(endScripts);

/** Runs `npm run forget` to its end. */
async function forget(args: readonly string[], env: Record<string, string>) {
  const script = runScript('forget', args, env);
  script.child.stdin?.end();
  return { code: await script.code, out: script.out(), err: script.err() };
}

describe('npm run forget', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  const file = () => join(folder.path, 'feed.db');
  const env = () => ({ FEED_DB: file() });
  const open = () => createSqliteLog({ file: file(), clock: { now: () => 1_763_841_234_567 } });

  beforeEach(async () => {
    folder = makeTemporaryFolder();
  });
  afterEach(() => folder[Symbol.dispose]());

  /** Three events in `order.7`, one of them about a subject, and one in `order.8`. */
  async function fill(): Promise<void> {
    const log = open();
    await appendTo(log, 'order.7', 2);
    await store(log, about('a', 1, { channel: 'order.7' }), newEvent('order.8', 'other'));
    log.close();
  }

  async function countIn(channel: string): Promise<number> {
    const log = open();
    const { length } = await readAll(log, channel);
    log.close();
    return length;
  }

  test('says what it would delete, and deletes nothing, if nobody can answer its question', async () => {
    await fill();

    const { code, out, err } = await forget(['--channel', 'order.7'], env());

    expect([code, out]).toEqual([1, '']);
    expect(err).toBe(
      `Channel "order.7" has 3 events (2025-11-22T19:53:54.567Z to 2025-11-22T19:53:54.567Z) and 1 subject in the file ${file()}.\nNothing was deleted. Answer y, or add --yes.\n`,
    );
    expect(await countIn('order.7')).toBe(3);
  });

  test('with --yes deletes the channel with its state, and no other', async () => {
    await fill();

    const { code, err } = await forget(['--channel', 'order.7', '--yes'], env());

    expect(code).toBe(0);
    expect(err).toContain('Deleted. ');
    expect(await countIn('order.7')).toBe(0);
    expect(await countIn('order.8')).toBe(1);
    const log = open();
    await appendTo(log, 'order.7', 1);
    expect(await subjectsOf(log, 'order.7')).toEqual({});
    log.close();
  });

  test('of a channel without events says so', async () => {
    await fill();

    const { code, err } = await forget(['--channel', 'order.9', '--yes'], env());

    expect([code, err]).toEqual([
      0,
      `Channel "order.9" has no events in the file ${file()}. There is nothing to delete.\n`,
    ]);
  });

  test.each([
    [[], '--channel is missing. Add it, for example --channel order.7'],
    [['--channel', 'order.*'], '--channel: "order.*" is not a valid name.'],
    [['order.7'], "Unexpected argument 'order.7'."],
    [['--channel', 'a', '--sure'], "Unknown option '--sure'."],
  ])('%j deletes nothing, and says what the option takes', async (args, reason) => {
    const { code, out, err } = await forget(args, env());

    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`forget: ${reason}`);
    expect(existsSync(file())).toBe(false);
  });

  test('with a wrong setting names the variable', async () => {
    const { code, err } = await forget(['--channel', 'a', '--yes'], { ...env(), FEED_RETENTION: 'x' });

    expect([code, err]).toEqual([1, expect.stringContaining('forget: FEED_RETENTION is "x".')]);
  });
});

describe('npm run forget on Redis', () => {
  const stack = useRedisStack();

  test('deletes all keys of the channel, and tells its followers', async () => {
    const log = stack().open();
    await store(log, about('a', 1, { channel: 'order.7', ttlMs: 3_600_000 }), newEvent('order.8'));
    const { url } = stack().upstash;
    const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: 'secret-token-of-the-test' };

    const { code, err } = await forget(['--channel', 'order.7', '--yes'], env);

    expect([code, err]).toEqual([0, expect.stringContaining(`has 1 event (`)]);
    expect(err).toContain(`and 1 subject in Redis at ${new URL(url).host}.`);
    expect(await stack().redis.keys('*')).toEqual(['steadfeed:log:order.8']);
  });
});
