import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventTypesWith } from '../../support/declared-type.ts';
import { type App, type AppEnvironment, nextCommand, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { eventually } from '../../support/node/eventually.ts';
import { type RedisStand, startRedisStand } from '../../support/node/redis-stand.ts';
import { openSse, type SseReader } from '../../support/node/sse-reader.ts';
import { root } from '../../support/root.ts';

const run = promisify(execFile);
const doc = readFileSync(join(root, 'docs/server.md'), 'utf8');

/** The files that the document shows; each begins with its path. */
const documented = Object.fromEntries(
  [...doc.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, path = '', text = '']) => [path, text]),
);

const page = `import { createOrder } from './actions.ts';

export default function Page() {
  return <form action={createOrder}><input name="id" /><button>Order</button></form>;
}
`;

/** What an adopter's compiler must know: a default may be left out by the publisher, and is always there for readers. */
const typed = `import { isOfType } from './config/event-types.ts';
import { publish, publishAll } from './server/publish.ts';
import { readFeed } from './server/read-feed.ts';

export async function check(): Promise<string> {
  await publish('order.created', { id: 1 });
  await publishAll([{ type: 'order.created', data: { id: 1, currency: 'USD' } }, { type: 'other', data: 'any' }]);
  // @ts-expect-error the schema wants a number
  await publish('order.created', { id: '1' });
  for await (const item of readFeed({ types: ['order.created'] })) {
    if (item.kind === 'event') return item.event.data.currency;
  }
  for await (const item of readFeed()) {
    if (item.kind === 'event' && isOfType(item.event, 'order.created')) return item.event.data.currency;
  }
  return '';
}
`;

/** Prints whether the feed still holds something when the process ends by itself. */
const ending = `import { publish } from '../lib/server/publish.ts';
import { readFeed } from '../lib/server/read-feed.ts';
import { findRuntime } from '../lib/server/runtime.ts';

const items = readFeed({ channels: ['ending'], rewind: 'all' });
await publish('note', 1, { channel: 'ending' });
for await (const item of items) if (item.kind === 'event') break;
process.on('exit', () => console.log(findRuntime()?.tails.count()));
`;

const declared = "  'order.created': z.object({ id: z.number(), currency: z.string().default('EUR') }),";

let copy: AppCopy;
let redis: RedisStand;
beforeAll(async () => {
  redis = await startRedisStand();
  copy = copyAppToBuild({
    ...documented,
    'app/orders/page.tsx': page,
    'lib/typed.ts': typed,
    'scripts/ending.ts': ending,
    'lib/config/event-types.ts': eventTypesWith(declared),
  });
  // The types too: the build fails if an adopter's compiler would not accept the files.
  await copy.build({ typescript: {} });
}, 600_000);
afterAll(async () => {
  copy?.[Symbol.dispose]();
  await redis?.[Symbol.asyncDispose]();
});

const logs = [
  ['the embedded log', () => ({ FEED_DB: join(copy.folder, '.data/own-code.db') })],
  ['Redis', () => redis.env],
] as const;

/** Sends the form of the page as a browser without JavaScript does: its server action runs. */
async function order(app: App, id: number): Promise<number> {
  const { text } = await ask(app, '/orders');
  const body = new FormData();
  for (const [, name = ''] of text.matchAll(/<input type="hidden" name="([^"]+)"/g)) body.set(name, '');
  body.set('id', String(id));
  const headers = { origin: app.url };
  return (await fetch(`${app.url}/orders`, { method: 'POST', headers, body })).status;
}

/** Runs a script of the copy, which must end by itself. @returns what it printed. */
async function runScript(name: string, env: AppEnvironment): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await run(process.execPath, [`scripts/${name}`], {
    cwd: copy.folder,
    env: { PATH, HOME, NODE_ENV: 'production', ...env },
    timeout: 60_000,
  });
  return stdout.trim();
}

const dataOf = (reader: SseReader) =>
  reader.frames.filter(({ event }) => event === 'message').map(({ data }) => JSON.parse(data).data);

test('the document shows files for all of this', () => {
  expect(Object.keys(documented)).toEqual([
    'app/orders/actions.ts',
    'app/jobs/route.ts',
    'app/jobs/result/route.ts',
    'scripts/orders.ts',
  ]);
});

describe.each(logs)('in a built app on %s', (_, envOf) => {
  test('a server action, a route handler, after() and a script publish; a route handler and a script read', async () => {
    const env: AppEnvironment = envOf();
    await using app = await startAppBy({
      ...nextCommand(process.execPath, 'start', 0),
      env,
      cwd: copy.folder,
    });
    using reader = await openSse(app, { query: 'channel=public:orders' });
    await reader.frame('hello');

    expect(await order(app, 7)).toBe(200);
    expect(await order(app, 7)).toBe(200);
    expect(await runScript('orders.ts', env)).toBe('{"id":8,"currency":"EUR"}');
    await eventually('the stream has both orders', 30_000, () => dataOf(reader).length >= 2);
    expect(dataOf(reader)).toEqual([
      { id: 7, currency: 'EUR' },
      { id: 8, currency: 'EUR' },
    ]);

    const job = JSON.parse((await ask(app, '/jobs', { method: 'POST' })).text);
    const result = await ask(app, `/jobs/result?channel=${job.channel}&after=${job.after}`);
    expect(JSON.parse(result.text)).toEqual({
      steps: ['job.progress', 'job.progress', 'job.done'],
      result: { rows: 2 },
    });
    const refused = await ask(app, '/jobs/result?channel=-');
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('channels[0]: \\"-\\" is not'),
    ]);
  });

  test('a script that has read ends by itself, while its tail lingers', async () => {
    expect(await runScript('ending.ts', envOf())).toBe('1');
  });
});

// The last test: a build that fails leaves nothing to start.
test('the build refuses a client component that imports the server’s files, and says why', async () => {
  const client = `'use client';
import { publish } from '../../lib/server/publish.ts';
export default function Page() {
  return <button onClick={() => void publish('note', 1)} type="button">Publish</button>;
}
`;
  mkdirSync(join(copy.folder, 'app/wrong'));
  writeFileSync(join(copy.folder, 'app/wrong/page.tsx'), client);
  const told = await copy.build({}).then(
    () => 'nothing',
    (error: unknown) => String(error),
  );
  expect(told).toContain("'server-only' cannot be imported from a Client Component module");
  expect(told).toContain('./app/wrong/page.tsx [Client Component');
}, 600_000);
