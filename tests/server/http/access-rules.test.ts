import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { canPublish, canRead } from '../../../lib/config/access.ts';
import type { ReadAccess } from '../../../lib/core/access.ts';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { readFirstPage } from '../../../lib/server/http/first-page.ts';
import { settle } from '../../support/server/manual-clock.ts';
import { readStream } from '../../support/server/open-stream.ts';
import { expectRefusal } from '../../support/server/refusal.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

/* The rules of an app with sessions of its own, in place of those in `lib/config/access.ts`. */

vi.mock('../../../lib/config/access.ts', { spy: true });

const key = Symbol.for('steadfeed');
const holder = globalThis as { [key: symbol]: unknown };
let logged: string[] = [];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((...parts) => void logged.push(parts.join(' ')));
});
afterEach(() => {
  vi.mocked(canRead).mockReset();
  vi.mocked(canPublish).mockReset();
  vi.restoreAllMocks();
  delete holder[key];
});

/** A server whose app signs its users in by the cookie `session`. User 7 may read and publish in `order.7.…`. */
function makeAppStand(until?: Date): Stand {
  const userOf = (request: Request) => {
    const user = /session=(\w+)/.exec(request.headers.get('cookie') ?? '')?.[1];
    if (user === undefined) throw new FeedError('unauthorized', 'Sign in to see your orders.');
    return user;
  };
  const owns = (user: string, channels: readonly string[]) =>
    channels.every((channel) => channel.startsWith(`order.${user}.`));
  vi.mocked(canRead).mockImplementation(async (request, channels) => {
    const isAllowed = owns(userOf(request), channels);
    return isAllowed && until !== undefined ? { until } : isAllowed;
  });
  vi.mocked(canPublish).mockImplementation(async (request, channels) => {
    const user = userOf(request);
    return owns(user, await channels());
  });
  const stand = makeStand();
  holder[key] = stand.runtime;
  return stand;
}

/** A server whose app decides about readers like this. */
function standThat(decide: () => Promise<unknown>): Stand {
  vi.mocked(canRead).mockImplementation(decide as typeof canRead);
  const stand = makeStand();
  holder[key] = stand.runtime;
  return stand;
}

const signedIn = (user: number): RequestInit => ({ headers: { cookie: `theme=dark; session=${user}` } });
const post = (channel: string, init: RequestInit = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify({ channel, data: 1 }),
  ...init,
  headers: { 'content-type': 'application/json', ...init.headers },
});

/** Every way to read `channel`. */
const reads = (channel: string): [path: string, method: string][] => [
  [`events?channel=${channel}`, 'GET'],
  [`events?channel=${channel}`, 'HEAD'],
  [`events?channel=${channel}&before=9-9`, 'GET'],
  [`events?channel=${channel}&after=0-0&wait=1`, 'GET'],
  [`stream?channel=${channel}`, 'GET'],
  [`stream?channel=${channel}`, 'HEAD'],
];

describe('an app that knows its users by a cookie', () => {
  test('lets each read their own channels in every way, and no cache may keep the answer', async () => {
    const stand = makeAppStand();
    await stand.publish(1, 'order.7.new');
    for (const [path, method] of reads('order.7.new')) {
      const response = await stand.ask(path, { ...signedIn(7), method });
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('cache-control')).toMatch(/^private, no-store/);
    }
    const first = await readFirstPage(new Headers({ cookie: 'session=7' }), { channels: ['order.7.new'] });
    expect(first).toMatchObject({ initial: expect.stringContaining('"channel":"order.7.new"') });
  });

  test('refuses the channels of others and strangers in every way, before the log is asked', async () => {
    const stand = makeAppStand();
    for (const [path, method] of reads('order.7.new')) {
      const stranger = await stand.ask(path, { method });
      const other = await stand.ask(path, { ...signedIn(70), method });
      expect([path, stranger.status, other.status]).toEqual([path, 401, 403]);
    }
    expect(await expectRefusal(stand.ask('stream?channel=order.7.new'), 401)).toBe(
      'Sign in to see your orders.',
    );
    const asked = stand.ask('events?channel=order.7.a&channel=order.8.a', signedIn(7));
    expect(await expectRefusal(asked, 403)).toBe(
      'You may not read all of the channels "order.7.a", "order.8.a".',
    );
    expect(await readFirstPage(new Headers(), { channels: ['order.7.new'] })).toEqual({
      kind: 'problem',
      detail: 'Sign in to see your orders.',
      retryAfterSeconds: null,
    });
    expect(stand.log.asked()).toBe(0);
    expect(stand.runtime.tails.count()).toBe(0);
  });

  test('lets each publish in their own channels only, and nothing of a refused request is stored', async () => {
    const stand = makeAppStand();
    expect((await stand.ask('events', post('order.7.new', signedIn(7)))).status).toBe(201);
    expect(await expectRefusal(stand.ask('events', post('order.7.new', signedIn(70))), 403)).toBe(
      'You may not publish here.',
    );
    await expectRefusal(stand.ask('events', post('order.7.new')), 401);
    expect(stand.memory.kept('order.7.new')).toHaveLength(1);
  });

  test('gets a refusal of the body as it is, when it asks for the channels', async () => {
    const stand = makeAppStand();
    await expectRefusal(stand.ask('events', { ...post('a', signedIn(7)), body: '{"data":' }), 400);
    await expectRefusal(stand.ask('events', { ...post('a', signedIn(7)), body: 'x'.repeat(1_100_000) }), 413);
    expect(logged).toEqual([]);
  });

  test('gets the request without its body, which the server reads only if it is asked to', async () => {
    const stand = makeAppStand();
    const pull = vi.fn();
    const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    const init = { ...post('a'), body, duplex: 'half' };
    await expectRefusal(stand.ask('events', init), 401);
    expect(pull).not.toHaveBeenCalled();
    expect(vi.mocked(canPublish).mock.lastCall?.[0].body).toBeNull();
  });
});

describe('what an app decides about caches', () => {
  test.each<[ReadAccess, string, string]>([
    ['everyone', 'public, max-age=0, s-maxage=1', 'no-cache, no-transform'],
    [true, 'private, no-store', 'private, no-store, no-transform'],
    [{ until: new Date(9e12) }, 'private, no-store', 'private, no-store, no-transform'],
  ])('%j holds also for a channel that is public by its name', async (access, page, stream) => {
    const stand = standThat(async () => access);
    expect((await stand.ask('events')).headers.get('cache-control')).toBe(page);
    expect((await stand.ask('stream')).headers.get('cache-control')).toBe(stream);
  });
});

describe('access that ends', () => {
  test('ends the stream, and what the reader may read is asked again', async () => {
    const clock = makeStand().clock;
    const stand = makeAppStand(new Date(clock.now() + 60_000));
    const stream = await readStream(await stand.ask('stream?channel=order.7.new', signedIn(7)));
    await stand.clock.advance(59_000);
    expect(stream.of('handover')).toEqual([]);
    await stand.clock.advance(1_000);
    expect(stream.of('handover')[0]?.data).toMatchObject({ reason: 'token' });
    expect(await expectRefusal(stand.ask('stream?channel=order.7.new', signedIn(7)), 401)).toBe(
      'Your access has ended. Sign in again.',
    );
    await stand.clock.advance(6_000);
    expect(stream.isOver()).toBe(true);
  });

  test('ends a poll that is held', async () => {
    const clock = makeStand().clock;
    const stand = makeAppStand(new Date(clock.now() + 10_000));
    let status = 0;
    void stand.ask('events?channel=order.7.new&wait=20', signedIn(7)).then((response) => {
      status = response.status;
    });
    await stand.clock.advance(9_000);
    expect(status).toBe(0);
    await stand.clock.advance(1_000);
    expect(status).toBe(200);
  });
});

describe('an app whose rule fails', () => {
  const secretText = 'SELECT * FROM sessions: password authentication failed';
  const detail = 'The server could not check whether you may do this. It has logged why. Try again later.';

  test.each<[string, () => Promise<unknown>, string]>([
    ['throws', () => Promise.reject(new Error(secretText)), secretText],
    [
      'throws before it returns a promise',
      () => {
        throw new Error(secretText);
      },
      secretText,
    ],
    ['returns nothing', async () => undefined, 'canRead has returned undefined'],
    ['returns null', async () => null, 'canRead has returned object'],
    ['returns the time as a text', async () => ({ until: '2030-01-01' }), 'canRead has returned object'],
    ['returns an invalid date', async () => ({ until: new Date('soon') }), 'canRead has returned object'],
  ])('because it %s, refuses every way to read with 503, and the server logs why', async (_, decide, why) => {
    const stand = standThat(decide);
    for (const [path, method] of reads('feed')) {
      const response = await stand.ask(path, { method });
      expect([path, response.status]).toEqual([path, 503]);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(5);
    }
    expect(await expectRefusal(stand.ask('events'), 503)).toBe(detail);
    expect(await readFirstPage(new Headers())).toMatchObject({
      kind: 'problem',
      detail,
      retryAfterSeconds: expect.any(Number),
    });
    expect(logged).toHaveLength(reads('feed').length + 2);
    for (const line of logged) {
      expect(line).toContain('canRead in lib/config/access.ts failed. The request is refused.');
      expect(line).toContain(why);
    }
    expect(stand.log.asked()).toBe(0);
  });

  test.each<() => Promise<unknown>>([
    () => Promise.reject(new Error(secretText)),
    async () => undefined,
    async () => 1,
  ])('lets nobody publish', async (decide) => {
    vi.mocked(canPublish).mockImplementation(decide as typeof canPublish);
    const stand = makeStand();
    expect(await expectRefusal(stand.ask('events', post('feed')), 503)).toBe(detail);
    expect(stand.memory.kept('feed')).toEqual([]);
    expect(logged.join()).toContain('canPublish in lib/config/access.ts failed.');
  });

  test('ends a native EventSource’s wait inside a stream, because any other status would end it for ever', async () => {
    const stand = standThat(() => Promise.reject(new Error(secretText)));
    const stream = await readStream(await stand.ask('stream', { headers: { accept: 'text/event-stream' } }));
    expect(stream.of('refused')[0]?.data).toMatchObject({ status: 503 });
    expect(JSON.stringify(stream.frames)).not.toContain('SELECT');
  });
});

describe('an app whose rule hangs', () => {
  test.each(reads('feed'))('refuses %s (%s) after 5 s', async (path, method) => {
    const stand = standThat(() => new Promise(() => undefined));
    const answers: number[] = [];
    void stand.ask(path, { method }).then(({ status }) => answers.push(status));
    await stand.clock.advance(4_900);
    expect(answers).toEqual([]);
    await stand.clock.advance(100);
    expect(answers).toEqual([503]);
    expect(logged.join()).toContain('canRead has not answered within 5 s');
    expect([stand.clock.pending(), stand.runtime.streams.size]).toEqual([0, 0]);
  });

  test('refuses a publisher and a page too; what it says later changes nothing', async () => {
    const late = Promise.withResolvers<boolean>();
    vi.mocked(canPublish).mockReturnValue(late.promise);
    const stand = standThat(() => late.promise);
    const published = stand.ask('events', post('feed'));
    const first = readFirstPage(new Headers());
    await stand.clock.advance(5_000);
    late.reject(new Error('too late'));
    await settle();
    await expectRefusal(published, 503);
    expect(await first).toMatchObject({ kind: 'problem' });
    expect(stand.memory.kept('feed')).toEqual([]);
  });

  test('is not blamed for a publisher whose body comes slowly', async () => {
    vi.mocked(canPublish).mockImplementation(async (_request, channels) => (await channels()).length === 1);
    const stand = makeStand();
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        stand.clock.after(20_000, () => {
          controller.enqueue(new TextEncoder().encode('{"data":1}'));
          controller.close();
        });
      },
    });
    const published = stand.ask('events', { ...post('feed'), body, duplex: 'half' } as RequestInit);
    await stand.clock.advance(20_000);
    expect((await published).status).toBe(201);
    expect(stand.clock.pending()).toBe(0);
  });
});

test('the time that an app takes to decide counts for the deadline of the stream', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const quick = standThat(async () => true);
  const slow = standThat(() => promise);
  const asked = slow.ask('stream');
  await slow.clock.advance(4_000);
  resolve(true);
  vi.mocked(canRead).mockResolvedValue(true);
  const deadlineOf = async (answer: Promise<Response>) =>
    Number((await readStream(await answer)).of('hello')[0]?.data.deadlineMs);
  expect(await deadlineOf(asked)).toBe((await deadlineOf(quick.ask('stream'))) - 4_000);
});
