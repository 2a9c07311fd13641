import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

afterEach(endScripts);

describe('npm run demo', () => {
  test.each(['127.0.0.1', undefined])('says at once that its port is in use, on %s', async (host) => {
    const other = createServer().listen(0, host);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;

    const script = runScript('demo', ['--port', String(port)]);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`demo: Port ${port} is already in use.`);
    expect(script.out()).toBe('');
    other.close();
  });

  test.each([
    [['--port', '70000'], '--port: "70000" is not a whole number from 0 to 65535.'],
    [['--seconds', '0'], '--seconds: "0"'],
    [['--prot', '1'], '--prot'],
    [['3001'], '3001'],
    [['--report', 'my-host'], '--report must be an address such as http://localhost:3000'],
    [['--report', 'http://localhost:3000', '--redis'], '--report starts no app: leave --port'],
    [['--report', 'http://localhost:3000', '--name', 'my host'], '--name: "my host" is not a valid name'],
  ])('refuses %j', async (args, reason) => {
    const script = runScript('demo', args);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(reason);
  });

  test('--help explains the command, and starts nothing', async () => {
    const script = runScript('demo', ['--help']);

    expect(await script.code).toBe(0);
    expect(script.out()).toMatch(/Press\s+Ctrl-C to stop everything/);
  });
});

describe('the port of the demo', () => {
  test.each(['PORT in the environment', 'PORT in .env.local'])('is %s', async (where) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    const isFile = where.endsWith('.env.local');

    using folder = makeTemporaryFolder();
    writeFileSync(join(folder.path, '.env.local'), isFile ? `PORT=${port}` : '');
    const script = runScript('demo', [], isFile ? {} : { PORT: port }, folder.path);

    // It says so before it builds or starts anything.
    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`demo: Port ${port} is already in use.`);
    taken.close();
  });

  test('is that of --port before PORT', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);

    const script = runScript('demo', ['--port', port], { PORT: '1' });

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`demo: Port ${port} is already in use.`);
    taken.close();
  });
});
