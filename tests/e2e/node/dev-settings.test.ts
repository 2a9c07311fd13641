import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { copyApp, nextCommand, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';

test('under next dev, .env.local means the same to the app and to a script, also after a change, which takes effect at once', async () => {
  using copy = copyApp();
  const file = join(copy.path, '.env.local');
  const push = (text: string) => runScript('push', ['--url', app.url, text], {}, copy.path);
  writeFileSync(file, 'NAME=first\nPUBLISH_TOKEN="$NAME-\\$NAME"\n');
  const unset = { PUBLISH_TOKEN: undefined, READ_TOKEN_SECRET: undefined };
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
  using privateReader = await openSse(app, { query: 'channel=order.7' });
  await privateReader.frame('hello', 30_000);

  writeFileSync(file, "PUBLISH_TOKEN='second-$'\nREAD_TOKEN_SECRET=a-secret-of-thirty-two-characters\n");
  // Nobody sends a request: open streams end because the settings have changed. Else they would go on in a private channel.
  for (const each of [reader, privateReader])
    expect(JSON.parse((await each.frame('handover', 60_000)).data)).toMatchObject({ reason: 'stopping' });
  expect(app.printed()).toContain('steadfeed: The settings have changed.');

  const second = push('two');
  expect(await second.code, second.err()).toBe(0);
  for (const route of ['events', 'stream'])
    expect([route, (await ask(app, `/api/${route}?channel=order.7`)).status]).toEqual([route, 401]);
  endScripts();
}, 240_000);
