import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/node/eventually.ts';
import { type PublishServer, startPublishServer } from '../support/scripts/publish-server.ts';
import { numbered } from '../support/scripts/push-steps.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

let server: PublishServer;
let folder: ReturnType<typeof makeTemporaryFolder>;
beforeEach(async () => {
  server = await startPublishServer();
  folder = makeTemporaryFolder();
});
afterEach(async () => {
  endScripts();
  await server.close();
  folder[Symbol.dispose]();
});

const push = (args: readonly string[], env?: Record<string, string>) =>
  runScript('push', ['--url', server.url, ...args], env);
const pushInput = (input: string | Uint8Array, args: readonly string[] = []) => {
  const script = push(args);
  script.child.stdin?.end(input);
  return script;
};
const texts = () => server.stored.map((event) => event.data);

describe('npm run push', () => {
  test('publishes a text, with the token of the environment', async () => {
    const script = push(['hello there', '--channel', 'news', '--type', 'note'], { PUBLISH_TOKEN: 'secret' });

    expect(await script.code).toBe(0);
    expect(server.stored).toEqual([{ channel: 'news', type: 'note', data: 'hello there' }]);
    expect(server.requests[0]?.token).toBe('Bearer secret');
    expect(script.err()).toMatch(/^1 event stored, 1 batch, 0 retries, 0 duplicates, \d+\.\d s\n$/);
  });

  test.each([
    [['7', '--subject', 'host-1', '--ttl', '30'], { subject: 'host-1', ttlSeconds: 30, data: '7' }],
    [['{"a":1}', '--subject', 'host-1', '--end'], { subject: 'host-1', end: true, data: { a: 1 } }],
    [['{"data":1,"subject":"own"}', '--subject', 'other', '--ttl', '30'], { subject: 'own', data: 1 }],
    [['--subject', 'host-1', '--remove'], { subject: 'host-1', remove: true, data: null }],
    [['gone', '--subject', 'host-1', '--remove'], { subject: 'host-1', remove: true, data: 'gone' }],
  ])('publishes what an event is about: %j', async (args, event) => {
    const script = push(args);

    expect(await script.code).toBe(0);
    expect(server.stored).toEqual([{ channel: 'feed', type: 'message', ...event }]);
  });

  test('ends a channel after the last line', async () => {
    const script = pushInput('a\nb\n', ['--channel', 'job.7', '--subject', 'line', '--end']);

    expect(await script.code).toBe(0);
    expect(server.stored).toEqual([
      { channel: 'job.7', type: 'message', subject: 'line', data: 'a' },
      { channel: 'job.7', type: 'message', subject: 'line', data: 'b' },
      { channel: 'job.7', type: 'end', end: true, data: null },
    ]);
  });

  test.each([
    [['x', '--ttl', '5'], '--ttl needs --subject.'],
    [['x', '--remove'], '--remove needs --subject.'],
    [['x', '--subject', 'a b'], '--subject: "a b" is not a valid subject.'],
    [['x', '--subject', 'a', '--ttl', '0'], '--ttl: "0" is not a whole number from 1 to 2592000'],
    [['x', '--subject', 'a', '--ttl', '5', '--remove'], '--remove publishes one event that does not expire.'],
  ])('refuses %j, and publishes nothing', async (args, text) => {
    const script = push(args);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(text);
    expect(server.requests).toHaveLength(0);
  });

  test('publishes the lines of its input, in order', async () => {
    const script = pushInput(`${numbered(1_234)}last`, ['--batch', '500']);

    expect(await script.code).toBe(0);
    expect(texts()).toEqual([...numbered(1_234).split('\n').slice(0, -1), 'last']);
    expect(script.err()).toContain('1,235 events stored');
    expect(script.out()).toBe('');
  });

  test('publishes events as JSON', async () => {
    const script = pushInput('{"data":{"a":1}}\n{"data":"b","type":"t"}\n');

    expect(await script.code).toBe(0);
    expect(texts()).toEqual([{ a: 1 }, 'b']);
  });

  test('stores nothing twice when the same file comes with the same key', async () => {
    const file = join(folder.path, 'lines.txt');
    writeFileSync(file, numbered(250));

    expect(await push(['--file', file, '--key', 'mine']).code).toBe(0);
    const again = push(['--file', file, '--key', 'mine']);

    expect(await again.code).toBe(0);
    expect(again.err()).toContain('250 duplicates');
    expect(server.stored).toHaveLength(250);
  });

  test('sends a line from a pipe while the pipe stays open', async () => {
    const script = push([]);

    script.child.stdin?.write('first\n');
    await eventually('the first line is stored', 10_000, () => texts().length === 1);
    script.child.stdin?.write('second\nthird, not ended');
    await eventually('the second line is stored', 10_000, () => texts().length === 2);

    expect(texts()).toEqual(['first', 'second']);
  });

  test('sends what it has read when it is interrupted, and reports it', async () => {
    const script = push(['--batch', '500']);
    script.child.stdin?.write('first\n');
    await eventually('the first line is stored', 10_000, () => texts().length === 1);
    script.child.stdin?.write('second\n');
    await eventually('the second line is stored', 10_000, () => texts().length === 2);

    script.child.kill('SIGINT');

    expect(await script.code).toBe(130);
    expect(script.err()).toContain('2 events stored');
  });

  test('names the line that is not valid, and exits with 1', async () => {
    const script = pushInput(Buffer.from('a\nb\n\xff\nc\n', 'latin1'));

    expect(await script.code).toBe(1);
    expect(script.err()).toContain('push: line 3 is not valid UTF-8.');
    expect(texts()).toEqual(['a', 'b']);
  });

  test('uses the token of .env.local when the environment has none', async () => {
    writeFileSync(join(folder.path, '.env.local'), 'PUBLISH_TOKEN=from-file\n');
    const script = runScript('push', ['--url', server.url, 'hi'], {}, folder.path);

    expect(await script.code).toBe(0);
    expect(server.requests[0]?.token).toBe('Bearer from-file');
  });

  test('names the server that it cannot reach', async () => {
    await server.close();
    const script = push(['a', '--retries', '1']);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(
      `Cannot reach ${server.url} (ECONNREFUSED). Is the app running there? Retrying in`,
    );
    expect(script.err()).toContain('Gave up after 2 tries.\nThe text is not stored.');
    server = await startPublishServer();
  });

  test.each([
    [['--batch', '501'], '--batch: "501" is not a whole number from 1 to 500.'],
    [['--rate', '0'], '--rate: "0" is not a number from 0.001'],
    [['--format', 'csv'], '--format: "csv" is not one of: auto, lines, json, ndjson.'],
    [['--channel', 'a b'], '--channel: "a b" is not a valid name'],
    [['--url', 'localhost:3000'], '--url must be an address'],
    [['--file', '/no/such/file'], '--file: Cannot read /no/such/file: no such file or directory.'],
    [['hello', 'there'], 'in quotes'],
    [['--tokn', 'x'], '--tokn'],
  ])('refuses %j', async (args, reason) => {
    const script = push(args);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(reason);
    expect(server.requests).toEqual([]);
  });

  test('--help explains the command, and publishes nothing', async () => {
    const script = push(['--help']);

    expect(await script.code).toBe(0);
    expect(script.out()).toContain('npm run push -- "text"');
    expect(server.requests).toEqual([]);
  });

  test('--rate limits the speed', async () => {
    const startMs = performance.now();

    expect(await pushInput(numbered(6), ['--rate', '10']).code).toBe(0);

    expect(performance.now() - startMs).toBeGreaterThan(450);
    expect(texts()).toHaveLength(6);
  });
});

describe('a pipe of any length', () => {
  const chunk = Buffer.from(`${'x'.repeat(1_023)}\n`.repeat(64));

  test('waits for a slow server, and is not read into memory', async () => {
    server.misbehaves.push({ kind: 'never answers' });
    const { child } = push([]);
    let offered = 0;
    const offer = () => {
      offered += chunk.length;
      if (child.stdin?.write(chunk)) setImmediate(offer);
      else child.stdin?.once('drain', offer);
    };
    offer();
    await eventually('the first batch arrives', 10_000, () => server.requests.length === 1);
    await eventually(
      'the pipe stands still',
      10_000,
      stands(() => offered),
    );

    expect(offered).toBeLessThan(4 * 1_048_576);
  });

  test('fits into a heap of 40 MB when it has 64 MB', async () => {
    const { child, code, err } = push(['--batch', '500'], { NODE_OPTIONS: '--max-old-space-size=40' });
    for (let sent = 0; sent < 64 * 1_048_576; sent += chunk.length) {
      if (child.stdin?.write(chunk) === false) await once(child.stdin, 'drain');
      server.stored.length = 0;
    }
    child.stdin?.end();

    expect(await code).toBe(0);
    expect(err()).toContain('65,536 events stored');
  }, 60_000);
});

/** Whether a number has not changed for half a second. */
function stands(read: () => number): () => boolean {
  let last = Number.NaN;
  let sinceMs = 0;
  return () => {
    const value = read();
    if (value !== last) sinceMs = Date.now();
    last = value;
    return Date.now() - sinceMs > 500;
  };
}

test('the text of a server cannot control the terminal', async () => {
  const detail = 'no\u001b[2J\u009b31m\u202e\u061cgone\r';
  server.misbehaves.push({ kind: 'refuses', status: 403, detail });
  const script = push(['hello']);

  expect(await script.code).toBe(1);
  expect(script.err()).toContain('no\\u001b[2J\\u009b31m\\u202e\\u061cgone\\u000d');
  expect(script.err()).toMatch(/^[\x20-\x7e\n]*$/);
});

describe('a JSON object or array as the text', () => {
  test.each([
    ['{"id":2}', { id: 2 }],
    [' [1, {"a": null}] ', [1, { a: null }]],
    ['{}', {}],
  ])('is the data of the event: %s', async (text, data) => {
    const script = push(['--type', 'order.created', text]);

    expect(await script.code).toBe(0);
    expect(server.stored).toEqual([{ channel: 'feed', type: 'order.created', data }]);
  });

  test('is the whole event if it has the member "data"', async () => {
    expect(await push(['{"type":"order.created","data":{"id":2}}']).code).toBe(0);
    expect(server.stored).toEqual([{ channel: 'feed', type: 'order.created', data: { id: 2 } }]);
  });

  test('is text with --format lines', async () => {
    expect(await push(['--format', 'lines', '{"id":2}']).code).toBe(0);
    expect(texts()).toEqual(['{"id":2}']);
  });

  test.each(['42', 'null', '"quoted"', '{"id":2', '[INFO] started'])(
    'other text stays text: %s',
    async (text) => {
      expect(await push([text]).code).toBe(0);
      expect(texts()).toEqual([text]);
    },
  );

  test('a number in it that JavaScript cannot represent is refused, not changed', async () => {
    const script = push(['{"id":12345678901234567890}']);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain('The number 12345678901234567890');
  });
});

describe('--format json', () => {
  test('sends each line as the data of an event', async () => {
    const script = pushInput('{"id":1}\n[2]\n3\n"four"\n{"data":5}\n', [
      '--format',
      'json',
      '--type',
      'order',
    ]);

    expect(await script.code).toBe(0);
    expect(texts()).toEqual([{ id: 1 }, [2], 3, 'four', { data: 5 }]);
  });

  test('names the line that is not JSON', async () => {
    const script = pushInput('{"id":1}\nno\n', ['--format', 'json']);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain('push: line 2 is not valid JSON.');
  });

  test.each([
    [['-'], 'push sends a line as text. If your lines are JSON, add --format json.'],
    [
      ['hello'],
      'push sends a text as a string. For an object, give JSON: npm run push -- --type … \'{"id":1}\'.',
    ],
    [
      ['{id: 1}'],
      'The text begins like JSON, but is not valid JSON, so push sent it as a string. Check its quotes and commas.',
    ],
  ])('is what push names when the server wants an object: %j', async ([text], advice) => {
    const detail = 'event.data does not fit the schema of "order": expected object, received string.';
    const problem = { type: 'urn:steadfeed:problem:data-does-not-fit', title: 'No', status: 422, detail };
    server.misbehaves.push({ kind: 'answers', status: 422, body: JSON.stringify(problem) });
    const script = text === '-' ? pushInput('{"id":1}\n') : push([text ?? '']);

    expect(await script.code).toBe(1);
    expect(script.err()).toContain(`expected object, received string. ${advice}`);
  });

  test.each([['{"id":1}'], ['[1]'], ['{"data":{"id":1}}'], ['{"data":"x"}'], ['-', '{"data":{"id":1}}\n']])(
    'is no advice where the server refuses data that came as JSON: %s',
    async (text, input = '') => {
      const detail = 'event.data.id: expected string, received number';
      const problem = { type: 'urn:steadfeed:problem:data-does-not-fit', title: 'No', status: 422, detail };
      server.misbehaves.push({ kind: 'answers', status: 422, body: JSON.stringify(problem) });
      const script = text === '-' ? pushInput(input) : push([text]);

      expect(await script.code).toBe(1);
      expect(script.err()).toContain(detail);
      expect(script.err()).not.toContain('push sen');
    },
  );
});
