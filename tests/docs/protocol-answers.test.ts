import { describe, expect, test } from 'vitest';
import type { Environment } from '../../lib/config/settings.ts';
import { cell, type Row, tableBelow } from '../support/docs/markdown-table.ts';
import { plain, readProtocol } from '../support/docs/protocol-doc.ts';
import { newEvent } from '../support/log/log-steps.ts';
import { secret } from '../support/server/closed-stand.ts';
import { makeStand, type Stand } from '../support/server/stand.ts';

const doc = readProtocol();

describe('the table of response headers', () => {
  const rows = tableBelow(doc, 'Response headers');
  const always = ['cache-control', 'content-type'];

  type Ask = (stand: Stand) => Promise<Response>;
  const get =
    (path: string, headers: Record<string, string> = {}): Ask =>
    (stand) =>
      stand.ask(path, { headers });
  const post: Ask = (stand) =>
    stand.ask('events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: '{"data":1}',
    });
  const twice =
    (ask: Ask): Ask =>
    async (stand) => {
      await ask(stand);
      return ask(stand);
    };
  const ifKnown: Ask = async (stand) => {
    const etag = (await get('events')(stand)).headers.get('etag') ?? '';
    return get('events', { 'if-none-match': etag })(stand);
  };
  const afterFirst =
    (more: string, headers = {}): Ask =>
    async (stand) => {
      await stand.publish(1);
      const cursor = stand.cursorAtEnd();
      await stand.publish(5);
      return get(`events?after=${cursor}&limit=2${more}`, headers)(stand);
    };
  const atRest: Ask = async (stand) => {
    const hour = 3_600_000;
    // In the first seconds of an hour nobody is to rest.
    await stand.clock.advance(hour - (stand.clock.now() % hour) + 60_000);
    return get('events?after=0-0&rest=30')(stand);
  };
  const withGap: Ask = async (stand) => {
    await stand.publish(10);
    const [first] = stand.memory.kept('feed');
    stand.memory.trim('feed', 2);
    return get(`events?after=${first?.id.time}-1~${first?.epoch}`)(stand);
  };
  const downed =
    (ask: Ask): Ask =>
    (stand) => {
      stand.log.isDown = true;
      return ask(stand);
    };
  const ofEnded =
    (query: string): Ask =>
    async (stand) => {
      await stand.publish(2, 'job.7');
      const [first] = stand.memory.kept('job.7');
      const end = { ...newEvent('job.7', null, 'end'), attributes: { end: true } as const };
      await stand.memory.append({ events: [end], key: null });
      return get(query.replace('FIRST', `${first?.id.time}-1~${first?.epoch}`))(stand);
    };
  const token = { authorization: 'Bearer x' };

  /** Requests whose answers are of each kind. */
  const asks: Readonly<Record<string, readonly Ask[]>> = {
    published: [post],
    'published before': [twice(post)],
    'page at the end of the log': [
      get('events'),
      get('events?rewind=all'),
      get('events?type=a'),
      get('events?latest'),
    ],
    'empty page for a reader at rest': [atRest],
    'page of an ended channel': [
      ofEnded('events?channel=job.7&after=FIRST'),
      ofEnded('events?channel=job.7&after=FIRST&limit=1'),
      ofEnded('events?channel=job.7&rewind=all&limit=1'),
    ],
    'full page after a cursor': [afterFirst('')],
    'any other page': [
      get('events', token),
      get('events?token=x'),
      get('events?channel=a&channel=b'),
      get('events?before=0-0'),
      afterFirst('&type=message'),
      afterFirst('&wait=1'),
      afterFirst('', token),
      withGap,
      async (stand) => {
        await stand.publish(5);
        return get('events?after=0-0&limit=1')(stand);
      },
    ],
    'page that the client has': [ifKnown],
    stream: [get('stream'), (stand) => stand.ask('stream', { method: 'HEAD' })],
    'stream that starts at the end of ended channels': [ofEnded('stream?channel=job.7')],
    'stream with a token': [get('stream', token)],
    'refusal inside a stream': [downed(get('stream?after=0-0', { accept: 'text/event-stream' }))],
    health: [get('health')],
    'health without the log': [downed(get('health'))],
    refusal: [get('events?limit=0'), get('stream?after=7')],
    'refusal for want of a token': [get('events?channel=order.a')],
    'refusal of a method': [(stand) => stand.ask('health', { method: 'PUT' })],
    'refusal until later': [twice((stand) => stand.ask('events', publishAll))],
    options: ['events', 'stream', 'health'].map((path) => (stand) => stand.ask(path, { method: 'OPTIONS' })),
  };
  const publishAll = {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
    body: JSON.stringify(Array.from({ length: 500 }, (_, data) => ({ data }))),
  };
  const envs: Readonly<Record<string, Environment>> = {
    'empty page for a reader at rest': { QUIET_SECONDS: '60' },
    'refusal for want of a token': { READ_TOKEN_SECRET: secret },
    'refusal until later': { PUBLISH_RATE: '1', VERCEL: '1', PUBLISH_TOKEN: 'x' },
  };

  async function rowOf(answer: string, ask: Ask): Promise<Row> {
    const stand = makeStand({ env: envs[answer] ?? {} });
    const asked = ask(stand);
    await stand.clock.advance(1_000);
    const { status, headers } = await asked;
    const common = answer === 'options' ? [] : ['x-content-type-options', 'cross-origin-resource-policy'];
    expect(common.map((name) => headers.get(name))).toEqual(
      common.length === 0 ? [] : ['nosniff', 'same-origin'],
    );
    const code = (text: string | null) => (text === null ? '–' : `\`${text}\``);
    const also = [...headers.keys()].filter((name) => !always.includes(name) && !common.includes(name));
    return {
      answer,
      status: String(status),
      '`content-type`': code(headers.get('content-type')),
      '`cache-control`': code(headers.get('cache-control')),
      also: also.length === 0 ? '–' : also.map((name) => `\`${name}\``).join(', '),
    };
  }

  test('has a row for each kind of answer', () => {
    expect(rows.map((row) => cell(row, 'answer'))).toEqual(Object.keys(asks));
  });

  test.each(rows.map((row) => [cell(row, 'answer'), row] as const))(
    'is right about: %s',
    async (answer, row) => {
      for (const ask of asks[answer] ?? []) expect(await rowOf(answer, ask)).toEqual(row);
    },
  );

  test('of CORS is what a listed origin gets', async () => {
    const origin = 'https://app.example';
    const stand = makeStand({ env: { ALLOWED_ORIGINS: origin } });
    const of = async (method: string, from: string) => {
      const { headers } = await stand.ask('events', { method, headers: { origin: from } });
      return [...headers].filter(([name]) => name.startsWith('access-control-'));
    };
    const written = (answers: readonly string[]) =>
      tableBelow(doc, 'CORS')
        .filter((row) => answers.includes(plain(cell(row, 'answer'))))
        .map((row) => [plain(cell(row, 'header')), plain(cell(row, 'value')).replace('the origin', origin)])
        .sort();
    expect(await of('GET', origin)).toEqual(written(['all']));
    expect(await of('OPTIONS', origin)).toEqual(written(['all', 'OPTIONS']));
    expect(await of('OPTIONS', 'https://other.example')).toEqual([]);
  });
});
