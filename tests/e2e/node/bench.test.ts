import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Run } from '../../proof/bench/kept-runs.ts';
import { prepare } from '../../proof/bench/prepare.ts';
import { root } from '../../support/root.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

// Once, before the runs, which go on at the same time.
beforeAll(async () => rmSync((await prepare(root)).data, { recursive: true }));
afterAll(endScripts);

/** A very short run of the bench. Its figures mean nothing; the tests check only that they exist. */
async function smoke(...names: readonly string[]) {
  using folder = makeTemporaryFolder();
  const json = join(folder.path, 'runs.json');
  const only = names.flatMap((name) => ['--only', name]);
  const script = runScript('tests/proof/bench.ts', ['--smoke', '--seed', '7', '--json', json, ...only]);
  expect(await script.code, script.err()).toBe(0);
  const [run] = JSON.parse(readFileSync(json, 'utf8')) as readonly Run[];
  const { about, lines } = run ?? { about: null, lines: [] };
  for (const line of lines) expect(Number.isFinite(line.median), line.figure).toBe(true);
  expect(script.out().trim().split('\n')).toHaveLength(2 + lines.length);
  return { about, of: (name: string) => lines.filter((line) => line.case === name) };
}

describe.concurrent('the bench', () => {
  test('measures every contestant in its own process, and reports each', async () => {
    const { about, of } = await smoke('fanout', 'memory', 'poll', 'catch-up-1');
    const contestants = (name: string) => [...new Set(of(name).map((line) => line.contestant))];
    expect(contestants('fanout')).toEqual(['steadfeed', 'bareNode', 'betterSse', 'plainNext', 'trpc']);
    expect(contestants('memory')).toEqual(['steadfeed', 'bareNode', 'plainNext', 'trpc']);
    expect(about).toMatchObject({ rounds: 1, seed: 7, node: process.versions.node });
  });

  test('measures latency and publishing with Redis, and counts the commands', async () => {
    const { of } = await smoke('latency-redis', 'publish-redis', 'reconnect-redis', 'fanout-tcp');
    // The events come from another process: from the log, or for a server without one, as a message of Redis.
    expect(of('fanout-tcp').map((line) => line.contestant)).toEqual([
      'steadfeedRedis',
      'bareNode',
      'betterSse',
      'plainNext',
      'trpc',
    ]);
    const p50 = of('latency-redis').filter((line) => line.figure === 'latency p50');
    expect(p50.map((line) => line.contestant)).toEqual([
      'steadfeedRedis',
      'upstashRealtime',
      'polling',
      'bareNode',
    ]);
    expect(p50[0]?.verdicts).toHaveLength(2);
    const asked = of('publish-redis').map((line) => line.median);
    expect(asked).toEqual([1, 2, 1, 2, 1, 200, 1, 200]);
    const [ours, theirs] = of('reconnect-redis');
    expect(ours?.median).toBeLessThanOrEqual(2);
    expect(theirs?.median).toBe(2 * 20);
  });

  test('counts the Redis commands of readers that only hand over', async () => {
    const { of } = await smoke('idle-redis');
    const [, , ours, theirs] = of('idle-redis').map((line) => line.median);
    expect(ours).toBeLessThan(theirs ?? 0);
  });
});

test('an unknown case is refused, and the error lists the known cases', async () => {
  const script = runScript('tests/proof/bench.ts', ['--only', 'fan-out']);
  expect(await script.code).toBe(1);
  expect(script.err()).toMatch(/--only fan-out: There is no such case. Use one of fanout, burst/);
});
