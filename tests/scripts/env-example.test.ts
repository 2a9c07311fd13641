import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings, settingNames } from '../../lib/config/settings.ts';
import { unsetSettings } from '../../scripts/build-app.ts';
import { root } from '../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('a process of the app that a script or a test starts has only the settings that it is given', () => {
  const settingsOfTheUser = Object.fromEntries(settingNames().map((name) => [name, '1']));
  const env = { ...settingsOfTheUser, ...unsetSettings, NODE_ENV: 'production' };
  expect(readSettings(env)).toEqual(readSettings({ NODE_ENV: 'production' }));
});

describe('.env.example', () => {
  test('names every setting the server reads, and sets none', () => {
    const given = read('.env.example').match(/^[A-Z_]+=.*$/gm) ?? [];

    const ofThePlatform = /^(NODE_ENV|VERCEL|KV_REST_API_(URL|TOKEN))$/;
    const settings = settingNames().filter((name) => !ofThePlatform.test(name));
    expect(given.sort()).toEqual(settings.map((name) => `${name}=`).sort());
  });
});
