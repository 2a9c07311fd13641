import { describe, expect, test } from 'vitest';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { addressOf } from '../../support/log/tcp-stack.ts';
import { startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { range, store, storeAtLast } from '../../support/node/publish.ts';
import { startSentinelStand } from '../../support/node/redis-topology.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';

describe.concurrent('Sentinels, when the primary is killed', () => {
  test('nothing that the replica has is lost, and readers get it once, in order', async () => {
    await using stand = await startSentinelStand();
    await using app = await startApp({ REDIS_URL: stand.url });
    expect(JSON.parse((await ask(app, '/api/health')).text)).toMatchObject({ log: { kind: 'redis-tcp' } });
    await using reader = await startResumingReader(app);
    await using other = await startApp({ REDIS_URL: stand.url });
    await using ofOther = await startResumingReader(other);
    await store(app, range(1, 50));
    await stand.replicated();

    await stand.primary.kill();
    await storeAtLast(app, range(51, 60));

    for (const each of [reader, ofOther]) {
      await each.until(60, 60_000);
      expect(each.data).toEqual(range(1, 60));
      expect(each.gaps).toEqual([]);
    }
  });

  test('acknowledged events that only it had are lost, and readers are told', async () => {
    await using stand = await startSentinelStand();
    await using app = await startApp({ REDIS_URL: stand.url });
    await using reader = await startResumingReader(app);
    await store(app, [1, 2]);
    await stand.replicated();
    await stand.cutReplica();
    await store(app, ['lost', 'lost too']);
    await reader.until('lost too');

    await stand.primary.kill();
    await storeAtLast(app, [3, 4, 5]);

    await reader.until(5, 60_000);
    expect(reader.data).toEqual([1, 2, 'lost', 'lost too', 3, 4, 5]);
    expect(reader.gaps).toMatchObject([{ reason: 'restarted' }]);
  });
});

test('a mistake in the part of REDIS_URL about the Sentinels is named, without the driver’s words', async () => {
  await using stand = await startSentinelStand();
  const [, address = ''] = /@?(127[^?]*)/.exec(stand.url) ?? [];
  const url = (host: string, query: string) => `redis+sentinel://feed:secret@${host}?${query}`;
  const rights = ['on', '>secret', '~*', '&*', '+@all'];
  await stand.atPrimary.call('ACL', 'SETUSER', 'feed', ...rights);
  const mistakes: [url: string, words: string][] = [
    [
      url(address, 'name=other'),
      'Redis is not known to the Sentinels. Check the name at the end of REDIS_URL.',
    ],
    [
      url('127.0.0.1:1', 'name=feed'),
      'Redis cannot be found: no Sentinel answers. Check the addresses in REDIS_URL.',
    ],
    [
      url(`127.0.0.1:${stand.primary.port}`, 'name=feed'),
      'Redis cannot be found: another program answers at the address of the Sentinel.',
    ],
    [
      url(address, 'name=feed&sentinel_username=nobody&sentinel_password=wrong'),
      'Redis is behind Sentinels that refuse the login. Check sentinel_username and sentinel_password in REDIS_URL.',
    ],
    [
      url(address, 'name=feed').replace('redis+', 'rediss+'),
      'Redis cannot be found: no Sentinel answers over TLS. Check its certificate (NODE_EXTRA_CA_CERTS), or write redis+sentinel:// if it is not encrypted.',
    ],
  ];
  for (const [wrong, words] of mistakes) await expect(askOnce(wrong)).rejects.toThrow(words);

  await stand.atPrimary.call('ACL', 'SETUSER', 'feed', '-info');
  await expect(askOnce(url(address, 'name=feed'))).rejects.toThrow('to run INFO on the keys and channels');
});

async function askOnce(url: string): Promise<unknown> {
  const log = createRedisLog({ address: addressOf(url), retention: 10_000 });
  return log.ends(['feed']).finally(log.close);
}
