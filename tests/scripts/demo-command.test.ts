import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { endScripts, runScript } from '../support/scripts/script-process.ts';

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
  ])('refuses %j', async (args, reason) => {
    const script = runScript('demo', args);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(reason);
  });

  test('--help explains the command, and starts nothing', async () => {
    const script = runScript('demo', ['--help']);

    expect(await script.code).toBe(0);
    expect(script.out()).toContain('Press Ctrl-C to stop everything');
  });
});
