import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examine } from '../../../scripts/doctor/examine.ts';
import type { Finding, Obstacle } from '../../../scripts/doctor/judge.ts';
import { middleboxes } from '../../proof/middleboxes/catalogue.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { secrets } from '../../support/node/secrets.ts';
import { root } from '../../support/root.ts';

/** What the doctor has to name behind each middlebox. Behind one that is not here, it finds nothing. */
const expected: Readonly<Record<string, readonly Obstacle[]>> = {
  'holds-all': ['holds'],
  'blocks-1k': ['blocks'],
  'blocks-2k': ['blocks'],
  'blocks-4k': ['blocks'],
  'blocks-8k': ['blocks'],
  'blocks-16k': ['blocks'],
  'holds-hello': ['holds'],
  scanner: ['trickles'],
  'one-chunk-behind': ['one-behind'],
  'one-message-behind': ['one-behind'],
  'late-after-3k': ['late'],
  'delays-3s': ['late'],
  'gzip-buffers': ['compresses'],
  'cuts-5s': ['idle-limit', 'cuts-polls'],
  'nat-10s': ['loses-silently'],
  'black-hole-10s': ['loses-silently'],
  sleeps: ['loses-silently'],
  'one-connection': ['one-connection'],
  'gateway-504': ['whole-answers', 'cuts-polls'],
  'short-answers': ['whole-answers', 'cuts-polls'],
  'ends-14s': ['ends-early'],
  'ends-30s': ['ends-early'],
  resets: ['breaks'],
  'strips-last-event-id': ['strips-last-event-id'],
  'caches-all': ['holds', 'stale-polls'],
  'captive-portal': ['not-the-feed'],
  'page-for-streams': ['refuses-streams'],
  'refuses-403': ['refuses-streams'],
  'refuses-406': ['refuses-streams'],
  'rate-limit': ['rate-limit'],
  'nginx-buffering': ['holds'],
  'nginx-gzip': ['holds'],
  'nginx-5s': ['idle-limit', 'cuts-polls'],
  'nginx-limit-req': ['rate-limit'],
  'nginx-cache': ['holds', 'stale-polls'],
  'haproxy-server-5s': ['idle-limit', 'cuts-polls'],
  'haproxy-maxconn-1': ['one-connection'],
  'varnish-no-stream': ['holds'],
  'varnish-5s': ['idle-limit', 'cuts-polls'],
  squid: ['strips-authorization'],
  'squid-5s': ['strips-authorization', 'idle-limit', 'cuts-polls'],
  'apache-deflate': ['compresses'],
  'apache-5s': ['idle-limit', 'cuts-polls'],
};

/** A start every so often, so that a small machine can publish the test events of all. */
const startEveryMs = 800;
const watchMs = 40_000;

let app: App;
const findingsBehind = new Map<string, readonly Finding[]>();

beforeAll(async () => {
  app = await startApp({ STREAM_MAX_SECONDS: '60', STREAM_MAX_PER_ADDRESS: '5000' });
  // All at once: an examination mostly waits.
  await Promise.all(
    middleboxes.map(async ({ name, start }, index) => {
      await sleep(index * startEveryMs);
      await using running = await start(app);
      const findings = await examine({
        url: running.url,
        token: null,
        publishToken: secrets.publishToken,
        watchMs,
        onProgress: () => undefined,
      });
      findingsBehind.set(name, findings);
    }),
  );
}, 300_000);
afterAll(() => app?.[Symbol.asyncDispose]());

function runDoctor(
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['scripts/doctor.ts', ...args], {
    cwd: root,
    env: { ...process.env, PUBLISH_TOKEN: secrets.publishToken },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

describe('the doctor', () => {
  test.each(middleboxes)('names what stands in the way behind $name: $title', ({ name }) => {
    const findings = findingsBehind.get(name) ?? [];
    const wanted = expected[name] ?? [];
    const text = findings.map(({ verdict, check, found }) => `${verdict} ${check}: ${found}`).join('\n');
    const named = findings.flatMap(({ verdict, obstacle }) =>
      verdict === 'fail' || (verdict === 'note' && obstacle !== 'clock') ? (obstacle ?? []) : [],
    );

    expect(findings.length, name).toBeGreaterThan(0);
    expect(named, text).toEqual(expect.arrayContaining([...wanted]));
    if (wanted.length === 0) {
      expect(
        findings.filter(({ verdict }) => verdict === 'fail'),
        text,
      ).toEqual([]);
    }
  });

  test('finds nothing in the way of a server without anything between, and says so', async () => {
    const { code, stdout, stderr } = await runDoctor([app.url, '--seconds', '30']);

    expect(stdout).toContain('Nothing stands in the way.');
    expect(stderr).toContain('watching them for 30 s');
    expect(code).toBe(0);
  }, 90_000);

  test('ends with 1, and with what to do, where nothing answers', async () => {
    const { code, stdout } = await runDoctor(['http://127.0.0.1:9', '--json']);

    expect(JSON.parse(stdout)).toMatchObject([{ check: 'health', verdict: 'fail', obstacle: 'no-answer' }]);
    expect(code).toBe(1);
  });

  test('ends with 2 where an option is wrong, and names it', async () => {
    const { code, stderr } = await runDoctor(['feed.example.com']);

    expect(stderr).toBe('doctor: Give one address that begins with http:// or https://.\n');
    expect(code).toBe(2);
  });
});

test('the table of expectations names middleboxes of the catalogue only', () => {
  const names = middleboxes.map(({ name }) => name);

  expect(Object.keys(expected).filter((name) => !names.includes(name))).toEqual([]);
});
