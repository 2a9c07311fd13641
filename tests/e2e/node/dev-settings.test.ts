import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyApp, nextCommand, startAppBy } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';

test('under next dev, .env.local means the same to the app and to a script, also after a change', async () => {
  using copy = copyApp();
  const file = join(copy.path, '.env.local');
  const push = (text: string) => runScript('push', ['--url', app.url, text], {}, copy.path);
  writeFileSync(file, 'NAME=first\nPUBLISH_TOKEN="$NAME-\\$NAME"\n');
  const unset = { PUBLISH_TOKEN: undefined };
  await using app = await startAppBy({
    ...nextCommand(process.execPath, 'dev', 0),
    cwd: copy.path,
    env: unset,
  });
  const wrong = runScript('push', ['--url', app.url, 'x', '--token', 'first-first'], {}, copy.path);
  expect(await wrong.code).toBe(1);
  const first = push('one');
  expect(await first.code, first.err()).toBe(0);
  using reader = await openSse(app, { query: 'rewind=1' });
  expect((await reader.frame('message')).data).toContain('"one"');

  writeFileSync(file, "PUBLISH_TOKEN='second-$'\n");
  await eventually('Next has loaded the changed file', 30_000, () => /Reload env/.test(app.printed()));

  const second = push('two');
  expect(await second.code, second.err()).toBe(0);
  expect(JSON.parse((await reader.frame('handover')).data)).toMatchObject({ reason: 'stopping' });
  expect(app.printed()).toContain('steadfeed: The settings have changed.');
  endScripts();
}, 240_000);
