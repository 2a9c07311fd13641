import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/config/settings.ts';
import { unsetSettings } from '../../scripts/demo/demo-app.ts';
import { root } from '../support/scripts/script-process.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Every setting the server reads. */
function namesRead(): string[] {
  const names = new Set<string>();
  readSettings(new Proxy({}, { get: (_, name) => void names.add(String(name)) }));
  return [...names];
}

test('a process of the app that a script or a test starts has no setting but those it is given', () => {
  const names = namesRead().filter((name) => name !== 'NODE_ENV');
  expect(Object.keys(unsetSettings).sort()).toEqual(names.sort());
  expect(new Set(Object.values(unsetSettings))).toEqual(new Set(['']));
});

describe('.env.example', () => {
  test('names every setting the server reads, and sets none', () => {
    const given = read('.env.example').match(/^[A-Z_]+=.*$/gm) ?? [];

    const ofThePlatform = /^(NODE_ENV|VERCEL|KV_REST_API_(URL|TOKEN))$/;
    const settings = namesRead().filter((name) => !ofThePlatform.test(name));
    expect(given.sort()).toEqual(settings.map((name) => `${name}=`).sort());
  });
});
