import { spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { badServers } from '../support/client/bad-servers.ts';
import { feedServer, type Misbehaviour } from '../support/client/feed-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(misbehave?: Misbehaviour) {
  const server = await feedServer(misbehave);
  closing.push(server.close);
  return server;
}

/** Runs the script; what it has written so far, and ways to wait for it. */
function tail(...args: string[]) {
  const child = spawn(process.execPath, ['scripts/tail.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => (out += bytes));
  child.stderr.on('data', (bytes) => (err += bytes));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  closing.push(() => child.kill('SIGKILL'));
  const until = async (condition: () => boolean) => {
    for (let ms = 0; !condition(); ms += 5) {
      if (ms > 10_000) throw new Error(`not within 10 s\nout: ${out}\nerr: ${err}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { child, exit, until, out: () => out, err: () => err, lines: () => out.split('\n').filter(Boolean) };
}

const seqOf = (line: string) => Number(JSON.parse(line).id.split('-')[1]);

test('events come as JSON lines, each once, over a cut', async () => {
  const server = await setUp();
  server.publish(3);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await run.until(() => run.lines().length === 3);
  server.cutAll();
  server.publish(2);
  await run.until(() => run.lines().length === 5);
  expect(run.lines().map(seqOf)).toEqual([1, 2, 3, 4, 5]);
});

test('a server that does not answer is named', async () => {
  const server = await setUp();
  await server.close();
  const run = tail('--url', server.url);
  await run.until(() => run.err().includes('waiting'));
  expect(run.err()).toMatch(/waiting, next try at \S+: no answer from http:/);
});

test('status and gaps go to stderr', async () => {
  const server = await setUp();
  server.publish(9);
  server.log.trim(4);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await run.until(() => run.lines().length === 5 && run.err().includes('streaming'));
  expect(run.err()).toMatch(/gap: channel feed lost 4 events \(trimmed\) after 0-0. It continues at \d+-5\./);
});

/** A screen wiped, a link, a colour by C1, text turned round, and what nobody sees. */
const evil = '\u001b[2J\u001b]8;;https://evil.test\u0007\u009b31m\u202e\u061cgone\u{e0041}\r\n\u2028';

test.each([[[]], [['--json']]])('an event cannot drive the terminal %j', async (args) => {
  const server = await setUp(({ response, text }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = `"data":${JSON.stringify(evil)},"type":${JSON.stringify(evil)}`;
    response.write(text().replaceAll('"data":null', event).replaceAll('"type":"message",', ''));
  });
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', ...args);
  await run.until(() => run.lines().length === 1);
  expect(run.out().split('\\u202e\\u061cgone')).toHaveLength(3);
  expect(run.out()).toMatch(/^[\x20-\x7e]*\n$/);
});

test('a refusal cannot drive the terminal', async () => {
  const server = await setUp(({ response }) => {
    response.writeHead(403, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ title: evil, status: 403, detail: evil }));
  });
  const run = tail('--url', server.url);
  expect(await run.exit).toBe(1);
  expect(run.err()).toContain('\\u202e\\u061cgone');
  expect(run.err()).toMatch(/^[\x20-\x7e\n]*$/);
});

test('Ctrl-C ends it quietly', async () => {
  const server = await setUp();
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await run.until(() => run.lines().length === 1);
  run.child.kill('SIGINT');
  expect(await run.exit).toBe(0);
  expect(run.err()).not.toContain('stopped');
});

test('a closed pipe ends it quietly', async () => {
  const server = await setUp();
  server.publish(1);
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  await run.until(() => run.lines().length === 1);
  run.child.stdout.destroy();
  const more = setInterval(() => server.publish(1), 20);
  expect(await run.exit).toBe(0);
  clearInterval(more);
  expect(run.err()).not.toContain('EPIPE');
});

test('a reader that does not read holds it up, and misses nothing in the end', async () => {
  const server = await setUp();
  const run = tail('--url', server.url, '--after', '0-0', '--json');
  run.child.stdout.pause();
  await run.until(() => server.streams === 1);
  for (let round = 0; round < 12; round += 1) server.publish(500);
  run.child.stdout.resume();
  await run.until(() => run.lines().length === 6_000);
  expect(run.lines().map(seqOf)).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1));
});

test('a refusal exits with 1 and the server’s words', async () => {
  const server = await setUp(badServers.answers403);
  const run = tail('--url', server.url);
  expect(await run.exit).toBe(1);
  expect(run.err()).toContain('the token does not allow channel "feed"');
});

test('wrong usage exits with 2 and says what is allowed', async () => {
  const run = tail('--transport', 'pigeon');
  expect(await run.exit).toBe(2);
  expect(run.err()).toContain('--transport: "pigeon" is not one of: auto, stream, poll.');
});

test('--help names every option', async () => {
  const run = tail('--help');
  expect(await run.exit).toBe(0);
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
