import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readSettings } from '../../lib/config/settings.ts';
import { namesForLine } from '../../lib/server/log-line.ts';
import { cell, codeIn, rowsOf, textBetweenMarks } from '../support/docs/markdown-table.ts';
import { root } from '../support/root.ts';
import { openStream } from '../support/server/open-stream.ts';
import { makeStand } from '../support/server/stand.ts';

const written: string[] = [];

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation((...parts) => void written.push(parts.join(' ')));
  vi.spyOn(console, 'log').mockImplementation((...parts) => void written.push(parts.join(' ')));
  vi.stubEnv('NODE_ENV', 'production');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  written.length = 0;
});

const lines = () => written.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

/** The fields that docs/operations.md names for an event. */
function documentedFields(event: string): readonly string[] {
  const doc = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  const row = rowsOf(textBetweenMarks(doc, 'lines')).find((each) => codeIn(cell(each, 'event'))[0] === event);
  return codeIn(cell(row ?? {}, 'fields'));
}

describe('in production', () => {
  const secret = 'READ-SECRET';
  const env = { NODE_ENV: 'production', READ_TOKEN_SECRET: secret, PUBLISH_TOKEN: 'PUBLISH-SECRET' };

  test('a stream that ends prints one JSON line: why, how long, events, bytes and lag', async () => {
    const stand = makeStand({ env });
    const reader = await openStream(stand, 'type=message&_=PRIVATE-VALUE');
    await stand.publish(2);
    await stand.clock.advance(5_000);
    await reader.cancel();

    expect(lines()).toHaveLength(1);
    const [line = {}] = lines();
    expect(line).toMatchObject({
      level: 'info',
      event: 'stream-end',
      reason: 'left',
      durationMs: 5_000,
      gaps: 0,
      channels: ['feed'],
      channelCount: 1,
    });
    expect(line.bytes).toBeGreaterThan(100);
    expect(line.lagMaxMs).toBeGreaterThanOrEqual(0);
    expect(Object.keys(line)).toEqual([
      'time',
      'level',
      'event',
      'message',
      ...documentedFields('stream-end'),
    ]);
    expect(written.join()).not.toMatch(/SECRET|PRIVATE/);
  });

  test('a stream that the log has left prints a warning', async () => {
    const stand = makeStand({ env });
    await openStream(stand);
    stand.log.isDown = true;
    stand.log.cut();
    await stand.clock.advance(60_000);

    const end = lines().find(({ event }) => event === 'stream-end');
    expect(end).toMatchObject({ level: 'warn', reason: 'log-unavailable' });
  });

  test('all subscriptions that break in one second print one line, with ten channels at most', async () => {
    const stand = makeStand({ env });
    for (let number = 0; number < 30; number += 1) stand.runtime.tails.lease(`public:${number}`);
    await stand.clock.advance(5_000);
    stand.log.cut();
    await stand.clock.advance(900);
    await stand.clock.advance(900);

    const found = lines().filter(({ event }) => event === 'resubscribe');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ level: 'warn', reason: 'lost', subscriptions: 30, channelCount: 30 });
    expect(found[0]?.channels).toHaveLength(10);
    expect(Object.keys(found[0] ?? {}).slice(4)).toEqual(documentedFields('resubscribe'));
  });

  test('events that no announcement brought print a line with their number', async () => {
    const stand = makeStand({ env });
    stand.runtime.tails.lease('feed');
    await stand.clock.advance(5_000);
    stand.log.fate = () => [];
    await stand.publish(3);
    await stand.clock.advance(70_000);

    const found = lines().find(({ event }) => event === 'repair');
    expect(found).toMatchObject({ level: 'info', repairs: 1, events: 3, channels: ['feed'] });
    expect(Object.keys(found ?? {}).slice(4)).toEqual(documentedFields('repair'));
  });

  test('LOG_LEVEL holds back what is less important', async () => {
    vi.stubEnv('LOG_LEVEL', 'warn');
    const stand = makeStand({ env });
    const reader = await openStream(stand);
    await reader.cancel();

    expect(written).toEqual([]);
  });

  test('the name of a private channel is replaced by a text that stands for it', () => {
    const settings = readSettings(env);
    const [first = '', second, feed] = namesForLine(['user.42', 'user.42', 'feed'], settings);

    expect(first).toMatch(/^private-[\w-]{8}$/);
    expect([second, feed]).toEqual([first, 'feed']);
    expect(namesForLine(['user.42'], readSettings({ ...env, READ_TOKEN_SECRET: 'other' }))).not.toEqual([
      first,
    ]);
    expect(namesForLine(['user.42'], readSettings({ NODE_ENV: 'production' }))[0]).toMatch(/^private-/);
    expect(namesForLine(['user.42'], readSettings({ NODE_ENV: 'development' }))).toEqual(['user.42']);
  });
});

describe('in development', () => {
  test('a line is text for a person, and the end of a stream prints none', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    const stand = makeStand();
    const reader = await openStream(stand);
    stand.log.cut();
    await stand.clock.advance(5_000);
    await reader.cancel();

    expect(written).toEqual([
      'steadfeed: The feed subscribes to the log again. reason="lost" subscriptions=1 channels=["feed"] channelCount=1',
    ]);
  });
});
