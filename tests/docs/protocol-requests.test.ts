import { describe, expect, test, vi } from 'vitest';
import { parsePageQuery, parseStreamQuery } from '../../lib/server/http/read-query.ts';
import { cell, codeIn, pairs, tableBelow } from '../support/docs/markdown-table.ts';
import { isAccepted, plain, readProtocol } from '../support/docs/protocol-doc.ts';
import { refusalExamples } from '../support/docs/refusal-examples.ts';
import { secret, sign } from '../support/server/closed-stand.ts';
import { makeStand } from '../support/server/stand.ts';

vi.mock('../../lib/config/access.ts', { spy: true });

const doc = readProtocol();

describe('the table of query parameters', () => {
  const rows = tableBelow(doc, 'Query parameters');
  const documented = (route: string) =>
    rows
      .filter((row) => cell(row, route) === 'yes')
      .map((row) => plain(cell(row, 'parameter')))
      .sort();

  /** The parameters that are looked for while `run` reads a query. */
  function readBy(run: (params: URLSearchParams) => unknown): string[] {
    const read = new Set<string>();
    const params = new URLSearchParams();
    const { getAll } = params;
    params.getAll = (name) => {
      read.add(name);
      return getAll.call(params, name);
    };
    run(params);
    return [...read];
  }

  test('names the parameters that each route reads, and no other', () => {
    const ofStream = readBy((params) => parseStreamQuery(params, null));
    const ofPage = readBy((params) => parsePageQuery(params));
    // Read from the address, by both (`tokenOf`).
    expect(documented('`/api/stream`')).toEqual([...ofStream, 'token'].sort());
    expect(documented('`/api/events`')).toEqual([...ofPage, 'token'].sort());
  });

  test('is right that a token is one of them', async () => {
    const stand = makeStand({ env: { READ_TOKEN_SECRET: secret } });
    const token = await sign(stand, { channels: ['*'] });
    for (const route of ['events', 'stream']) {
      expect((await stand.ask(`${route}?channel=a&token=${token}`)).status).toBe(200);
    }
  });

  test('gives the defaults', () => {
    const query = Object.fromEntries(
      rows.flatMap((row) =>
        codeIn(cell(row, 'default')).map((value) => [plain(cell(row, 'parameter')), value]),
      ),
    );
    expect(Object.keys(query)).toEqual(['channel', 'limit', 'wait']);
    expect(parsePageQuery(new URLSearchParams(query))).toEqual(parsePageQuery(new URLSearchParams()));
  });

  test('is followed by the parameters that are ignored; any other is refused', () => {
    const isTaken = (name: string) => isAccepted(() => parsePageQuery(new URLSearchParams({ [name]: 'x' })));
    const rows = tableBelow(doc, 'Ignored parameters');
    const names = rows.flatMap((row) => codeIn(cell(row, 'ignored'))).map((name) => name.replace('…', 'any'));
    expect(names.length).toBeGreaterThan(15);
    for (const name of [...names, '_any', '1764460800000']) expect(isTaken(name), name).toBe(true);
    for (const name of ['since', 'tt', 'any_', 'vercel', '12a']) expect(isTaken(name), name).toBe(false);
  });

  test('gives forms of rewind that are taken', () => {
    const rewind = rows.find((row) => cell(row, 'parameter') === '`rewind`') ?? {};
    for (const value of codeIn(cell(rewind, 'value'))) {
      expect(
        isAccepted(() => parseStreamQuery(new URLSearchParams({ rewind: value }), null)),
        value,
      ).toBe(true);
    }
  });
});

describe('the table of request headers', () => {
  test('names the headers that the routes read, and no other', async () => {
    const read = new Set<string>();
    const { get } = Headers.prototype;
    const spy = vi.spyOn(Headers.prototype, 'get').mockImplementation(function (this: Headers, name) {
      read.add(name.toLowerCase());
      return get.call(this, name);
    });
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"data":1}' };
    for (const env of [{}, { PUBLISH_TOKEN: 't' }, { VERCEL: '1', STREAM_MAX_PER_ADDRESS: '1' }]) {
      const stand = makeStand({ env: { ...env, ALLOWED_ORIGINS: 'https://app.example' } });
      await stand.ask('events', post);
      for (const path of ['events', 'stream', 'health']) await stand.ask(path);
    }
    await makeStand({ env: { READ_TOKEN_SECRET: secret } }).ask('events?channel=a');
    // An example of each refusal besides, some of which read more.
    for (const { ask } of refusalExamples) await ask();
    spy.mockRestore();
    const written = pairs(tableBelow(doc, 'Request headers'), 'header', 'meaning').keys();
    expect([...written].map((name) => plain(name).toLowerCase()).sort()).toEqual([...read].sort());
  });
});
