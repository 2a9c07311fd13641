import { describe, expect, test } from 'vitest';
import { range } from '../../support/log/log-steps.ts';
import { makeClosedStand, secret, sign } from '../../support/server/closed-stand.ts';
import { readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import type { Stand } from '../../support/server/stand.ts';

/*
 * A reader that may read `order.a`, and every request that reads `order.b`.
 */

const secretText = 'published in order.b';

type Ask = { readonly path: string; readonly init?: RequestInit };

/** Every way to read `order.b`. `cursor` is a position with events after it, `end` the position after the last event. */
function waysToRead(cursor: string, end: string): Readonly<Record<string, Ask>> {
  const id = end.split('~')[0];
  const at = `order.b@${cursor}`;
  const header = (name: string, value: string) => ({ headers: { [name]: value } });
  return {
    'a stream': { path: 'stream?channel=order.b' },
    'a stream of all': { path: 'stream?channel=order.b&rewind=all' },
    'a stream of the last': { path: 'stream?channel=order.b&rewind=3' },
    'a stream of types': { path: 'stream?channel=order.b&rewind=all&type=note' },
    'a stream after a cursor': { path: `stream?channel=order.b&after=${cursor}` },
    'a stream resumed': { path: 'stream?channel=order.b', init: header('last-event-id', cursor) },
    'a stream resumed by EventSource': {
      path: 'stream?channel=order.b',
      init: { headers: { 'last-event-id': cursor, accept: 'text/event-stream' } },
    },
    'a stream of two, resumed': {
      path: 'stream?channel=order.a&channel=order.b',
      init: header('last-event-id', `order.a@0-0,${at}`),
    },
    'the headers of a stream': { path: 'stream?channel=order.b', init: { method: 'HEAD' } },
    'a poll': { path: `events?channel=order.b&after=${cursor}` },
    'a poll of what is known': { path: `events?channel=order.b&after=${end}` },
    'a long poll': { path: `events?channel=order.b&after=${cursor}&wait=20` },
    'a page of the last': { path: 'events?channel=order.b&rewind=3' },
    'a page by age': { path: 'events?channel=order.b&rewind=10m' },
    'a page of types': { path: 'events?channel=order.b&rewind=all&type=note' },
    'a page of a type that is not there': { path: 'events?channel=order.b&rewind=all&type=none' },
    'a replay’s first page': { path: 'events?channel=order.b&after=0-0&limit=2' },
    'a replay’s next page': { path: `events?channel=order.b&after=${cursor}&limit=2` },
    'a poll at rest': { path: `events?channel=order.b&after=${cursor}&rest=5` },
    'a page of a subject': { path: 'events?channel=order.b&rewind=all&subject=s' },
    'the state': { path: 'events?channel=order.b&latest' },
    'the state of a subject': { path: 'events?channel=order.b&latest&subject=s&limit=1' },
    'the next page of the state': { path: `events?channel=order.b&latest=${id}&after=${end}` },
    'a stream with the state': { path: 'stream?channel=order.b&latest' },
    'a stream of a subject': { path: 'stream?channel=order.b&rewind=all&subject=s' },
    'a stream that can rest': { path: 'stream?channel=order.b&quiet=0&heartbeat=5' },
    history: { path: `events?channel=order.b&before=${id}` },
    'the headers of a page': { path: 'events?channel=order.b&rewind=all', init: { method: 'HEAD' } },
    'whether a page has changed': {
      path: 'events?channel=order.b&rewind=all',
      init: header('if-none-match', '*'),
    },
    'beside one that is allowed': { path: 'events?channel=order.a&channel=order.b&rewind=all' },
    'ahead of one that is allowed': { path: 'events?channel=order.b&channel=order.a&rewind=all' },
    'beside public ones': { path: 'events?channel=feed&channel=public:news&channel=order.b&rewind=all' },
    'asked for twice': { path: 'events?channel=order.b&channel=order.b&rewind=all' },
    'percent-encoded': { path: 'events?channel=%6Frder%2Eb&rewind=all' },
  };
}

/** The ways, with the positions of a stand's log. */
function waysOf(stand: Stand): Readonly<Record<string, Ask>> {
  const end = stand.cursorAtEnd('order.b');
  return waysToRead(end.replace('-5~', '-2~'), end);
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const seconds = (stand: Stand) => Math.floor(stand.clock.now() / 1_000);
const all = { channels: ['order.b', '*'] };

/** Tokens that open nothing, although all but the last two claim every channel. */
const uselessTokens: Readonly<Record<string, (stand: Stand) => string | Promise<string>>> = {
  expired: (stand) => sign(stand, { ...all, exp: seconds(stand) - 31 }),
  'not valid yet': (stand) => sign(stand, { ...all, nbf: seconds(stand) + 31 }),
  'signed with another secret': (stand) => sign(stand, all, `${secret}!`),
  'signed with nothing': (stand) => sign(stand, all, '\0'),
  'signed by HS512': (stand) => sign(stand, all, secret, 'HS512'),
  'not signed': () => `${encode({ alg: 'none' })}.${encode({ ...all, exp: 9_999_999_999 })}.`,
  'changed after it was signed': async (stand) => {
    const [head, , signature] = (await sign(stand, { channels: ['order.a'] })).split('.');
    return [head, encode({ ...all, exp: seconds(stand) + 600 }), signature].join('.');
  },
  'without its signature': async (stand) => (await sign(stand, all)).replace(/[^.]+$/, ''),
  'without an end': (stand) => sign(stand, { ...all, exp: undefined }),
  'with an end that is no number': (stand) => sign(stand, { ...all, exp: 'never' as unknown }),
  'without channels': (stand) => sign(stand, {}),
  'no token': () => 'order.b',
};

const carriers: Readonly<Record<string, (token: string, ask: Ask) => Ask>> = {
  header: (token, ask) => withHeader(ask, 'authorization', `Bearer ${token}`),
  cookie: (token, ask) => withHeader(ask, 'cookie', `feed_token=${token}`),
  query: (token, { path, ...rest }) => ({ ...rest, path: `${path}&token=${token}` }),
};

function withHeader({ path, init = {} }: Ask, name: string, value: string): Ask {
  const headers = new Headers(init.headers);
  headers.set(name, value);
  return { path, init: { ...init, headers } };
}

/** Expects every way to be refused without a read of the log, and without a word of its events. */
async function expectAllRefused(stand: Stand, status: 401 | 403, carry: (ask: Ask) => Ask): Promise<void> {
  for (const [name, way] of Object.entries(waysOf(stand))) {
    const { path, init } = carry(way);
    const response = await stand.ask(path, init);
    const text = await response.clone().text();
    expect([name, response.headers.get('etag'), text]).toEqual([
      name,
      null,
      expect.not.stringMatching(secretText),
    ]);
    await expectRefusal(response, status);
  }
  const { streams, tails } = stand.runtime;
  expect([stand.log.asked(), streams.size, tails.count()]).toEqual([0, 0, 0]);
}

describe('no request reads a private channel', () => {
  test('without a token: 401', async () => {
    await expectAllRefused(await makeClosedStand(), 401, (ask) => ask);
  });

  test.each(
    Object.keys(uselessTokens).flatMap((kind) => Object.keys(carriers).map((by) => [kind, by] as const)),
  )('with a token %s, by %s: 401', async (kind, by) => {
    const stand = await makeClosedStand();
    const token = (await uselessTokens[kind]?.(stand)) ?? '';
    await expectAllRefused(stand, 401, (ask) => carriers[by]?.(token, ask) ?? ask);
  });

  test.each(Object.keys(carriers))('with another channel’s token, by %s: 403', async (by) => {
    const stand = await makeClosedStand();
    const token = await sign(stand, { channels: ['order.a', 'order.b.*', 'order.bb'] });
    await expectAllRefused(stand, 403, (ask) => carriers[by]?.(token, ask) ?? ask);
  });

  test('with a wrong token in the header and the right one in the cookie: the header counts', async () => {
    const stand = await makeClosedStand();
    const token = await sign(stand, all);
    const both = (ask: Ask) =>
      withHeader(withHeader(ask, 'cookie', `feed_token=${token}`), 'authorization', 'Bearer x');
    await expectAllRefused(stand, 401, both);
  });

  test('every way works with the channel’s own token', async () => {
    const stand = await makeClosedStand();
    const token = await sign(stand, { channels: ['order.*'] });
    for (const [name, way] of Object.entries(waysOf(stand))) {
      const { path, init } = withHeader(way, 'authorization', `Bearer ${token}`);
      const { status } = await stand.ask(path, init);
      expect([name, status]).toEqual([name, name === 'whether a page has changed' ? 304 : 200]);
    }
  });
});

describe('with a token for order.a', () => {
  const asked = (stand: Stand, path: string, token: string) =>
    stand.ask(path, { headers: { authorization: `Bearer ${token}` } });

  test.each(['after=order.b@0-0', 'after=order.a@0-0,order.b@0-0', 'rewind=all&channels=order.b'])(
    '%s has events of order.a only',
    async (query) => {
      const stand = await makeClosedStand();
      const token = await sign(stand, { channels: ['order.a'] });
      const page = await (await asked(stand, `events?channel=order.a&${query}`, token)).text();
      const stream = await readStream(await asked(stand, `stream?channel=order.a&${query}`, token));
      for (const text of [page, JSON.stringify(stream.frames)]) expect(text).not.toMatch(/order\.b/);
    },
  );

  test('the entity tag of a page of order.b gets no 304', async () => {
    const stand = await makeClosedStand();
    const path = 'events?channel=order.b&rewind=all';
    const owner = await asked(stand, path, await sign(stand, { channels: ['order.b'] }));
    const tag = owner.headers.get('etag') ?? '';
    for (const channels of [['order.a'], []]) {
      const authorization = `Bearer ${await sign(stand, { channels })}`;
      const answer = await stand.ask(path, { headers: { authorization, 'if-none-match': tag } });
      await expectRefusal(answer, 403);
    }
    await expectRefusal(stand.ask(path, { headers: { 'if-none-match': tag } }), 401);
  });

  test('two streams at the same position of two channels each get their own events, from the log and from memory', async () => {
    const stand = await makeClosedStand();
    const channels = ['order.a', 'order.b', 'order.a', 'order.b'];
    const texts = await Promise.all(
      channels.map(async (channel) => {
        const token = await sign(stand, { channels: [channel] });
        const stream = await readStream(await asked(stand, `stream?channel=${channel}&after=0-0`, token));
        await stand.clock.advance(0);
        return stream.data();
      }),
    );
    expect(texts).toEqual(channels.map((channel) => range(1, 5).map(() => `published in ${channel}`)));
  });
});
