import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../lib/core/redis-address.ts';

const one = (host: string, port: number) => [{ host, port }];

describe('the URL of a Redis', () => {
  test.each([
    [
      'redis://localhost',
      { kind: 'single', nodes: one('localhost', 6_379), isEncrypted: false, database: 0 },
    ],
    ['redis://h:7000/5', { nodes: one('h', 7_000), database: 5, username: null, password: null }],
    ['rediss://default:p%40s%2Fs@h:1/', { isEncrypted: true, username: 'default', password: 'p@s/s' }],
    ['redis://:secret@[::1]:7', { nodes: one('::1', 7), username: null, password: 'secret' }],
    [
      'redis+sentinel://u:p@a,b:7/2?name=feed&sentinel_password=s%21',
      {
        kind: 'sentinel',
        nodes: [...one('a', 26_379), ...one('b', 7)],
        database: 2,
        primaryName: 'feed',
        sentinelUsername: null,
        sentinelPassword: 's!',
      },
    ],
    [
      'rediss+cluster://a:1,b',
      { kind: 'cluster', isEncrypted: true, nodes: [...one('a', 1), ...one('b', 6_379)] },
    ],
  ])('%s is read', (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected);
  });

  test.each([
    'http://h',
    'redis:h',
    'redis://',
    'redis://h:0',
    'redis://h:65536',
    'redis://h:port',
    'redis://h/db',
    'redis://a,b',
    'redis://password@h',
    'redis://u:%zz@h',
    'redis://u:p@ss@h',
    'redis://h?family=0',
    'redis://h#x',
    ' redis://h',
    'redis+sentinel://a',
    'redis+sentinel://a?name=',
    'redis+cluster://a/1',
    'redis+cluster://a?name=feed',
    'redis+other://a',
  ])('%j is none', (url) => {
    expect(parseRedisUrl(url)).toBeNull();
  });
});
