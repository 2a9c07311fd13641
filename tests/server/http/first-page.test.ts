import { SignJWT } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { createFeed } from '../../../lib/client/feed.ts';
import type { Environment } from '../../../lib/config/settings.ts';
import type { FeedPage } from '../../../lib/core/event.ts';
import { readFirstLatest, readFirstPage } from '../../../lib/server/http/first-page.ts';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const secret = 'a-secret-of-thirty-two-characters';
const holder = globalThis as { [key: symbol]: unknown };
const key = Symbol.for('steadfeed');

/** Installs a stand's runtime as the one of the process, as a page sees it. */
function makeProcess(env: Environment = {}): Stand {
  const stand = makeStand({ env });
  holder[key] = stand.runtime;
  return stand;
}

/** The first page, parsed. */
function startOf(first: Awaited<ReturnType<typeof readFirstPage>>): FeedPage {
  if (first.kind !== 'page') throw new Error(first.detail);
  return JSON.parse(first.initial);
}

afterEach(() => {
  delete holder[key];
});

test('the first page has the newest events, and a stream continues from its cursor', async () => {
  const stand = makeProcess();
  await stand.publish(10);
  const first = await readFirstPage(new Headers(), { count: 3 });
  const { events, cursor, gaps } = startOf(first);
  await stand.publish(2);

  const stream = await openStream(stand, `after=${cursor}`);

  expect(events.map(({ data }) => data)).toEqual([8, 9, 10]);
  expect([gaps, stream.of('gap'), stream.data()]).toEqual([[], [], [1, 2]]);
});

test('the first page has the newest events of each of its channels, and only its types', async () => {
  const stand = makeProcess();
  await stand.publish(4);
  await stand.publish(6, 'orders');
  const read = async (types: readonly string[]) => {
    const first = await readFirstPage(new Headers(), {
      channels: ['feed', 'orders', 'feed'],
      types,
      count: 3,
    });
    return startOf(first).events.map(({ channel, data }) => `${channel} ${data}`);
  };

  expect(await read([])).toEqual(['feed 2', 'feed 3', 'feed 4', 'orders 4', 'orders 5', 'orders 6']);
  expect(await read(['another'])).toEqual([]);
});

test('the first page is what `initial` of a feed takes, with each value as it was published', async () => {
  const stand = makeProcess();
  const data = `{"__proto__":1,"deep":${'['.repeat(500)}${']'.repeat(500)}}`;
  await stand.memory.append({ events: [{ channel: 'feed', type: 'odd', data }], key: null });
  const first = await readFirstPage(new Headers());
  if (first.kind !== 'page') throw new Error(first.detail);

  const feed = createFeed({ initial: first.initial }, null).getSnapshot();

  expect(feed.cursor).toBe(startOf(first).cursor);
  expect(feed.events).toHaveLength(1);
  expect(JSON.stringify(feed.events[0]?.data)).toBe(data);
});

test('the first page of an empty log starts at 0-0', async () => {
  makeProcess();

  const first = await readFirstPage(new Headers());

  expect(startOf(first)).toMatchObject({ events: [], cursor: '0-0', gaps: [], more: false });
});

test('the first page says so if the log cannot be reached', async () => {
  makeProcess().log.isDown = true;

  expect(await readFirstPage(new Headers())).toMatchObject({
    kind: 'problem',
    detail: expect.any(String),
  });
});

describe('the first page of a log that fails', () => {
  test('says when the page may work: 2 to 4 s later, or from the time that the log has named', async () => {
    const stand = makeProcess();
    stand.log.isDown = true;
    const retryOf = async () => {
      const first = await readFirstPage(new Headers());
      return first.kind === 'problem' ? first.retryAfterSeconds : null;
    };

    expect(await retryOf()).toBeOneOf([2, 3, 4]);
    stand.log.retryAfterSeconds = 60;
    expect(await retryOf()).toBeGreaterThanOrEqual(60);
  });
});

describe('the first page of a private channel', () => {
  /** The first page of `room` for a reader whose token, valid for this many seconds, is in this header. */
  async function pageFor(channels: readonly string[], seconds: number, send: (token: string) => HeadersInit) {
    const stand = makeProcess({ READ_TOKEN_SECRET: secret });
    await stand.publish(3, 'room');
    const token = await new SignJWT({ channels, exp: Math.floor(stand.clock.now() / 1_000) + seconds })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret));
    return { first: await readFirstPage(new Headers(send(token)), { channels: ['room'] }), stand };
  }

  const byCookie = (token: string) => ({ cookie: `a=b; feed_token=${token}` });

  test('has its events for a reader with a valid token', async () => {
    const { first } = await pageFor(['room'], 60, byCookie);

    expect(startOf(first).events).toHaveLength(3);
  });

  test.each([
    ['without a token', ['room'], 60, () => ({})],
    ['with a token that has expired', ['room'], -31, byCookie],
    ['with another channel’s token', ['rooms', 'roo'], 60, byCookie],
    ['with a token in another cookie', ['room'], 60, (token: string) => ({ cookie: `token=${token}` })],
  ] as const)('has only a problem %s, and the log is not asked', async (_, channels, seconds, send) => {
    const { first, stand } = await pageFor(channels, seconds, send);

    expect(first).toEqual({ kind: 'problem', detail: expect.any(String), retryAfterSeconds: null });
    expect(stand.log.asked()).toBe(0);
  });
});

describe('the first state of a page', () => {
  test('is the first page of the state, and the browser goes on from it', async () => {
    const stand = makeProcess();
    const events = range(1, 500).map((n) => ({ ...newEvent('hosts', n), attributes: { subject: `s${n}` } }));
    await stand.memory.append({ events, key: null });
    await stand.memory.append({
      events: [{ ...newEvent('hosts', 0), attributes: { subject: 'more' } }],
      key: null,
    });

    const page = startOf(await readFirstLatest(new Headers(), { channel: 'hosts' }));

    expect(page.events).toHaveLength(500);
    expect(page).toMatchObject({
      more: true,
      next: page.events.at(-1)?.id,
      cursor: stand.cursorAtEnd('hosts'),
    });
    const few = startOf(await readFirstLatest(new Headers(), { channel: 'hosts', subjects: ['s7', 'more'] }));
    expect(few.events.map(({ subject }) => subject)).toEqual(['s7']);
  });

  test('needs a token for a private channel', async () => {
    makeProcess({ READ_TOKEN_SECRET: secret });

    expect(await readFirstLatest(new Headers(), { channel: 'order.a' })).toMatchObject({ kind: 'problem' });
  });
});
