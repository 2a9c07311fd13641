import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FollowSignal } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { secretToken } from '../../support/log/redis-stack.ts';
import { selfSigned } from '../../support/log/self-signed.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts a server; returns its URL. */
async function serve(server: Server, protocol = 'http'): Promise<string> {
  servers.push(server);
  const port = await listenOnFreePort(server);
  return `${protocol}://127.0.0.1:${port}`;
}

const answering = (answer: RequestListener) => serve(createServer(answer));

const acknowledge: RequestListener = (_, response) => {
  response.writeHead(200);
  response.write('data: subscribe,steadfeed:feed,1\n\n');
};

/** Follows `feed` there; returns its signals. */
function follow(url: string, timeoutMs = 1_000) {
  const signals: FollowSignal[] = [];
  const abort = new AbortController();
  const log = createRedisLog({ url, token: secretToken, retention: 1, timeoutMs });
  log.follow('feed', (signal) => signals.push(signal), abort.signal);
  const gets = (...kinds: FollowSignal['kind'][]) =>
    vi.waitFor(() => expect(signals.map(({ kind }) => kind)).toEqual(kinds), {
      timeout: 30_000,
      interval: 5,
    });
  return { signals, abort, gets };
}

describe('a subscription over HTTP', () => {
  test('asks by POST, with the token, for an uncompressed stream', async () => {
    const requests: unknown[] = [];
    const url = await answering((request, response) => {
      const { authorization, accept, 'accept-encoding': encoding } = request.headers;
      requests.push([request.method, request.url, authorization, accept, encoding]);
      acknowledge(request, response);
    });

    await follow(`${url}/`).gets('connected');

    const stream = ['text/event-stream', 'identity'];
    expect(requests).toEqual([['POST', '/subscribe/steadfeed:feed', `Bearer ${secretToken}`, ...stream]]);
  });

  test('survives a silence longer than the 5 s of Node’s agent, with TCP keep-alive', async () => {
    const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive');
    const { gets } = follow(await answering(acknowledge));
    await gets('connected');

    await sleep(5_500);

    await gets('connected');
    expect(keepAlive).toHaveBeenCalledWith(true, 30_000);
  });

  test.each([301, 302, 307, 308])('is lost at a redirect, %i, and does not follow it', async (status) => {
    let strangers = 0;
    const elsewhere = await answering((request, response) => {
      strangers += 1;
      acknowledge(request, response);
    });
    const url = await answering((_, response) => {
      response.writeHead(status, { location: elsewhere }).end('data: subscribe,steadfeed:feed,1\n\n');
    });

    await follow(url).gets('lost');

    expect(strangers).toBe(0);
  });

  test('is lost when its refusal is a page without an end', async () => {
    const url = await answering((_, response) => {
      response.writeHead(500);
      response.on('error', () => response.destroy());
      const fill = () => response.destroyed || response.write('x'.repeat(10_000), () => setImmediate(fill));
      fill();
    });
    const startedAt = performance.now();

    await follow(url, 8_000).gets('lost');

    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  test.each([
    ['before its answer', () => undefined],
    ['after its acknowledgement', acknowledge],
  ])('is closed by an abort %s, without another signal', async (_, answer) => {
    let isAsked = false;
    let isClosed = false;
    const url = await answering((request, response) => {
      request.socket.on('close', () => {
        isClosed = true;
      });
      answer(request, response);
      isAsked = true;
    });
    const { signals, abort } = follow(url);
    await vi.waitFor(() => expect(isAsked).toBe(true));
    await sleep(50);
    const count = signals.length;

    abort.abort();

    await vi.waitFor(() => expect(isClosed).toBe(true));
    expect(signals).toHaveLength(count);
  });

  test.each([
    [
      'a server that does not speak HTTP',
      'HPE_INVALID_CONSTANT',
      () => serve(createServer().on('connection', sayNonsense)),
    ],
    ['a connection that is reset', 'ECONNRESET', () => serve(createServer().on('connection', reset))],
    ['a self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT', () => serveTls()],
  ])('is lost at %s, and the cause has no more than %s', async (_, code, start) => {
    const url = await start();
    const { signals, gets } = follow(url);

    await gets('lost');

    expect(signals).toMatchObject([{ cause: { code: 'log-unavailable', cause: { message: code } } }]);
    for (const secret of [secretToken, '127.0.0.1', 'subscribe']) {
      expect(inspect(signals, { depth: 10 }).replaceAll(/^ +at .*$/gm, '')).not.toContain(secret);
    }
  });

  test('connects to a trusted certificate', async () => {
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, selfSigned.cert]);
    try {
      await follow(await serveTls()).gets('connected');
    } finally {
      setDefaultCACertificates(trusted);
    }
  });
});

function serveTls(): Promise<string> {
  return serve(createTlsServer(selfSigned, acknowledge), 'https');
}

function sayNonsense(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.end('SMTP says hello\r\n\r\n');
}

function reset(socket: Socket): void {
  socket.resetAndDestroy();
}
