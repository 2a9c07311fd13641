import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { afterEach, describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/config/settings.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { eventsRoute } from '../../lib/server/http/events-route.ts';
import { streamRoute } from '../../lib/server/http/stream-route.ts';
import { createRuntime, type Runtime } from '../../lib/server/runtime.ts';
import { checkEvents, storeEvents } from '../../lib/server/store-events.ts';
import { badServers } from '../support/client/bad-servers.ts';
import { feedServer, type Misbehaviour } from '../support/client/feed-server.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { eventually } from '../support/node/eventually.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  endScripts();
  for (const close of closing.splice(0)) await close();
});

async function setUp(misbehave?: Misbehaviour) {
  const server = await feedServer(misbehave);
  closing.push(server.close);
  return server;
}

/** Runs the script. */
function tail(...args: string[]) {
  const script = runScript('tail', args);
  return { ...script, lines: () => script.out().split('\n').filter(Boolean) };
}

const seqOf = (line: string) => Number(JSON.parse(line).id.split('-')[1]);

test('events come as JSON lines, each once, even when the stream breaks', async () => {
  const server = await setUp();
  server.publish(3);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await eventually('tail prints 3 events', 30_000, () => run.lines().length === 3);
  server.cutAll();
  server.publish(2);
  await eventually('tail prints 5 events', 30_000, () => run.lines().length === 5);
  expect(run.lines().map(seqOf)).toEqual([1, 2, 3, 4, 5]);
});

test('a server that cannot be reached is named', async () => {
  const server = await setUp();
  await server.close();
  const run = tail('--url', server.url);
  await eventually('tail waits for the server', 30_000, () => run.err().includes('waiting'));
  expect(run.err()).toMatch(/waiting, next try at \S+: cannot read the feed at http:/);
});

test('a proxy that reaches no process is named by its status', async () => {
  const server = await setUp(({ response }) => void response.writeHead(502).end('<h1>Bad Gateway</h1>'));
  const run = tail('--url', server.url);
  await eventually('tail waits for the server', 30_000, () => run.err().includes('waiting'));
  expect(run.err()).toMatch(/waiting, next try .* status 502, .* The proxy reaches no process/);
});

test('a reason that repeats its title is printed once', async () => {
  const server = await setUp(({ response }) => {
    response.writeHead(403, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ title: 'It is so', status: 403, detail: 'It is so. Change it.' }));
  });
  const run = tail('--url', server.url);
  expect(await run.code).toBe(1);
  expect(run.err()).toContain('stopped: 403 It is so. Change it.\n');
});

test('tail rests where the server wants that, prints the event that a poll brings, and streams again', async () => {
  const server = await setUp();
  const run = tail('--url', server.url, '--json');
  await eventually('tail streams', 30_000, () => run.err().includes('streaming'));
  server.handOver('quiet', { everyMs: 1_000 });
  await eventually('tail rests', 30_000, () => run.err().includes('resting'));
  server.publish(1);
  await eventually('tail streams again', 30_000, () => server.streams === 1 && run.lines().length === 1);

  expect(server.asked[0]).toMatch(/^\/api\/stream\?.*quiet=0/);
  expect(server.asked.some((address) => /^\/api\/events\?.*rest=1/.test(address))).toBe(true);
  expect(run.lines().map(seqOf)).toEqual([1]);
});

test('tail with --transport stream says that it cannot rest', async () => {
  const server = await setUp();
  tail('--url', server.url, '--transport', 'stream');
  await eventually('tail streams', 30_000, () => server.streams === 1);
  expect(server.asked[0]).not.toContain('quiet=');
});

test('status and gaps go to stderr', async () => {
  const server = await setUp();
  server.publish(9);
  server.log.trim(4);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await eventually(
    'tail prints 5 events of a stream',
    30_000,
    () => run.lines().length === 5 && run.err().includes('streaming'),
  );
  expect(run.err()).toMatch(/gap: channel feed lost 4 events \(trimmed\) after 0-0. It continues at \d+-5\./);
});

/** A screen wiped, a link, a colour by C1, text turned round, and what nobody sees. */
const evil = '\u001b[2J\u001b]8;;https://evil.test\u0007\u009b31m\u202e\u061cgone\u{e0041}\r\n\u2028';

test.each([[[]], [['--json']]])('an event cannot control the terminal %j', async (args) => {
  const server = await setUp(({ response, text }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = `"data":${JSON.stringify(evil)},"type":${JSON.stringify(evil)}`;
    response.write(text().replaceAll('"data":null', event).replaceAll('"type":"message",', ''));
  });
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', ...args);
  await eventually('tail prints the event', 30_000, () => run.lines().length === 1);
  expect(run.out().split('\\u202e\\u061cgone')).toHaveLength(3);
  expect(run.out()).toMatch(/^[\x20-\x7e]*\n$/);
});

test('a refusal cannot control the terminal', async () => {
  const server = await setUp(({ response }) => {
    response.writeHead(403, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ title: evil, status: 403, detail: evil }));
  });
  const run = tail('--url', server.url);
  expect(await run.code).toBe(1);
  expect(run.err()).toContain('\\u202e\\u061cgone');
  expect(run.err()).toMatch(/^[\x20-\x7e\n]*$/);
});

test('Ctrl-C ends it quietly', async () => {
  const server = await setUp();
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await eventually('tail prints the event', 30_000, () => run.lines().length === 1);
  run.child.kill('SIGINT');
  expect(await run.code).toBe(0);
  expect(run.err()).not.toContain('stopped');
});

test('a closed pipe ends it quietly', async () => {
  const server = await setUp();
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await eventually('tail prints the event', 30_000, () => run.lines().length === 1);
  run.child.stdout?.destroy();
  const more = setInterval(() => server.publish(1), 20);
  expect(await run.code).toBe(0);
  clearInterval(more);
  expect(run.err()).not.toContain('EPIPE');
});

test('a pipe that is not read slows it down, and misses no event in the end', async () => {
  const server = await setUp();
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  run.child.stdout?.pause();
  await eventually('the stream is open', 10_000, () => server.streams === 1);
  for (let round = 0; round < 12; round += 1) server.publish(500);
  run.child.stdout?.resume();
  await eventually('tail prints all events', 30_000, () => run.lines().length === 6_000);
  expect(run.lines().map(seqOf)).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1));
});

test('a refusal exits with 1 and the server’s reason', async () => {
  const server = await setUp(badServers.answers403);
  const run = tail('--url', server.url);
  expect(await run.code).toBe(1);
  expect(run.err()).toContain('the token does not allow channel "feed"');
});

test('a wrong option exits with 2 and the words that it takes', async () => {
  const run = tail('--transport', 'pigeon');
  expect(await run.code).toBe(2);
  expect(run.err()).toContain('--transport: "pigeon" is not one of: auto, stream, poll.');
});

test('--help names every option', async () => {
  const run = tail('--help');
  expect(await run.code).toBe(0);
  for (const name of [
    '--url',
    '--channel',
    '--type',
    '--after',
    '--rewind',
    '--transport',
    '--token',
    '--json',
  ]) {
    expect(run.out()).toContain(name);
  }
});

describe('a channel that ends', () => {
  test('ends it with the code 0, after everything is printed', async () => {
    const { url, runtime } = await routesServer();
    await store(runtime, [{ data: 1 }, { data: 'over', end: true }]);
    const run = tail('--url', url, '--channel', 'jobs', '--rewind', 'all', '--json');

    expect(await run.code).toBe(0);
    expect(run.lines().map((line) => JSON.parse(line).data)).toEqual([1, 'over']);
    expect(run.err()).toContain('ended: all channels have ended, and everything is printed.\n');
  });

  test.each([['stream'], ['poll']])('ends it when the end comes while it reads: %s', async (transport) => {
    const { url, runtime } = await routesServer();
    const run = tail(
      '--url',
      url,
      '--channel',
      'jobs',
      '--transport',
      transport,
      '--rewind',
      'all',
      '--json',
    );
    await store(runtime, [{ data: 1 }]);
    await eventually('tail prints the event', 30_000, () => run.lines().length === 1);
    await store(runtime, [{ data: 'over', end: true }]);

    expect(await run.code).toBe(0);
    expect(run.lines().map((line) => JSON.parse(line).data)).toEqual([1, 'over']);
  });
});

describe('tail --latest', () => {
  test('prints the latest event of each subject, then each change, and ends with the channel', async () => {
    const { url, runtime } = await routesServer();
    await store(runtime, [
      { subject: 'a', data: 1 },
      { subject: 'b', data: 2 },
      { subject: 'a', data: 3 },
    ]);
    const run = tail('--url', url, '--channel', 'jobs', '--latest');
    await eventually('tail prints the state', 30_000, () => run.lines().length === 2);
    const about = (line: string) => line.split(' ').slice(3).join(' ');
    expect(run.lines().map(about).toSorted()).toEqual(['message a 3', 'message b 2']);

    await store(runtime, [
      { subject: 'b', data: null, remove: true },
      { subject: 'c', data: 4 },
    ]);
    await eventually('tail prints the change', 30_000, () => run.lines().length === 3);
    await store(runtime, [{ data: 'over', end: true }]);

    expect(await run.code).toBe(0);
    expect(run.lines().at(-1)).toContain('message c 4');
    expect(run.err()).toContain('gone: channel jobs subject b was removed, or has expired.\n');
    expect(run.err()).toContain('ended: all channels have ended');
  });

  test.each([
    [['--channel', 'a', '--channel', 'b'], '--latest prints the state of one channel.'],
    [['--rewind', '5'], '--latest begins with the state. Leave --after and --rewind out.'],
    [['--after', '0-0'], '--latest begins with the state. Leave --after and --rewind out.'],
  ])('refuses %j', async (args, text) => {
    const run = tail('--latest', ...args);
    expect(await run.code).toBe(2);
    expect(run.err()).toContain(text);
  });
});

/** A server with the real routes, on a log in memory. */
async function routesServer() {
  const settings = readSettings({ FEED_DB: ':memory:' });
  const runtime = createRuntime(settings, systemClock);
  const [events, stream] = [eventsRoute(() => runtime), streamRoute(300, () => runtime)];
  const server = createServer(async (request, response) => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    const asked = new Request(`http://feed.test${request.url}`, { signal: left.signal });
    const answer = await (request.url?.startsWith('/api/stream') ? stream : events)(asked);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body === null) return response.end();
    await pipeline(Readable.fromWeb(answer.body as ReadableStream), response).catch(() => undefined);
  });
  const port = await listenOnFreePort(server);
  closing.push(
    () => runtime.log.close(),
    () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  );
  return { url: `http://127.0.0.1:${port}`, runtime };
}

/** Publishes to the channel `jobs`. */
async function store(runtime: Runtime, events: readonly object[]): Promise<void> {
  const given = events.map((event, index) => ({
    value: { channel: 'jobs', ...event },
    what: `events[${index}]`,
  }));
  await storeEvents(runtime, await checkEvents(given), null, null);
}
