import { afterEach, describe, expect, test } from 'vitest';
import { schemaOf } from '../../../lib/config/event-types.ts';
import type { FeedPage } from '../../../lib/core/event.ts';
import { eventually } from '../../support/node/eventually.ts';
import { runScript, type ScriptProcess } from '../../support/scripts/script-process.ts';

const scripts: ScriptProcess[] = [];
afterEach(async () => {
  // SIGINT, not SIGKILL: a killed demo cannot end its app.
  for (const { child, code } of scripts.splice(0)) {
    child.kill('SIGINT');
    await code;
  }
});

const redis = { UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9', UPSTASH_REDIS_REST_TOKEN: 'none' };

/** Starts the demo, with a Redis in its environment, and waits for its second event. */
async function startDemo(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const script = runScript('demo', ['--port', '0', ...args], { ...redis, ...env });
  scripts.push(script);
  const find = () => /http:\/\/localhost:(\d+)\n.*-\d+\n.*-\d+\n/s.exec(script.out())?.[1];
  const port = await eventually(
    `the demo publishes; it printed: ${script.out()}${script.err()}`,
    90_000,
    find,
  );
  return { script, url: `http://127.0.0.1:${port}` };
}

describe('npm run demo', () => {
  test('serves a feed of real events from the embedded log', async () => {
    const { url } = await startDemo();

    const page = (await (await fetch(`${url}/api/events?rewind=2`)).json()) as FeedPage;
    const health = (await (await fetch(`${url}/api/health`)).json()) as { log: { kind: string } };

    expect(page.events.map((event) => event.type)).toEqual(['machine', 'machine']);
    for (const { data } of page.events) expect(schemaOf('machine')?.parse(data) ?? data).toEqual(data);
    expect(health.log.kind).toBe('embedded');
  });

  test('ends streams within 30 s', async () => {
    const { url } = await startDemo();
    const stop = new AbortController();

    const stream = await fetch(`${url}/api/stream`, { signal: stop.signal });
    const hello = await readUntil(stream, /"deadlineMs":(\d+)/);
    stop.abort();

    expect(Number(hello[1])).toBeGreaterThan(0);
    expect(Number(hello[1])).toBeLessThanOrEqual(30_000);
  });

  const publish = (url: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"channel":"other","data":1}',
    });

  test('refuses events from other publishers, and says so', async () => {
    const { script, url } = await startDemo();

    expect((await publish(url)).status).toBe(401);
    expect(script.out()).toContain('Other programs cannot publish here: use npm run dev');
  });

  test('takes events from publishers with the PUBLISH_TOKEN that it was given', async () => {
    const { script, url } = await startDemo([], { PUBLISH_TOKEN: 'token-of-the-user' });

    expect((await publish(url, { authorization: 'Bearer token-of-the-user' })).status).toBe(201);
    expect((await publish(url)).status).toBe(401);
    expect(script.out()).toContain(
      'Other programs can publish here with your PUBLISH_TOKEN: npm run push -- --url http://localhost:',
    );
    expect(script.out()).not.toContain('token-of-the-user');
  });

  test('leaves no process running after an interrupt', async () => {
    const { script, url } = await startDemo();

    script.child.kill('SIGINT');

    expect(await script.code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('ends by itself when its time is over', async () => {
    const { script } = await startDemo(['--seconds', '3']);

    expect(await script.code).toBe(0);
    expect(script.err()).toBe('');
  });
});

async function readUntil(response: Response, pattern: RegExp): Promise<RegExpExecArray> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const match = pattern.exec(text);
    if (match !== null) return match;
  }
  throw new Error(`the stream ended without ${pattern}`);
}
