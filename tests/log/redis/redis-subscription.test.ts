import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FollowSignal } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, seqs } from '../../support/log/log-steps.ts';
import { secretToken, useRedisStack } from '../../support/log/redis-stack.ts';

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 5 });

describe('follow over Redis', () => {
  const stack = useRedisStack();

  /** Follows `feed`; returns its signals so far. */
  const follow = (log: ReturnType<ReturnType<typeof stack>['open']>) => {
    const signals: FollowSignal[] = [];
    const abort = new AbortController();
    log.follow('feed', (signal) => signals.push(signal), abort.signal);
    return { signals, abort, kinds: () => signals.map((signal) => signal.kind) };
  };

  test('a subscription is one command, whatever it reports', async () => {
    const log = stack().open();
    const listener = await listen(log, 'feed');
    await appendTo(log, 'feed', 1);
    await listener.receives(1);

    expect(Object.fromEntries(stack().upstash.counts.byName)).toEqual({ SUBSCRIBE: 1, EVAL: 1 });
  });

  test('an abort closes the connection', async () => {
    const listener = await listen(stack().open(), 'feed');
    expect(stack().upstash.counts.subscriptions).toBe(1);

    listener.stop();

    await until(() => expect(stack().upstash.counts.subscriptions).toBe(0));
    expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected']);
  });

  test('a closed log ends its subscriptions without a signal', async () => {
    const log = stack().open();
    const listener = await listen(log, 'feed');

    log.close();

    await until(() => expect(stack().upstash.counts.subscriptions).toBe(0));
    expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected']);
  });

  test('a subscription that is not acknowledged in time is lost, and its connection closed', async () => {
    stack().upstash.faults.isSilent = true;
    const { signals, kinds } = follow(stack().open({ timeoutMs: 100 }));

    await until(() => expect(kinds()).toEqual(['lost']));

    expect(signals).toMatchObject([{ cause: { code: 'log-unavailable' } }]);
    await until(() => expect(stack().upstash.counts.subscriptions).toBe(0));
  });

  test('once acknowledged, silence is not a loss', async () => {
    const listener = await listen(stack().open({ timeoutMs: 1_000 }), 'feed');

    await new Promise((resolve) => setTimeout(resolve, 1_200));

    expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected']);
  });

  test.each([401, 403, 429, 500, 503])('a subscription refused with %i is lost', async (status) => {
    stack().upstash.faults.refuseSubscriptions = status;
    const { kinds } = follow(stack().open());

    await until(() => expect(kinds()).toEqual(['lost']));
  });

  test('a Redis that dies is reported as lost', async () => {
    const listener = await listen(stack().open(), 'feed');

    await stack().redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

    await listener.gets('lost');
  });

  test('announcements that come twice are reported twice, and those that do not come are not reported', async () => {
    const log = stack().open();
    const { faults, counts } = stack().upstash;
    const listener = await listen(log, 'feed');

    faults.repeatAnnouncementShare = 1;
    await appendTo(log, 'feed', 1);
    await until(() => expect(counts.announcements).toBe(1));
    faults.loseAnnouncementShare = 1;
    await appendTo(log, 'feed', 1);
    await until(() => expect(counts.announcements).toBe(2));
    faults.loseAnnouncementShare = 0;
    await appendTo(log, 'feed', 1);
    await listener.receives(4);

    expect(seqs(listener.events())).toEqual([1, 1, 3, 3]);
  });

  test.each([
    '',
    'not an announcement',
    'aaaaaa\t1-1',
    'aaaaaa\t1-1\t',
    'A\t1-1\t{"type":"a","data":1}',
    'aaaaaa\tx\t{"type":"a","data":1}',
    'aaaaaa\t1-1\t{"type":"a b","data":1}',
    'aaaaaa\t1-1\t{"type":"a"}',
    'aaaaaa\t1-1\t{"type":"a","data":1}\tnull',
    '{"epoch":"aaaaaa","id":"1-1","events":[{"type":"a","data":1}]}',
  ])('an announcement that cannot be read is reported as unsure: %s', async (payload) => {
    const log = stack().open();
    const listener = await listen(log, 'feed');

    await stack().redis.publish('steadfeed:feed', payload);
    await appendTo(log, 'feed', 1);
    await listener.receives(1);

    expect(listener.signals.map((signal) => signal.kind)).toEqual(['connected', 'unsure', 'events']);
  });
});

describe('the lines of a subscription', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeAllConnections();
  });

  /** Follows `feed` on a server with this answer; returns the kinds of its signals. */
  const followServer = async (answer: RequestListener) => {
    const server = createServer(answer);
    servers.push(server);
    const port = await listenOnFreePort(server);
    const url = `http://127.0.0.1:${port}`;
    const log = createRedisLog({ url, token: secretToken, retention: 1, timeoutMs: 500 });
    const signals: FollowSignal[] = [];
    log.follow('feed', (signal) => signals.push(signal), new AbortController().signal);
    await until(() => expect(signals.at(-1)?.kind).toBe('lost'));
    server.close();
    return signals.map((signal) => signal.kind);
  };
  const announced = 'aaaaaa\t7-1\t{"type":"a","data":"é✓"}';
  const frames = [`data: subscribe,steadfeed:feed,1`, `data: message,steadfeed:feed,${announced}`];

  test.each([
    ['blank lines between messages', frames.map((frame) => `${frame}\n\n`).join('')],
    ['no blank lines between messages', frames.map((frame) => `${frame}\n`).join('')],
    ['CRLF', frames.map((frame) => `${frame}\r\n\r\n`).join('')],
    ['comments to keep the connection alive', `: hi\n\n${frames.join('\n\n: ping\n\n')}\n\n: ping\n\n`],
  ])('%s are understood', async (_, body) => {
    expect(await followServer((_request, response) => response.end(body))).toEqual([
      'connected',
      'events',
      'lost',
    ]);
  });

  test('a body that arrives byte by byte is understood', async () => {
    const bytes = Buffer.from(`${frames.join('\n\n')}\n\n`);
    const kinds = await followServer(async (_request, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });

    expect(kinds).toEqual(['connected', 'events', 'lost']);
  });

  test('a payload of two lines is reported as unsure', async () => {
    const body = `${frames[0]}\n\ndata: message,steadfeed:feed,aaaaaa\t7-1\t{"type":\ndata: 1}\n\n`;

    expect(await followServer((_request, response) => response.end(body))).toEqual([
      'connected',
      'unsure',
      'unsure',
      'lost',
    ]);
  });

  test('messages of another channel, and lines before the acknowledgement, are not events', async () => {
    const body = `data: "OK"\n\n${frames[0]}\n\ndata: message,steadfeed:feed2,${announced}\n\n`;

    expect(await followServer((_request, response) => response.end(body))).toEqual([
      'connected',
      'unsure',
      'lost',
    ]);
  });

  test("a proxy's page instead of a stream is reported as lost", async () => {
    const page = '<html>Sign in</html>\n';

    expect(await followServer((_request, response) => response.end(page))).toEqual(['lost']);
    expect(await followServer((_request, response) => response.writeHead(502).end(page))).toEqual(['lost']);
  });

  test('a line without an end is lost, and not kept in memory', async () => {
    const kinds = await followServer((_request, response) => {
      response.write(`${frames[0]}\n\ndata: `);
      response.on('error', () => response.destroy());
      const fill = () => {
        if (response.destroyed) return;
        response.write('x'.repeat(1_000_000), () => setImmediate(fill));
      };
      fill();
    });

    expect(kinds).toEqual(['connected', 'lost']);
  });
});
