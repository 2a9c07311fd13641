import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../support/log/self-signed.ts';
import { startApp } from '../../support/node/app-process.ts';
import { range, store, storeAtLast } from '../../support/node/publish.ts';
import { startClusterStand, startSentinelStand } from '../../support/node/redis-topology.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
const authorityFile = join(folder.path, 'authority.pem');
writeFileSync(authorityFile, selfSigned.cert);

afterAll(() => folder[Symbol.dispose]());

/** As docs/deploy.md says for an authority of one's own. */
const trusting = { NODE_EXTRA_CA_CERTS: authorityFile };

describe.concurrent('over TLS', () => {
  test('behind Sentinels nothing is lost when the primary is killed', async () => {
    await using stand = await startSentinelStand('encrypted');
    expect(stand.url).toMatch(/^rediss\+sentinel:/);
    await using app = await startApp({ ...trusting, REDIS_URL: stand.url });
    await using reader = await startResumingReader(app);
    await store(app, range(1, 20));
    await stand.replicated();

    await stand.primary.kill();
    await storeAtLast(app, range(21, 25));

    await reader.until(25, 60_000);
    expect(reader.data).toEqual(range(1, 25));
    expect(reader.gaps).toEqual([]);
  });

  test('in a cluster the feed can move to another node, and nothing is lost', async () => {
    await using stand = await startClusterStand('encrypted');
    expect(stand.url).toMatch(/^rediss\+cluster:/);
    await using app = await startApp({ ...trusting, REDIS_URL: stand.url });
    await using reader = await startResumingReader(app);
    await store(app, range(1, 20));

    const move = await stand.beginMove();
    await move.finish();
    await storeAtLast(app, range(21, 25));

    await reader.until(25, 60_000);
    expect(reader.data).toEqual(range(1, 25));
    expect(reader.gaps).toEqual([]);
  });
});
