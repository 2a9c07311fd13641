import { spawn } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { examine } from '../../../scripts/doctor/examine.ts';
import { findFreePort } from '../../../scripts/free-port.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { type ProxyName, startDocumentedProxy } from '../../support/node/documented-proxies.ts';
import { eventually } from '../../support/node/eventually.ts';
import { untilStreams } from '../../support/node/open-streams.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** The proxies of docs/deploy.md, as the real programs, with the configurations of the document. */
const names: readonly ProxyName[] = ['nginx', 'haproxy', 'caddy'];

/** Two processes on one file, and the proxy in front of them. */
async function startBehind(name: ProxyName, env = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(makeTemporaryFolder());
  const own = { FEED_DB: `${folder.path}/feed.db`, ...env };
  const apps: [App, App] = [await startApp(own), await startApp(own)];
  const tls = await findFreePort(0, '127.0.0.1');
  const proxy = stack.use(await startDocumentedProxy(name, [apps[0].port, apps[1].port], tls));
  const kept = stack.move();
  return {
    url: proxy.url,
    tls,
    apps,
    /** Stops a process with SIGTERM, and starts the next one in its place. */
    async restart(index: 0 | 1) {
      apps[index].kill('SIGTERM');
      await apps[index].ended;
      apps[index] = await startApp(own, apps[index].port);
    },
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync();
      await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()));
    },
  };
}

/** Publishes numbers until its caller stops it. It sends each number again until the server has stored it. */
function keepPublishing(target: { readonly url: string }) {
  let isOver = false;
  let count = 0;
  const publishing = (async () => {
    while (!isOver) {
      count += 1;
      const key = `number ${count}`;
      await eventually(`number ${count} is stored`, 30_000, async () => {
        const answer = await publish(target, [count], { key }).catch(() => null);
        return answer !== null && answer.status < 300;
      });
      await sleep(50);
    }
  })();
  return async () => {
    isOver = true;
    await publishing;
    return count;
  };
}

/**
 * Readers that come while a process stops: each polls once and opens a stream, one after the other, until its caller stops them.
 * The proxy may still have connections to that process.
 * @returns a function that stops them, and returns what they asked for and did not get.
 */
function keepComing(target: { readonly url: string }) {
  let isOver = false;
  const refusals: string[] = [];
  async function comeOnce(path: string): Promise<void> {
    const leaving = new AbortController();
    const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(30_000)]);
    const response = await fetch(target.url + path, { signal });
    if (response.ok && path === '/api/events') await response.text();
    if (!response.ok) refusals.push(`${response.status} ${path}: ${await response.text()}`);
    leaving.abort();
  }
  const coming = range(1, 4).map(async () => {
    while (!isOver) {
      await comeOnce('/api/events');
      await comeOnce('/api/stream');
      await sleep(10);
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(coming);
    return refusals;
  };
}

describe.concurrent.each(names)('%s, as docs/deploy.md says', (name) => {
  test('passes every check of the doctor', { timeout: 240_000 }, async () => {
    await using behind = await startBehind(name);
    const findings = await examine({
      url: behind.url,
      token: null,
      publishToken: secrets.publishToken,
      watchMs: 30_000,
      onProgress: () => undefined,
    });
    expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(findings.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(8);
  });

  test('ends the stream in the process when its reader has left', async () => {
    await using behind = await startBehind(name);
    const reader = await openSse(behind);
    await reader.frame('hello');
    const streams = async () =>
      (await behind.apps[0].health()).streams + (await behind.apps[1].health()).streams;
    expect(await streams()).toBe(1);
    reader.destroy();
    await untilStreams(behind.apps[0], 0, 30_000);
    await untilStreams(behind.apps[1], 0, 30_000);
  });

  test('passes on the refusal that both processes give, with its problem', async () => {
    // Nothing listens on port 9.
    const gone = {
      UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:9',
      UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
    };
    await using behind = await startBehind(name, gone);
    for (const _ of range(1, 5)) {
      const answer = await ask(behind, '/api/events');
      expect(answer.status).toBe(503);
      expect(readProblem(answer)).toMatchObject({ detail: 'Redis cannot be reached.' });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });

  test('lets readers and publishers go on while both processes are restarted, one after the other', {
    timeout: 240_000,
  }, async () => {
    await using behind = await startBehind(name);
    const data: unknown[] = [];
    const gaps: unknown[] = [];
    const refusals: string[] = [];
    const feed = connectFeed({
      url: behind.url,
      rewind: 'all',
      onEvent: (event) => void data.push(event.data),
      onGap: (gap) => void gaps.push(gap),
      async fetch(input, init) {
        const response = await fetch(input, init);
        if (!response.ok) refusals.push(`${response.status} ${input}`);
        return response;
      },
    });
    using _closing = { [Symbol.dispose]: () => feed.close() };
    const until = (count: number) =>
      eventually(`${count} events have arrived`, 60_000, () => data.length >= count);
    const stopPublishing = keepPublishing(behind);
    await until(5);
    const stopComing = keepComing(behind);
    for (const index of [0, 1, 0, 1] as const) {
      await behind.restart(index);
      await until(data.length + 5);
    }
    refusals.push(...(await stopComing()));
    const count = await stopPublishing();
    await until(count);
    expect(data).toEqual(range(1, count));
    expect(gaps).toEqual([]);
    expect(refusals).toEqual([]);
  });
});

/** Two servers that answer as each says, and the proxy in front of them. */
async function startBeforeServers(name: ProxyName, answers: readonly [RequestListener, RequestListener]) {
  await using stack = new AsyncDisposableStack();
  const [one, two] = answers.map((answer) => createServer(answer));
  if (one === undefined || two === undefined) throw new Error('two servers are needed');
  for (const server of [one, two]) stack.defer(() => void server.close().closeAllConnections());
  const ports = [await listenOnFreePort(one), await listenOnFreePort(two)] as const;
  const tls = await findFreePort(0, '127.0.0.1');
  const proxy = stack.use(await startDocumentedProxy(name, [ports[0], ports[1]], tls));
  const kept = stack.move();
  return { url: proxy.url, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

describe.concurrent.each(names)('%s, while two processes have different builds', (name) => {
  const has =
    (file: string): RequestListener =>
    ({ url }, response) =>
      void response.writeHead(url?.endsWith(file) ? 200 : 404).end(file);

  test('finds a script that only one of them has', async () => {
    await using proxy = await startBeforeServers(name, [has('old.js'), has('new.js')]);
    for (const file of Array.from({ length: 5 }, () => ['old.js', 'new.js', 'none.js']).flat()) {
      const { status } = await ask(proxy, `/_next/static/chunks/${file}`);
      expect([file, status]).toEqual([file, file === 'none.js' ? 404 : 200]);
    }
    // Other addresses get the answer of one process, as it is.
    expect((await ask(proxy, '/api/none')).status).toBe(404);
  });
});

describe.concurrent.each(['nginx', 'haproxy'] as const)('%s, while one process stops', (name) => {
  test('gives a request that it refuses to the other one, but sends no event twice', async () => {
    const requests: string[] = [];
    const stopping: RequestListener = ({ method = '' }, response) => {
      requests.push(method);
      response.writeHead(503, { 'retry-after': '1' }).end('{"detail":"This process is stopping."}');
    };
    const goesOn: RequestListener = (_, response) => void response.end('{}');
    await using proxy = await startBeforeServers(name, [stopping, goesOn]);
    for (const _ of range(1, 10)) expect((await ask(proxy, '/api/events')).status).toBe(200);
    expect(requests).toContain('GET');
    const statuses = await Promise.all(
      range(1, 10).map(async () => (await ask(proxy, '/api/events', { method: 'POST', body: '{}' })).status),
    );
    expect(statuses.filter((status) => status === 503)).toHaveLength(
      requests.filter((method) => method === 'POST').length,
    );
  });
});

describe.concurrent.each(['nginx', 'haproxy'] as const)('%s, as docs/deploy.md says', (name) => {
  test('streams over HTTPS and HTTP/2', async () => {
    await using behind = await startBehind(name);
    const address = `https://127.0.0.1:${behind.tls}/api/stream`;
    const curl = spawn('curl', ['--silent', '--include', '--insecure', '--http2', '--no-buffer', address]);
    let received = '';
    curl.stdout.on('data', (text) => (received += text));
    await eventually('hello arrives', 30_000, () => received.includes('event: hello'));
    await store(behind, ['over HTTP/2']);
    await eventually('the event arrives', 30_000, () => received.includes('"data":"over HTTP/2"'));
    expect(received).toMatch(/^HTTP\/2 200/);
    expect(curl.exitCode).toBeNull();
    curl.kill();
  });
});
