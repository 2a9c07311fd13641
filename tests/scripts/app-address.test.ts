import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { feedServer } from '../support/client/feed-server.ts';
import { eventually } from '../support/node/eventually.ts';
import { type PublishServer, startPublishServer } from '../support/scripts/publish-server.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

// Each test starts processes, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const folder = makeTemporaryFolder();
let server: PublishServer;
/** A port on which nobody listens. */
let deadPort: string;
let folders = 0;
beforeAll(async () => {
  server = await startPublishServer();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  deadPort = String((taken.address() as AddressInfo).port);
  await new Promise((resolve) => taken.close(resolve));
});
afterEach(endScripts);
afterAll(async () => {
  await server.close();
  folder[Symbol.dispose]();
});

/** A folder of an app whose `.env.local` has this text. */
function appFolder(environment: string): string {
  folders += 1;
  const path = join(folder.path, String(folders));
  mkdirSync(path);
  writeFileSync(join(path, '.env.local'), environment);
  return path;
}

const portOf = (url: string) => new URL(url).port;
const nowhere = () => ({ PORT: deadPort });
const oneTry = ['--retries', '0'];

describe('push', () => {
  test('publishes to the port in PORT', async () => {
    const script = runScript('push', ['hi'], { PORT: portOf(server.url) });

    expect(await script.code).toBe(0);
    expect(server.stored.at(-1)?.data).toBe('hi');
  });

  test('takes PORT from .env.local, and the environment before it', async () => {
    const inFile = appFolder(`PORT=${portOf(server.url)}\n`);
    expect(await runScript('push', ['hi'], {}, inFile).code).toBe(0);

    const wrongInFile = appFolder(`PORT=${deadPort}\n`);
    expect(await runScript('push', ['hi'], { PORT: portOf(server.url) }, wrongInFile).code).toBe(0);
  });

  test('follows --url before PORT', async () => {
    expect(await runScript('push', ['--url', server.url, 'hi'], nowhere()).code).toBe(0);
  });

  test('says which address nobody answers at, and how to set another one', async () => {
    const script = runScript('push', [...oneTry, 'hi'], nowhere());

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(
      `Cannot reach http://localhost:${deadPort} (ECONNREFUSED). Is the app running there? PORT=${deadPort} names this address; --url names another one.`,
    );
  });

  test('gives up after some seconds where nobody listens, except at an address that is given', async () => {
    const script = runScript('push', ['hi'], nowhere());
    expect(await script.code).toBe(1);
    expect(script.err()).toContain('Gave up after 5 tries.');

    for (const given of [
      ['--url', `http://localhost:${deadPort}`],
      ['--retries', '15'],
    ]) {
      const patient = runScript('push', [...given, 'hi'], nowhere());
      await eventually('it retries', 30_000, () => patient.err().includes('retries left: 15'));
    }
  });

  test('says that Next.js does not read PORT from .env.local', async () => {
    const script = runScript('push', [...oneTry, 'hi'], {}, appFolder(`PORT=${deadPort}\n`));

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(
      `PORT=${deadPort} in an .env file names this address; --url names another one. Next.js reads PORT from the environment only: PORT=${deadPort} npm run dev.`,
    );
  });

  test.each(['0', '70000', 'abc', '-1'])('refuses PORT=%s', async (port) => {
    const script = runScript('push', ['hi'], { PORT: port });

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`push: PORT: "${port}" is not a whole number from 1 to 65535.`);
  });
});

describe('tail', () => {
  test('reads from the port in PORT, and from the one in .env.local', async () => {
    const feed = await feedServer();
    feed.publish(3);
    const port = portOf(feed.url);

    for (const [env, cwd] of [
      [{ PORT: port }, undefined],
      [{}, appFolder(`PORT=${port}\n`)],
    ] as const) {
      const script = runScript('tail', ['--after', '0-0', '--json'], { ...env }, cwd);
      await eventually('tail prints 3 events', 30_000, () => script.out().split('\n').length === 4);
    }
    endScripts();
    await feed.close();
  });

  test('says which address nobody answers at', async () => {
    const script = runScript('tail', [], nowhere());

    await eventually('tail says that it waits', 30_000, () => script.err().includes('waiting'));
    expect(script.err()).toContain(
      `cannot read the feed at http://localhost:${deadPort}. Is the app running there? PORT=${deadPort} names this address; --url names another one.`,
    );
  });
});

describe('doctor', () => {
  test('examines the port in PORT, and names the address that it asks', async () => {
    const script = runScript('doctor', [], nowhere());

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`asking http://localhost:${deadPort} for its health`);
    expect(script.out()).toContain('FAIL');
  });
});
