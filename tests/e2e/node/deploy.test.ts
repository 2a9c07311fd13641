import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

const streaming = ['app/api/stream/route.ts', 'app/api/events/route.ts'];

describe('the platform’s limit for one request', () => {
  const [limit] = streaming.map(limitOf);

  function limitOf(file: string): number {
    return Number(/^export const maxDuration = (\d+);$/m.exec(read(file))?.[1]);
  }

  // The documents name the template's own value. An app may have another one, so they are not compared.
  test('is the same literal in both routes', () => {
    expect(limit).toBeGreaterThan(0);
    for (const file of streaming) expect(limitOf(file), `maxDuration of ${file}`).toBe(limit);
  });

  test('is the same in vercel.json, which also turns on cancellation', () => {
    const { functions } = JSON.parse(read('vercel.json'));
    for (const file of streaming) {
      const wanted = { maxDuration: limit, supportsCancellation: true };
      // The pattern has the same route of the status page too.
      const pattern = file.replace('app/', 'app/{,status/}');
      expect(functions[pattern], `"${pattern}" in vercel.json`).toEqual(wanted);
    }
  });
});

describe('a route file', () => {
  const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];

  // An app has routes of its own, and need not write them so.
  test.each(globSync('app/api/{stream,events,health}/route.ts', { cwd: root }))(
    '%s exports only its handlers and the constants that Next reads',
    (file) => {
      const text = read(file);
      const constants = [...text.matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
      const listed = [...text.matchAll(/^ {2}\w+ as (\w+),$/gm)].map(([, name]) => name);
      expect(listed).toEqual(methods);
      expect(constants).toEqual(streaming.includes(file) ? ['maxDuration'] : []);
      expect(text.match(/^export /gm)).toHaveLength(constants.length + 1);
    },
  );
});
