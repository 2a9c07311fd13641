import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { beforeFirst } from '../../../lib/core/ids.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvents, range, readAll, seqs } from '../../support/log/log-steps.ts';
import { selfSigned } from '../../support/log/self-signed.ts';
import { useTcpStack } from '../../support/log/tcp-stack.ts';
import { root } from '../../support/root.ts';

const stack = useTcpStack();
const servers: Server[] = [];
const sockets = new Set<Socket>();

const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill();
  children.clear();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Listens, and gives each connection to `onSocket`; returns the port. */
async function serve(onSocket: (socket: Socket) => void, make = createServer): Promise<number> {
  const server = make((socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  servers.push(server);
  return await listenOnFreePort(server);
}

/** Passes each connection on to the stack's Redis. */
function passOn(socket: Socket): void {
  const behind = connect(stack().server.port, '127.0.0.1').on('error', () => socket.destroy());
  sockets.add(behind);
  socket.pipe(behind).pipe(socket);
}

/** Runs a script that uses the log, in a process of its own, until it ends by itself. Returns what it has printed. */
async function runScript(script: string): Promise<string> {
  const imports = `
    import { parseRedisUrl } from './lib/core/redis-address.ts';
    import { createRedisLog } from './lib/log/redis/redis-log.ts';`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', imports + script], { cwd: root });
  children.add(child);
  let printed = '';
  child.stdout.on('data', (text) => {
    printed += text;
  });
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(50_000) });
  expect(code).toBe(0);
  return printed;
}

async function refusalOf(work: Promise<unknown>): Promise<FeedError> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof FeedError)) throw new Error(`not refused with a FeedError: ${inspect(error)}`);
  return error;
}

const soon = (check: () => unknown) => vi.waitFor(check, { timeout: 30_000, interval: 10 });

describe('a log that changes from the REST API to TCP', () => {
  test('keeps its events, epochs and idempotency keys, and both ways hear each other', async () => {
    const upstash = await startLocalUpstash({ redisPort: stack().server.port, token: 't' });
    const rest = createRedisLog({ url: upstash.url, token: 't', retention: 10_000 });
    const request = { events: newEvents('feed', 5), key: { name: 'k', fingerprint: 'f' } };
    const stored = await rest.append(request);

    const tcp = stack().open();
    expect(await tcp.append(request)).toEqual({ ids: stored.ids, duplicate: true });
    expect(await readAll(tcp, 'feed')).toEqual(await readAll(rest, 'feed'));
    const [byTcp, byRest] = [await listen(tcp, 'feed'), await listen(rest, 'feed')];
    await appendTo(rest, 'feed', 1);
    await appendTo(tcp, 'feed', 1);
    for (const each of [byTcp, byRest]) {
      await each.receives(2);
      expect(seqs(each.events())).toEqual([6, 7]);
    }
    expect(await tcp.ends(['feed'])).toEqual(await rest.ends(['feed']));
    rest.close();
    await upstash.close();
  });
});

describe('the connections of a process', () => {
  test('are one for all commands, and one for the subscriptions to all channels while somebody follows', async () => {
    const log = stack().open();
    const listeners = await Promise.all(range(1, 20).map((number) => listen(log, `c${number}`)));
    await Promise.all(range(1, 50).map((number) => appendTo(log, `c${(number % 20) + 1}`, 1)));

    expect(await stack().connections('normal')).toHaveLength(1);
    const [subscriber = '', ...others] = await stack().connections('pubsub');
    expect(subscriber).toContain(' sub=20 ');
    expect(others).toEqual([]);

    for (const listener of listeners) listener.stop();
    await soon(async () => expect(await stack().connections('pubsub')).toEqual([]));
    // One without subscriptions would be listed here.
    await soon(async () => expect(await stack().connections('normal')).toHaveLength(1));
    log.close();
    await soon(async () => expect(await stack().connections('normal')).toEqual([]));
  });

  test('a channel that the last follower leaves is unsubscribed, the others go on', async () => {
    const log = stack().open();
    const [gone, stays] = [await listen(log, 'a'), await listen(log, 'b')];

    gone.stop();

    await soon(async () =>
      expect(await stack().connections('pubsub')).toEqual([expect.stringContaining(' sub=1 ')]),
    );
    await appendTo(log, 'b', 1);
    await stays.receives(1);
  });

  test('keep no script alive, after a call and while somebody follows', async () => {
    const printed = await runScript(`
      const log = createRedisLog({ address: parseRedisUrl('${stack().server.url}'), retention: 100 });
      await log.ends([]);
      const { promise, resolve } = Promise.withResolvers();
      log.follow('feed', ({ kind }) => kind === 'connected' && resolve(), new AbortController().signal);
      await Promise.all([promise, log.ends([])]);
      console.log('connected');`);

    expect(printed).toBe('connected\n');
  });

  test('when the one for commands breaks, the next call opens another, and the subscriptions are lost', async () => {
    const log = stack().open();
    const listener = await listen(log, 'feed');
    await appendTo(log, 'feed', 1);

    await stack().redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await listener.gets('lost');

    await soon(() => appendTo(log, 'feed', 1));
    expect((await readAll(log, 'feed')).length).toBeGreaterThanOrEqual(2);
  });
});

test('the driver is loaded with the first connection over TCP, and not before', async () => {
  const printed = await runScript(`
    import { createRequire } from 'node:module';
    const { cache } = createRequire(import.meta.url);
    const isLoaded = () => Object.keys(cache).some((file) => file.includes('/node_modules/ioredis/'));
    createRedisLog({ url: 'http://127.0.0.1:9', token: 't', retention: 100 });
    const log = createRedisLog({ address: parseRedisUrl('${stack().server.url}'), retention: 100 });
    console.log(isLoaded());
    await log.ends([]);
    console.log(isLoaded());`);

  expect(printed).toBe('false\ntrue\n');
});

describe('an append over TCP', () => {
  test('is never sent twice: a connection that closes after it leaves its outcome open', async () => {
    let appends = 0;
    const port = await serve((socket) => {
      const behind = connect(stack().server.port, '127.0.0.1');
      sockets.add(behind.on('error', () => undefined));
      behind.pipe(socket);
      socket.on('data', (bytes) => {
        behind.write(bytes);
        if (!bytes.includes("redis.call('XADD'")) return;
        appends += 1;
        socket.destroy();
      });
    });
    const log = stack().open({ url: `redis://127.0.0.1:${port}` });

    const error = await refusalOf(log.append({ events: newEvents('feed', 1), key: null }));

    expect(error).toMatchObject({ code: 'log-unavailable', message: 'Redis cannot be reached.' });
    const direct = stack().open();
    await soon(async () => expect(await readAll(direct, 'feed')).toHaveLength(1));
    expect(appends).toBe(1);
  });

  test('without an answer in time is refused, and the next call uses another connection', async () => {
    let connections = 0;
    const port = await serve((socket) => {
      connections += 1;
      if (connections > 1) passOn(socket);
    });
    const log = stack().open({ url: `redis://127.0.0.1:${port}`, timeoutMs: 300 });

    const error = await refusalOf(log.append({ events: newEvents('feed', 1), key: null }));
    expect(error.message).toBe('Redis did not answer in time.');

    await soon(() => log.read('feed', { kind: 'after', id: beforeFirst }, 1));
    expect(connections).toBeGreaterThan(1);
  });
});

describe('the login', () => {
  const login = 'redis://feed:secret-of-the-user@';

  test('a wrong password is refused in words that contain neither it nor the address, and held for 30 s', async () => {
    const { redis, server } = stack();
    await redis.call('ACL', 'SETUSER', 'feed', 'reset', 'on', '>another');
    const log = stack().open({ url: `${login}127.0.0.1:${server.port}` });

    const error = await refusalOf(log.ends(['feed']));

    expect(error).toMatchObject({ code: 'log-unavailable', retryAfterSeconds: 30 });
    expect(error.message).toContain('refused its token or password');
    expect(inspect(error, { depth: null })).not.toMatch(/secret-of-the-user|127\.0\.0\.1/);
  });

  test('rediss:// encrypts, and refuses a certificate that it does not trust', async () => {
    const port = await serve(passOn, (onSocket) => createTlsServer(selfSigned, onSocket as never));
    const url = `rediss://127.0.0.1:${port}`;
    const refused = await refusalOf(stack().open({ url }).ends([]));
    expect(refused.message).toContain('shows a certificate that is not trusted');

    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, selfSigned.cert]);
    try {
      const log = stack().open({ url });
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);
      await listener.receives(1);
    } finally {
      setDefaultCACertificates(trusted);
    }
  });
});

test('an address that leads to a cluster, or to none, is refused with the scheme to write', async () => {
  const { server } = stack();
  const error = await refusalOf(
    stack()
      .open({ url: `redis+cluster://127.0.0.1:${server.port}` })
      .ends([]),
  );

  expect(error.message).toBe('Redis is not a cluster. Write redis:// (or rediss://) in REDIS_URL.');
});
