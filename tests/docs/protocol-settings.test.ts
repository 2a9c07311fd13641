import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Environment, readSettings, settingNames } from '../../lib/config/settings.ts';
import { cell, codeIn, type Row, tableBelow } from '../support/docs/markdown-table.ts';
import { isAccepted, plain, readProtocol } from '../support/docs/protocol-doc.ts';
import { root } from '../support/root.ts';

const doc = readProtocol();

describe('the table of settings', () => {
  const rows = tableBelow(doc, 'Settings');
  const nameOf = (row: Row) => plain(cell(row, 'name'));

  /** What a setting without a range of numbers takes, other than its default, and what it refuses; `null`: nothing. */
  const others: Readonly<Record<string, readonly [taken: string, refused: string | null]>> = {
    UPSTASH_REDIS_REST_URL: ['https://redis.example', 'redis://redis.example'],
    UPSTASH_REDIS_REST_TOKEN: ['token', 'a token'],
    KV_REST_API_URL: ['https://redis.example', 'redis://redis.example'],
    KV_REST_API_TOKEN: ['token', 'a token'],
    REDIS_URL: ['rediss://:p@redis.example:6380/1', 'https://redis.example'],
    FEED_DB: [':memory:', null],
    PUBLISH_TOKEN: ['token', 'a token'],
    PUBLISH_TOKEN_PREVIOUS: ['older', 'an older'],
    READ_TOKEN_SECRET: ['any text', null],
    POLL_MODE: ['short', 'medium'],
    LOG_LEVEL: ['debug', 'loud'],
    ALLOWED_ORIGINS: ['https://a.example, https://b.example', 'https://a.example/path'],
    NODE_ENV: ['production', null],
    VERCEL: ['1', null],
  };

  /** What must be set beside it. */
  const partners: Readonly<Record<string, Environment>> = {
    UPSTASH_REDIS_REST_URL: { UPSTASH_REDIS_REST_TOKEN: 't' },
    UPSTASH_REDIS_REST_TOKEN: { UPSTASH_REDIS_REST_URL: 'https://other.example' },
    KV_REST_API_URL: { KV_REST_API_TOKEN: 't' },
    KV_REST_API_TOKEN: { KV_REST_API_URL: 'https://other.example' },
    PUBLISH_TOKEN_PREVIOUS: { PUBLISH_TOKEN: 'newer' },
  };

  const settingsWith = (name: string, value: string) => readSettings({ ...partners[name], [name]: value });
  const isAllowed = (name: string, value: string) => isAccepted(() => settingsWith(name, value));
  /** The settings where it is not set; none where its partner may not stand alone. */
  const settingsWithout = (name: string) => (isAllowed(name, '') ? settingsWith(name, '') : {});
  const rangeOf = (row: Row) => {
    const [least, most] = cell(row, 'range').replaceAll(',', '').split(' to ').map(Number);
    return least !== undefined && most !== undefined && most > least ? { least, most } : null;
  };

  test('names every setting that the server reads, and no other', () => {
    expect(rows.map(nameOf).sort()).toEqual(settingNames().toSorted());
  });

  test.each(rows.map((row) => [nameOf(row), row] as const))('tells the default of %s', (name, row) => {
    const written = cell(row, 'default');
    if (written !== '–') {
      expect(settingsWith(name, plain(written))).toEqual(settingsWith(name, ''));
      return;
    }
    const range = rangeOf(row);
    for (const value of range === null ? [others[name]?.[0] ?? ''] : [range.least, range.most]) {
      expect(settingsWith(name, String(value))).not.toEqual(settingsWithout(name));
    }
  });

  test.each(rows.flatMap((row) => (rangeOf(row) === null ? [] : [[nameOf(row), row] as const])))(
    'tells the range of %s',
    (name, row) => {
      const { least, most } = rangeOf(row) ?? { least: 0, most: 0 };
      const step = isAllowed(name, '0.1') || isAllowed(name, '1.5') ? 0.01 : 1;
      const around = [least - step, least, most, most + step].map((value) => String(value));
      expect(around.map((value) => [value, isAllowed(name, value)])).toEqual(
        around.map((value, index) => [value, index === 1 || index === 2]),
      );
    },
  );

  test('has a range for all but those that are no number', () => {
    const unranged = rows.filter((row) => rangeOf(row) === null).map(nameOf);
    expect(unranged.sort()).toEqual(Object.keys(others).sort());
  });

  test.each(Object.entries(others))(
    'is right that %s takes a text of its own form',
    (name, [taken, refused]) => {
      expect(isAllowed(name, taken)).toBe(true);
      if (refused !== null) expect(isAllowed(name, refused)).toBe(false);
    },
  );

  test('gives every value of POLL_MODE', () => {
    const row = rows.find((each) => nameOf(each) === 'POLL_MODE') ?? {};
    expect(codeIn(cell(row, 'range')).map((value) => settingsWith('POLL_MODE', value).pollMode)).toEqual([
      'long',
      'short',
    ]);
  });

  test('agrees with .env.example on names and defaults', () => {
    const example = readFileSync(join(root, '.env.example'), 'utf8');
    const entries = [...example.matchAll(/((?:^#.*\n)*)^([A-Z_]+)=/gm)];
    const comments = new Map(entries.map((match) => [match[2] ?? '', match[1] ?? '']));
    const own = rows.filter((row) => !/^(KV_|NODE_ENV|VERCEL)/.test(nameOf(row)));
    expect([...comments.keys()].sort()).toEqual(own.map(nameOf).sort());
    for (const row of own) {
      const written = plain(cell(row, 'default'));
      if (written === '–') continue;
      expect(comments.get(nameOf(row))?.replace(/(\d),(\d)/g, '$1$2'), nameOf(row)).toContain(written);
    }
  });
});
