import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { logUnexpectedError } from '../../../lib/server/http/problem.ts';

const written: string[] = [];

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation((...parts) => void written.push(parts.join(' ')));
});
afterEach(() => {
  vi.restoreAllMocks();
  written.length = 0;
  vi.unstubAllEnvs();
});

function log(error: unknown): string {
  logUnexpectedError(error);
  return written.join('\n');
}

describe('an unexpected error', () => {
  test('is logged with its kind, its stack and its cause', () => {
    const logged = log(new TypeError('it broke', { cause: new RangeError('too far') }));

    expect(logged).toMatch(/^steadfeed: unexpected error TypeError: it broke\n/);
    expect(logged).toContain('log-unexpected-error.test.ts');
    expect(logged).toContain('RangeError: too far');
  });

  test('shows no secret setting, also inside an object', () => {
    const secret = `it's a "secret" \\ of ours`;
    vi.stubEnv('READ_TOKEN_SECRET', secret);
    const logged = log(Object.assign(new Error('it broke'), { settings: { secret } }));

    expect(logged).toContain('[secret]');
    expect(logged).not.toContain('of ours');
  });

  test('is one log entry, however many lines its text has', () => {
    const logged = log(new Error('one\nsteadfeed: all is well\r\nthree\u2028four\u0085five'));

    expect(logged.split(/[\n\r\u2028\u0085]/).filter((line) => !line.startsWith('    '))).toHaveLength(1);
  });

  test.each(['\u001b[2J', '\u009b31m', '\u0007', '\u0000', '\u202e', '\u2066', '\u061c', '\u{e0041}'])(
    'cannot control a terminal (%j)',
    (text) => {
      expect(log(new Error(`a${text}b`))).not.toContain(text);
      expect(log(`a${text}b`)).not.toContain(text);
    },
  );

  test.each([
    'Bearer abc.def-ghi',
    'https://feed.test/api/events?a=b&token=abc.def-ghi&c=d',
    'eyJhbGciOiJIUzI1NiJ9.eyJjaGFubmVscyI6W119.abc.def-ghi',
  ])('shows no token: %s', (text) => {
    const logged = log(new Error(text, { cause: { text } }));

    expect(logged).not.toMatch(/abc\.def-ghi|eyJ/);
    expect(logged).toContain('[token]');
  });

  test('shows none of the secret settings', () => {
    const env = {
      PUBLISH_TOKEN: 'secret-1',
      PUBLISH_TOKEN_PREVIOUS: 'secret-2',
      READ_TOKEN_SECRET: 'secret-3',
      UPSTASH_REDIS_REST_URL: 'https://secret-4.test/secret',
      UPSTASH_REDIS_REST_TOKEN: 'secret-5',
      KV_REST_API_URL: 'https://secret-6.test/secret',
      KV_REST_API_TOKEN: 'secret-7',
    };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);

    expect(log(new Error(Object.values(env).join(' ')))).not.toMatch(/secret-\d/);
  });
});
