import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noteError } from '../../../lib/server/http/respond.ts';
import { makeStand } from '../../support/server/stand.ts';

const holder = globalThis as { [key: symbol]: unknown };
const key = Symbol.for('steadfeed');
const written: string[] = [];

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation((...parts) => void written.push(parts.join(' ')));
});
afterEach(() => {
  vi.restoreAllMocks();
  written.length = 0;
  delete holder[key];
});

function note(error: unknown): string {
  noteError(error);
  return written.join('\n');
}

describe('what nobody foresaw', () => {
  test('is noted with its kind, its place and its cause', () => {
    const noted = note(new TypeError('it broke', { cause: new RangeError('too far') }));

    expect(noted).toMatch(/^steadfeed: unexpected error TypeError: it broke\n/);
    expect(noted).toContain('note-error.test.ts');
    expect(noted).toContain('RangeError: too far');
  });

  test('tells no secret setting that is written as a part of something', () => {
    const secret = `it's a "secret" \\ of ours`;
    holder[key] = makeStand({ env: { READ_TOKEN_SECRET: secret } }).runtime;
    const noted = note(Object.assign(new Error('it broke'), { settings: { secret } }));

    expect(noted).toContain('[secret]');
    expect(noted).not.toContain('of ours');
  });

  test('is one entry, whatever lines its text has', () => {
    const noted = note(new Error('one\nsteadfeed: all is well\r\nthree\u2028four\u0085five'));

    expect(noted.split(/[\n\r\u2028\u0085]/).filter((line) => !line.startsWith('    '))).toHaveLength(1);
  });

  test.each(['\u001b[2J', '\u009b31m', '\u0007', '\u0000', '\u202e', '\u2066', '\u061c', '\u{e0041}'])(
    'cannot drive a terminal (%j)',
    (text) => {
      expect(note(new Error(`a${text}b`))).not.toContain(text);
      expect(note(`a${text}b`)).not.toContain(text);
    },
  );

  test.each([
    'Bearer abc.def-ghi',
    'https://feed.test/api/events?a=b&token=abc.def-ghi&c=d',
    'eyJhbGciOiJIUzI1NiJ9.eyJjaGFubmVscyI6W119.abc.def-ghi',
  ])('tells no token: %s', (text) => {
    const noted = note(new Error(text, { cause: { text } }));

    expect(noted).not.toMatch(/abc\.def-ghi|eyJ/);
    expect(noted).toContain('[token]');
  });

  test('tells none of the settings that are secret', () => {
    const env = {
      PUBLISH_TOKEN: 'secret-1',
      PUBLISH_TOKEN_PREVIOUS: 'secret-2',
      READ_TOKEN_SECRET: 'secret-3',
      UPSTASH_REDIS_REST_URL: 'https://secret-4.test/secret',
      UPSTASH_REDIS_REST_TOKEN: 'secret-5',
    };
    holder[key] = makeStand({ env }).runtime;

    expect(note(new Error(Object.values(env).join(' ')))).not.toMatch(/secret-\d/);
  });
});
