import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../scripts/free-port.ts';
import { ask } from '../../support/node/ask.ts';
import { buildImage, type Image, type RunningCommand } from '../../support/node/dockerfile.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';

let image: Image;
const started: RunningCommand[] = [];

beforeAll(async () => {
  image = await buildImage();
}, 600_000);
afterAll(async () => {
  for (const command of started) command.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  image[Symbol.dispose]();
});

/** Starts a container of the image, and waits until it answers. */
async function startContainer(): Promise<
  RunningCommand & { readonly url: string; readonly env: Readonly<Record<string, string>> }
> {
  const env = {
    PORT: String(await findFreePort(0, '127.0.0.1')),
    HOSTNAME: '127.0.0.1',
    PUBLISH_TOKEN: secrets.publishToken,
  };
  const container = image.run(image.command, env);
  started.push(container);
  const url = `http://127.0.0.1:${env.PORT}`;
  await eventually('the container answers', 60_000, async () => {
    const answer = await ask({ url }, '/api/health').catch(() => null);
    return answer?.status === 200;
  });
  return { ...container, url, env };
}

describe('the image of the Dockerfile', () => {
  test('serves the feed to a user without rights, and keeps the events on its volume alone', async () => {
    const container = await startContainer();
    using reader = await openSse(container);
    await reader.frame('hello');
    await store(container, ['stored']);
    expect(JSON.parse((await reader.frame('message')).data)).toMatchObject({ data: 'stored' });
    const page = await ask(container, '/');
    expect(page.status).toBe(200);
    const [script] = /\/_next\/static\/[^"]+\.js/.exec(page.text) ?? [''];
    expect((await ask(container, script)).status).toBe(200);

    expect(image.user).toBe('node');
    expect(image.volumes).toEqual(['/data']);
    expect(image.env.FEED_DB).toBe('/data/feed.db');
    const databases = readdirSync(image.path, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.db'),
    );
    expect(databases).toEqual(['data/feed.db']);
    expect(container.printed()).not.toMatch(/error|warn/i);
  });

  test('is healthy while the process answers, and not after that', async () => {
    const container = await startContainer();
    const check = () => image.run(image.healthCheck, container.env).ended;
    expect(await check()).toEqual({ code: 0, signal: null });
    container.kill('SIGKILL');
    await container.ended;
    expect(await check()).toEqual({ code: 1, signal: null });
  });

  test('hands its readers over at SIGTERM, and ends by itself', async () => {
    const container = await startContainer();
    using reader = await openSse(container);
    await reader.frame('hello');
    container.kill('SIGTERM');
    expect(JSON.parse((await reader.frame('handover')).data)).toMatchObject({ reason: 'stopping' });
    expect(await reader.over).toBe('ended');
    expect(await within('the container ends', 30_000, container.ended)).toEqual({ code: 143, signal: null });
  });

  test('has neither the sources, nor the dev dependencies, nor the tests, and is small', () => {
    const app = join(image.path, 'app');
    expect(readdirSync(app).sort()).toEqual(['.next', 'node_modules', 'package.json', 'server.js']);
    expect(existsSync(join(app, 'node_modules/typescript'))).toBe(false);
    const bytes = readdirSync(app, { recursive: true, encoding: 'utf8' }).reduce(
      (sum, file) => sum + lstatSync(join(app, file)).size,
      0,
    );
    expect(Math.round(bytes / 1e6)).toBeLessThan(100);
  });
});
