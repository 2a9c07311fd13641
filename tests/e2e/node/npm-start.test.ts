import { describe, expect, test } from 'vitest';
import { type App, listenOn, startAppBy, startDevApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { within } from '../../support/node/eventually.ts';
import { openSse } from '../../support/node/sse-reader.ts';

const startByNpm = () => startAppBy({ command: 'npm', args: ['start', '--', ...listenOn(0)] });

/** Waits until the process of npm, and all that it has started, have ended. @returns the exit code of npm. */
async function codeOf(app: App): Promise<number | null> {
  return (await within('npm ends, and what it has started', 30_000, app.ended)).code;
}

describe.concurrent('npm start', () => {
  test('passes SIGTERM on: the server hands its streams over and frees the port, then npm ends', async () => {
    await using app = await startByNpm();
    using reader = await openSse(app);
    await reader.frame('hello');
    app.kill('SIGTERM');
    expect(JSON.parse((await reader.frame('handover', 30_000)).data)).toMatchObject({ reason: 'stopping' });
    expect(await reader.over).toBe('ended');
    expect(await codeOf(app)).toBe(143);
    await expect(ask(app, '/api/health')).rejects.toThrow('fetch failed');
  });

  test('hands its streams over at Ctrl-C, which the server gets from the terminal and from npm', async () => {
    await using app = await startByNpm();
    using reader = await openSse(app);
    await reader.frame('hello');
    process.kill(-app.pid, 'SIGINT');
    expect(JSON.parse((await reader.frame('handover', 30_000)).data)).toMatchObject({ reason: 'stopping' });
    expect(await reader.over).toBe('ended');
    expect(await codeOf(app)).toBe(130);
  });

  test('or npm run dev, once ended, leaves no server behind', async () => {
    await using app = await startDevApp({}, { command: 'npm', args: ['run', 'dev', '--', ...listenOn(0)] });
    app.kill('SIGTERM');
    await codeOf(app);
    await expect(ask(app, '/api/health')).rejects.toThrow('fetch failed');
  });
});
