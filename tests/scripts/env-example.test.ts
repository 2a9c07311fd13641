import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/server/settings.ts';
import { root } from './script-process.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('.env.example', () => {
  test('names every setting the server reads, and sets none', () => {
    const names = new Set<string>();
    const spy = new Proxy({}, { get: (_, name) => void names.add(String(name)) });
    readSettings(spy);
    const given = read('.env.example').match(/^[A-Z_]+=.*$/gm) ?? [];

    const ofThePlatform = /^(NODE_ENV|VERCEL|KV_REST_API_(URL|TOKEN))$/;
    const settings = [...names].filter((name) => !ofThePlatform.test(name));
    expect(given.sort()).toEqual(settings.map((name) => `${name}=`).sort());
  });
});
