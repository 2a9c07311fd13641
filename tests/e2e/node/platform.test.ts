import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { fakeArtifact } from '../../support/node/fake-function.ts';
import { type PlatformOptions, startPlatform } from '../../support/node/platform.ts';
import { readState } from '../../support/node/proc.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** A platform with one function. The function can set `global.seen`; the answer to `/?seen` contains it. */
async function startFake(body: string, options: PlatformOptions = {}, isCancellable = false) {
  const folder = makeTemporaryFolder();
  const answerSeen = `if (request.url === '/?seen') return response.end(JSON.stringify(global.seen ?? null));`;
  const platform = await startPlatform(fakeArtifact(folder.path, answerSeen + body, isCancellable), options);
  await platform.pool('index').warm();
  return {
    ...platform,
    folder: folder.path,
    port: Number(new URL(platform.url).port),
    seen: async () => JSON.parse((await ask(platform, '/?seen')).text),
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const never = `response.write('started'); await new Promise(() => {});`;

describe('the platform', () => {
  test('cuts a request at the limit, and counts it as a failure', async () => {
    await using platform = await startFake(never, { limitSeconds: 1 });
    using reader = await openRawSocket(platform.port, requestText('GET', '/'));
    await reader.closed;
    expect(reader.received()).toContain('started');
    expect(reader.received()).not.toContain('\r\n0\r\n');
    await eventually('it is over', 30_000, () => platform.runs.length === 1);
    expect(platform.runs).toMatchObject([{ path: '/', ending: 'cut' }]);
  });

  test('answers 504 if the function has not started its answer', async () => {
    await using platform = await startFake('await new Promise(() => {});', { limitSeconds: 1 });
    expect((await ask(platform, '/')).status).toBe(504);
  });

  test.each([{ sendsDeadline: true }, { sendsDeadline: false }])(
    'puts the deadline of a request into its context only if it is set to: $sendsDeadline',
    async ({ sendsDeadline }) => {
      const body = `response.end(JSON.stringify({
        context: globalThis[Symbol.for('@vercel/request-context')].get(), headers: request.headers }));`;
      await using platform = await startFake(body, { limitSeconds: 9, sendsDeadline });
      const before = Date.now();
      const { context, headers } = JSON.parse((await ask(platform, '/')).text);
      const leftMs = Date.parse(context.deadline) - before;
      expect(leftMs).toEqual(sendsDeadline ? expect.closeTo(9_000, -4) : Number.NaN);
      expect(Object.keys(headers).filter((name) => name.includes('deadline'))).toEqual([]);
    },
  );

  test.each([
    { isCancellable: true, cancels: true, seen: 'left' },
    { isCancellable: false, cancels: true, seen: null },
    { isCancellable: true, cancels: false, seen: null },
  ])('reports a reader that leaves only to a function that can be cancelled: %o', async (given) => {
    const body = `response.on('close', () => { global.seen = 'left' }); ${never}`;
    await using platform = await startFake(body, { cancels: given.cancels }, given.isCancellable);
    using reader = await openRawSocket(platform.port, requestText('GET', '/'));
    await reader.until('started', 30_000);
    reader.socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await platform.seen()).toBe(given.seen);
  });

  test('lets a process read only the function’s own files, and write only a temporary folder', async () => {
    const body = `
      const codeOf = (act) => { try { act(); return 'done' } catch (error) { return error.code } };
      const fs = require('node:fs');
      global.seen = {
        outside: codeOf(() => fs.readFileSync(request.headers['x-file'])),
        own: codeOf(() => fs.writeFileSync(__dirname + '/new', '')),
        packages: codeOf(() => require('next')),
        temporary: codeOf(() => fs.writeFileSync(require('node:os').tmpdir() + '/new', '')),
      };
      response.end();`;
    await using platform = await startFake(body);
    const file = `${platform.folder}/outside`;
    writeFileSync(file, '');
    await ask(platform, '/', { headers: { 'x-file': file } });
    expect(await platform.seen()).toEqual({
      outside: 'ERR_ACCESS_DENIED',
      own: 'ERR_ACCESS_DENIED',
      packages: 'MODULE_NOT_FOUND',
      temporary: 'done',
    });
  });

  test('gives a process 1,024 file descriptors', async () => {
    const body = `
      const fs = require('node:fs');
      const open = [];
      try { for (;;) open.push(fs.openSync(__filename)) } catch (error) { global.seen = [error.code, open.length] }
      for (const fd of open) fs.closeSync(fd);
      response.end();`;
    await using platform = await startFake(body);
    await ask(platform, '/');
    const [code, count] = await platform.seen();
    expect(code).toBe('EMFILE');
    expect(count).toBeGreaterThan(950);
    expect(count).toBeLessThan(1_024);
  });

  test('freezes a process without a request, and thaws it for the next', async () => {
    const body = `let ticks = 0; setInterval(() => { global.seen = ++ticks }, 10); response.end();`;
    await using platform = await startFake(body);
    await ask(platform, '/');
    const pool = platform.pool('index');
    const [member] = pool.members;
    await eventually('it is frozen', 30_000, () => readState(member?.instance.pid ?? 0) === 'T');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await platform.seen()).toBeLessThan(25);
    expect(pool.counts).toMatchObject({ starts: 1, thaws: 1 });
  });

  test('starts another process when the running ones have no free slot', async () => {
    await using platform = await startFake(never, { requestsPerInstance: 2 });
    using one = await openRawSocket(platform.port, requestText('GET', '/'));
    using two = await openRawSocket(platform.port, requestText('GET', '/'));
    using three = await openRawSocket(platform.port, requestText('GET', '/'));
    for (const reader of [one, two, three]) await reader.until('started', 60_000);
    const inFlight = [...platform.pool('index').members].map((member) => member.inFlight);
    expect(inFlight.toSorted()).toEqual([1, 2]);
  });

  test.each([
    { reaction: 'ends by itself', body: 'process.exit(7)', ending: { code: 7, signal: null }, minMs: 0 },
    { reaction: 'keeps running', body: '', ending: { code: null, signal: 'SIGKILL' }, minMs: 490 },
  ])('gives a process 500 ms after SIGTERM: it $reaction', async ({ body, ending, minMs }) => {
    await using platform = await startFake(`process.once('SIGTERM', () => {${body}}); response.end();`);
    await ask(platform, '/');
    const pool = platform.pool('index');
    const [member] = pool.members;
    const startedAt = performance.now();
    expect(member && (await pool.stop(member))).toEqual(ending);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(minMs);
    expect(pool.members.size).toBe(0);
  });
});
