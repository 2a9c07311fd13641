import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { root } from '../support/root.ts';
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
    [['--report', 'http://localhost:3000', '--name', 'web:app'], '--name: "web:app" has a colon'],
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

test('a report takes its token from the environment, and does not send the one of .env.local to another app', async () => {
  const sent = Promise.withResolvers<string | undefined>();
  const app = createHttpServer((request, response) => {
    sent.resolve(request.headers.authorization);
    response.writeHead(401).end();
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  using folder = makeTemporaryFolder();
  writeFileSync(join(folder.path, '.env.local'), 'PUBLISH_TOKEN=token-of-my-own-app-1234');

  runScript('demo', ['--report', `http://127.0.0.1:${port}`], {}, folder.path);

  expect(await sent.promise).toBeUndefined();
  app.close();
});

test('--report says when its first report has arrived, and which token an app wants that refuses one', async () => {
  const statuses = [201, 401];
  const app = createHttpServer((_, response) => {
    response.writeHead(statuses.shift() ?? 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ events: [{ id: '1000-1' }], detail: 'This needs a token' }));
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  const script = runScript('demo', ['--report', `http://127.0.0.1:${port}`, '--name', 'web-1']);

  expect(await script.code).toBe(1);
  expect(script.out()).toContain(`Reporting to http://127.0.0.1:${port} as web-1`);
  expect(script.err()).toContain(
    'PUBLISH_TOKEN in the environment to the token of that app. --report does not read',
  );
  app.close();
});

test('a command reads one setting after the other from .env.local, and leaves its environment as it was', () => {
  using folder = makeTemporaryFolder();
  writeFileSync(join(folder.path, '.env.local'), 'PORT=4000\nPUBLISH_TOKEN=token-of-my-own-app-1234');
  const code = `import { readSetting } from ${JSON.stringify(join(root, 'scripts/command-line.ts'))};
    console.log(readSetting('PORT'), readSetting('PUBLISH_TOKEN'), process.env.PORT);`;

  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: folder.path,
    env: { NODE_ENV: 'production' },
    encoding: 'utf8',
  });

  expect(stdout).toBe('4000 token-of-my-own-app-1234 undefined\n');
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
