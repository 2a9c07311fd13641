import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvents, range, readAll } from '../../support/log/log-steps.ts';
import { type SilencingProxy, startSilencingProxy } from '../../support/log/silencing-proxy.ts';
import { useTcpStack } from '../../support/log/tcp-stack.ts';

/** Longer than a connection may be idle before a call checks it: 10 s. */
const idleMs = 10_500;

/** A call that waits for an answer on a dead connection fails only after this time. */
const timeoutMs = 60_000;

const stack = useTcpStack();
let proxy: SilencingProxy;

beforeEach(async () => {
  proxy = await startSilencingProxy(stack().server.port);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await proxy[Symbol.asyncDispose]();
});

function open(within = timeoutMs): EventLog {
  return stack().open({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: within });
}

/** Moves the clock that measures how long a connection was idle. */
function passTime(ms: number): void {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}

/** How often Redis has run a command since the last reset. */
async function callsOf(command: string): Promise<number> {
  const stats = String(await stack().redis.call('INFO', 'commandstats'));
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
}

describe('a connection for commands that was idle for more than 10 s', () => {
  test('and is dead is found out before a call uses it: an append goes out on another, once', async () => {
    const log = open();
    const follower = await listen(log, 'feed');
    await appendTo(log, 'feed', 1);
    proxy.silence();
    passTime(idleMs);

    const { ids, duplicate } = await log.append({ events: newEvents('feed', 1), key: null });

    expect({ ids, duplicate }).toMatchObject({ ids: [{ seq: 2 }], duplicate: false });
    expect(await readAll(log, 'feed')).toHaveLength(2);
    // What listens on the old way hears nothing any more: its tail must read the log.
    await follower.gets('lost');
    expect(proxy.connections()).toBe(3);
  });

  test('and is alive is checked once for all calls that wait, and is used', async () => {
    const log = open();
    await appendTo(log, 'feed', 1);
    passTime(idleMs);
    await stack().redis.call('CONFIG', 'RESETSTAT');

    await Promise.all(range(1, 20).map(() => appendTo(log, 'feed', 1)));

    expect(await callsOf('exists')).toBe(1);
    expect(proxy.connections()).toBe(1);
  });

  test('is not checked by a call that comes sooner', async () => {
    const log = open();
    await appendTo(log, 'feed', 1);
    passTime(5_000);
    await stack().redis.call('CONFIG', 'RESETSTAT');

    await appendTo(log, 'feed', 1);

    expect(await callsOf('exists')).toBe(0);
  });
});

describe('a connection that falls silent in use', () => {
  test('is given up when a call gets no answer in time; the next call and the subscriptions use others', async () => {
    const log = open(2_000);
    const follower = await listen(log, 'feed');
    await appendTo(log, 'feed', 1);
    proxy.silence();

    const refused = await log.append({ events: newEvents('feed', 1), key: null }).catch((error) => error);
    await follower.gets('lost');
    await appendTo(log, 'feed', 1);

    expect(refused).toMatchObject({ code: 'log-unavailable', message: 'Redis did not answer in time.' });
    expect(await readAll(log, 'feed')).toHaveLength(2);
  });

  test('and carries subscriptions is lost for all of them when it does not acknowledge a new one in time', async () => {
    const log = open(2_000);
    const follower = await listen(log, 'a');
    await appendTo(log, 'a', 1);
    proxy.silence('subscribe');

    log.follow('b', () => undefined, new AbortController().signal);
    await follower.gets('lost');

    const renewed = await listen(log, 'a');
    await appendTo(log, 'a', 1);
    await renewed.receives(1);
  });

  test('is checked by the system too, after 10 s, without a command', async () => {
    const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive');
    const log = open();
    await listen(log, 'feed');
    await appendTo(log, 'feed', 1);

    expect(keepAlive.mock.calls).toEqual([
      [true, 10_000],
      [true, 10_000],
    ]);
  });
});
