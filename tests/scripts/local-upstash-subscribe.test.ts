import { Redis as UpstashRedis } from '@upstash/redis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { noFaults } from '../../scripts/local-upstash/faults.ts';
import { type LocalUpstash, startLocalUpstash } from '../../scripts/local-upstash/local-upstash.ts';
import { type RedisServer, startRedisServer } from '../../scripts/local-upstash/redis-server.ts';

const token = 'the-token';
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 5 });

describe('subscriptions of the local REST endpoint', () => {
  let server: RedisServer;
  let upstash: LocalUpstash;
  let sdk: UpstashRedis;
  let abort = new AbortController();

  beforeAll(async () => {
    server = await startRedisServer();
    upstash = await startLocalUpstash({ redisPort: server.port, token });
    sdk = new UpstashRedis({ url: upstash.url, token, enableTelemetry: false });
  });
  afterEach(async () => {
    abort.abort();
    abort = new AbortController();
    Object.assign(upstash.faults, noFaults());
    upstash.releaseAnnouncements();
    await until(() => expect(upstash.counts.subscriptions).toBe(0));
    upstash.resetCounts();
  });
  afterAll(async () => {
    await upstash.close();
    await server.stop();
  });

  /** Subscribes as curl would. @returns the response, its text so far, and whether it has ended. */
  const subscribe = async (path: string) => {
    const response = await fetch(upstash.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal: abort.signal,
    });
    const subscription = { response, text: '', isOver: false };
    const read = async () => {
      for await (const chunk of response.body ?? []) subscription.text += Buffer.from(chunk).toString('utf8');
    };
    const end = () => {
      subscription.isOver = true;
    };
    read().then(end, end);
    return subscription;
  };
  const acknowledged = async (path: string) => {
    const subscription = await subscribe(path);
    await until(() => expect(subscription.text).toMatch(/^data: p?subscribe,/));
    return subscription;
  };

  test('a subscription gets an acknowledgement, then one line for each message', async () => {
    const subscription = await acknowledged('/subscribe/chat');

    expect(await sdk.publish('chat', 'hello')).toBe(1);
    await sdk.publish('chat', 'a, b: "ü"');
    await sdk.publish('other', 'x');
    await sdk.publish('chat', 'end');

    await until(() => expect(subscription.text).toContain('end'));
    expect(subscription.response.headers.get('content-type')).toBe('text/event-stream');
    expect(subscription.text).toBe(
      'data: subscribe,chat,1\n\ndata: message,chat,hello\n\ndata: message,chat,a, b: "ü"\n\ndata: message,chat,end\n\n',
    );
  });

  test('a subscription can be to a pattern, or to several channels', async () => {
    const pattern = await acknowledged('/psubscribe/ch*');
    const both = await acknowledged('/subscribe/chat/a%3Ab');
    await until(() => expect(both.text).toContain('a:b,2'));

    await sdk.publish('chat', 'one');
    await sdk.publish('a:b', 'two');

    await until(() => expect(both.text).toContain('data: message,chat,one\n\ndata: message,a:b,two\n\n'));
    expect(pattern.text).toContain('data: pmessage,ch*,chat,one\n\n');
  });

  test("the SDK's own subscriber gets the messages", async () => {
    const received: unknown[] = [];
    const subscriber = sdk.subscribe<{ a: number }>(['chat']);
    subscriber.on('message', (event) => received.push(event));
    await until(() => expect(upstash.counts.subscriptions).toBe(1));
    await until(async () => expect(await sdk.publish('chat', { a: 1 })).toBe(1));

    await until(() => expect(received).toContainEqual({ channel: 'chat', message: { a: 1 } }));
    // The SDK 1.39 cannot end a subscription: its signal never reaches `fetch`. So the server cuts it, and the SDK
    // prints that.
    vi.spyOn(console, 'error').mockReturnValue();
    upstash.cutSubscriptions();
    await until(() => expect(console.error).toHaveBeenCalled());
    vi.restoreAllMocks();
  });

  test('a request that does not accept an event stream, or has no token, is refused', async () => {
    const plain = await fetch(`${upstash.url}/subscribe/chat?_token=${token}`);
    const foreign = await fetch(`${upstash.url}/subscribe/chat`, {
      headers: { accept: 'text/event-stream' },
    });

    expect([plain.status, foreign.status]).toEqual([400, 401]);
  });

  test('a subscription counts as one command', async () => {
    await acknowledged('/subscribe/chat');

    expect(upstash.counts).toMatchObject({ requests: 1, commands: 1, subscriptions: 1 });
  });

  test('open subscriptions can be cut, and new ones work', async () => {
    const subscription = await acknowledged('/subscribe/chat');

    upstash.cutSubscriptions();

    await until(() => expect(subscription.isOver).toBe(true));
    await acknowledged('/subscribe/chat');
  });

  test('silent subscriptions send nothing and stay open', async () => {
    const subscription = await acknowledged('/subscribe/chat');
    upstash.faults.isSilent = true;
    const unanswered = await subscribe('/subscribe/chat');
    await until(async () => expect(await sdk.exec(['PUBSUB', 'NUMSUB', 'chat'])).toEqual(['chat', 2]));
    await sdk.publish('chat', 'not sent on');
    await until(() => expect(upstash.counts.announcements).toBe(2));
    upstash.faults.isSilent = false;
    await sdk.publish('chat', 'sent on');

    await until(() =>
      expect(subscription.text).toBe('data: subscribe,chat,1\n\ndata: message,chat,sent on\n\n'),
    );
    expect([subscription.isOver, unanswered.isOver]).toEqual([false, false]);
  });

  test('announcements can be lost, sent twice, and held back in order', async () => {
    const subscription = await acknowledged('/subscribe/chat');
    const publish = async (text: string) => {
      const { announcements } = upstash.counts;
      await sdk.publish('chat', text);
      await until(() => expect(upstash.counts.announcements).toBe(announcements + 1));
    };
    upstash.faults.loseAnnouncementShare = 1;
    await publish('lost');
    upstash.faults.loseAnnouncementShare = 0;
    upstash.faults.isHoldingAnnouncements = true;
    await publish('held');
    upstash.faults.repeatAnnouncementShare = 1;
    await publish('twice');
    expect(subscription.text).toBe('data: subscribe,chat,1\n\n');

    upstash.releaseAnnouncements();

    const released = ['held', 'twice', 'twice'].map((text) => `data: message,chat,${text}\n\n`).join('');
    await until(() => expect(subscription.text).toBe(`data: subscribe,chat,1\n\n${released}`));
  });

  test('announcements can overtake each other', async () => {
    const subscription = await acknowledged('/subscribe/chat');
    upstash.faults.announcementJitterMs = 400;
    for (const [text, share] of [
      ['first', 1],
      ['second', 0],
    ] as const) {
      // Two draws for the call, two for a lost or repeated announcement, then one for its delay.
      const draws = [1, 1, 1, 1, share];
      upstash.faults.random = () => draws.shift() ?? 1;
      await sdk.publish('chat', text);
      await until(() => expect(draws).toEqual([]));
    }

    await until(() => expect(subscription.text).toMatch(/second[\s\S]+first/));
  });
});
