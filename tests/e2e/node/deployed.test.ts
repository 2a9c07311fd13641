import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask, readProblem } from '../../support/node/ask.ts';
import type { DeployedFunction } from '../../support/node/deployed-function.ts';
import { artifact, startDeployment } from '../../support/node/deployment.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startPlatform } from '../../support/node/platform.ts';
import { store } from '../../support/node/publish.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { root } from '../../support/root.ts';

/** The function of a route. */
function functionOf(route: string): DeployedFunction {
  const found = artifact.functions.find(({ routes }) => routes.includes(route));
  if (found === undefined) throw new Error(`no function for ${route}`);
  return found;
}

/** The path at which a browser reaches a function. */
function pathOf({ routes: [route = ''] }: DeployedFunction): string {
  return route === 'index' ? '/' : `/${route}`;
}

describe('in the deployed build', () => {
  test('every function answers with only the files of its trace', async () => {
    await using platform = await startDeployment();
    // The middleware gives no answer of its own; the request for the page calls it.
    // An app's own functions may answer otherwise.
    const own = ['index', 'api/events', 'api/stream', 'api/health'];
    const answering = artifact.functions.filter(
      ({ kind, routes }) => kind === 'node' && routes.some((route) => own.includes(route)),
    );
    for (const deployed of answering) {
      await platform.pool(deployed.routes[0] ?? '').warm();
      const { status, text } = await ask(platform, pathOf(deployed));
      expect([pathOf(deployed), status, text]).toEqual([pathOf(deployed), 200, expect.stringMatching(/./)]);
    }
    expect(platform.runs).toHaveLength(answering.length);
    // The platform may put several pages and routes into one function.
    const routes = artifact.functions.flatMap((deployed) => deployed.routes);
    expect(routes).toEqual(expect.arrayContaining(own));
  });

  test('the page has a content security policy, and its scripts have the nonce of that policy', async () => {
    await using platform = await startDeployment();
    const { headers, text } = await ask(platform, '/');
    const [, nonce = 'none'] = /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '') ?? [];
    const scripts = text.match(/<script[^>]*>/g) ?? [];
    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) expect(script).toContain(`nonce="${nonce}"`);
  });

  test('a missing file in the trace of a function is an error', async () => {
    const { files, ...health } = functionOf('api/health');
    const [runtime] = Object.keys(files).filter((file) => file.endsWith('server.runtime.prod.js'));
    const without = Object.fromEntries(Object.entries(files).filter(([file]) => file !== runtime));
    const platform = await startPlatform({ ...artifact, functions: [{ ...health, files: without }] });
    expect((await ask(platform, '/api/health')).status).toBe(500);
    await expect(platform[Symbol.asyncDispose]()).rejects.toThrow('Cannot find module');
  });

  test('publishing, the page, polls and streams use the same feed', async () => {
    await using platform = await startDeployment();
    await store(platform, ['first']);
    expect((await ask(platform, '/')).text).toContain('first');
    expect((await ask(platform, '/api/events?rewind=all')).text).toContain('"data":"first"');
    using reader = await openSse(platform, { query: 'rewind=all' });
    await reader.frame('message');
    await store(platform, ['second']);
    await eventually('the second event arrives', 30_000, () =>
      reader.frames.some(({ data }) => JSON.parse(data).data === 'second'),
    );
    expect(JSON.parse((await ask(platform, '/api/health')).text)).toMatchObject({ log: { kind: 'redis' } });
  });

  test('files have their content type, and an unknown path is 404', async () => {
    await using platform = await startDeployment();
    const page = await ask(platform, '/');
    const [script = ''] = page.text.match(/\/_next\/static\/chunks\/[\w-]+\.js/) ?? [];
    const file = await ask(platform, script);
    expect(file.headers.get('content-type')).toBe('application/javascript; charset=utf-8');
    expect(file.headers.get('cache-control')).toBe('public,max-age=31536000,immutable');
    expect((await ask(platform, '/icon.svg')).headers.get('content-type')).toBe('image/svg+xml');
    expect((await ask(platform, '/no-such-page')).status).toBe(404);
    expect((await ask(platform, '/api/no-such-route')).status).toBe(404);
  });

  test('a browser gets the page as HTML, and the router gets it in its own format', async () => {
    await using platform = await startDeployment();
    const typeOf = async (headers: Record<string, string>) =>
      (await ask(platform, '/', { headers })).headers.get('content-type');
    expect(await typeOf({})).toBe('text/html; charset=utf-8');
    expect(await typeOf({ rsc: '1' })).toBe('text/x-component');
    const moved = await ask(platform, '/api/health/', { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([308, '/api/health']);
  });

  test('stream and events are one function, with the limits of vercel.json', () => {
    expect(functionOf('api/stream')).toBe(functionOf('api/events'));
    const { functions } = JSON.parse(readFileSync(join(root, 'vercel.json'), 'utf8'));
    const { maxDuration } = functions['app/{,status/}api/stream/route.ts'];
    expect(functionOf('api/stream')).toMatchObject({ maxDurationSeconds: maxDuration, isCancellable: true });
    // In another function the status would be that of processes without readers.
    expect(functionOf('status/api/stream')).toBe(functionOf('api/stream'));
    expect(functionOf('status/api/events')).toBe(functionOf('api/stream'));
  });

  test('without Redis every route of the API says which variables to set', async () => {
    await using platform = await startPlatform(artifact);
    const requests = [
      { path: '/api/health' },
      { path: '/api/events' },
      { path: '/api/stream' },
      { path: '/api/events', method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
    ];
    for (const { path, ...init } of requests) {
      const answer = await ask(platform, path, init);
      expect(answer.status).toBe(503);
      expect(readProblem(answer).detail).toMatch(/Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN/);
    }
    expect((await ask(platform, '/')).text).toContain('UPSTASH_REDIS_REST_URL');
  });
});
