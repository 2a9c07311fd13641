import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { within } from '../../support/node/eventually.ts';
import { range } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { secrets } from '../../support/node/secrets.ts';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

const token = `authorization: Bearer ${secrets.publishToken}`;
const json = 'content-type: application/json';

function post(
  body: BodyInit,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
) {
  const authorization = `Bearer ${secrets.publishToken}`;
  return ask(app, '/api/events', { method: 'POST', headers: { authorization, ...headers }, body });
}

/** Sends text on a raw socket. @returns the status and the body of the answer. */
async function answerTo(
  text: string,
  body: string | Uint8Array = '',
): Promise<{ status: number; body: string }> {
  using raw = await openRawSocket(app.port, text);
  raw.socket.write(body);
  await raw.until('\r\n\r\n');
  await raw.until('}');
  const [head = '', ...rest] = raw.received().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: rest.join('\r\n\r\n') };
}

describe.concurrent('a publish request that is too large', () => {
  const twoMebibytes = Buffer.alloc(2 * 1_024 * 1_024, 'x');

  test('is 413 if it has a Content-Length, with or without a body', async () => {
    const head = requestText('POST', '/api/events', [token, json, `content-length: ${twoMebibytes.length}`]);
    for (const body of ['', twoMebibytes]) {
      const answer = await answerTo(head, body);
      expect(answer.status).toBe(413);
      expect(answer.body).toContain('urn:steadfeed:problem:too-large');
    }
  });

  test('is 413 without a Content-Length', async () => {
    const head = requestText('POST', '/api/events', [token, json, 'transfer-encoding: chunked']);
    const chunk = Buffer.concat([Buffer.from('200000\r\n'), twoMebibytes, Buffer.from('\r\n0\r\n\r\n')]);
    const answer = await answerTo(head, chunk);
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('urn:steadfeed:problem:too-large');
  });

  test('is 413 also for a client that sends everything before it reads', async () => {
    const answer = await post(new Blob([twoMebibytes]));
    expect(answer.status).toBe(413);
    expect(readProblem(answer).detail).toContain('1048576');
  });

  test('is 413 with 501 events, and with one event over 64 KiB', async () => {
    const many = JSON.stringify(range(1, 501).map((data) => ({ data })));
    for (const body of [many, JSON.stringify({ data: 'x'.repeat(66_000) })]) {
      const answer = await post(body);
      expect(answer.status).toBe(413);
      expect(readProblem(answer)).toMatchObject({ status: 413 });
    }
  });
});

describe('a refusal reaches a Python script that sends a large body before it reads, each time:', () => {
  const script = fileURLToPath(new URL('../../support/node/python-publisher.py', import.meta.url));

  test.each([
    ['413', 'the body is too large', 1_300_000, `Bearer ${secrets.publishToken}`],
    ['401', 'the token is wrong', 900_000, 'Bearer wrong-token'],
  ])('%s, %s', async (status, _why, bytes, authorization) => {
    const options = [script, `${app.url}/api/events`, authorization, String(bytes), '20'];
    const { stdout } = await promisify(execFile)('python3', options, { timeout: 60_000 });

    expect(stdout.trim().split('\n')).toEqual(range(1, 20).map(() => status));
  });
});

describe.concurrent('a publish request', () => {
  test('with another content type is 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await post('{"data":1}', { 'content-type': type });
      expect(answer.status).toBe(415);
      expect(readProblem(answer).detail).toContain('application/x-ndjson');
    }
  });

  test('that is malformed is 400', async () => {
    // Too deep for JSON.stringify.
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '{"data":1',
      '{}',
      '{"data":1e999}',
      '{"data":1,"id":"1-1"}',
      `{"data":${deep}}`,
    ];
    for (const body of bodies) {
      const answer = await post(body);
      expect([body.slice(0, 40), answer.status]).toEqual([body.slice(0, 40), 400]);
      readProblem(answer);
    }
  });

  test('with a chunked body is accepted', async () => {
    const head = requestText('POST', '/api/events', [token, json, 'transfer-encoding: chunked']);
    const answer = await answerTo(head, '8\r\n{"channe\r\nd\r\nl":"chunked",\r\n9\r\n"data":1}\r\n0\r\n\r\n');
    expect(answer.status).toBe(201);
    expect(answer.body).toContain('"channel":"chunked"');
  });

  test('that waits for 100 Continue is accepted', async () => {
    const head = [token, json, 'content-length: 10', 'expect: 100-continue'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    await raw.until('100 Continue');
    raw.socket.write('{"data":1}');
    await raw.until('201 Created');
  });

  test('with an incomplete body stores nothing', async () => {
    const head = [token, json, 'content-length: 1000'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    raw.socket.write('{"channel":"broken-off","data":1}');
    raw.socket.end();
    await within('the connection is closed', 30_000, raw.closed);
    expect(JSON.parse((await ask(app, '/api/events?channel=broken-off&rewind=all')).text).events).toEqual([]);
  });

  test('with malformed chunks stores nothing', async () => {
    const head = [token, json, 'transfer-encoding: chunked'];
    using raw = await openRawSocket(app.port, requestText('POST', '/api/events', head));
    raw.socket.write('21\r\n{"channel":"malformed","data":1}\r\nzz\r\n');
    await within('the connection is closed', 30_000, raw.closed);
    expect(JSON.parse((await ask(app, '/api/events?channel=malformed&rewind=all')).text).events).toEqual([]);
  });
});
