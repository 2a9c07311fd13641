import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { processChanges } from '../../scripts/demo/activity.ts';
import { createDemoControl, type DemoParts } from '../../scripts/demo/faults.ts';
import { type Front, startFront } from '../../scripts/demo/front.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';

let app: Server;
let front: Front;
let url: string;
let bursts: number[];
let endBurst: (() => void) | null;

beforeEach(async () => {
  bursts = [];
  endBurst = null;
  app = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'x-path': request.url ?? '' });
    response.write('first ');
    if (!request.url?.startsWith('/api/stream')) response.end('last');
  });
  const parts: Omit<DemoParts, 'front'> = {
    freeze: null,
    restart: async () => undefined,
    burst: async (count) => {
      bursts.push(count);
      const { promise, resolve } = Promise.withResolvers<void>();
      endBurst = resolve;
      await promise;
      return count;
    },
    newestId: async () => '1000-7',
    retention: 50,
    upstash: null,
  };
  let control: ReturnType<typeof createDemoControl> | null = null;
  front = await startFront(0, '127.0.0.1', (request, response) => control?.(request, response));
  control = createDemoControl({ ...parts, front });
  front.pointTo(await listenOnFreePort(app));
  url = `http://127.0.0.1:${front.port}`;
});
afterEach(async () => {
  endBurst?.();
  await front.close();
  app.closeAllConnections();
  app.close();
});

const own = { headers: { 'sec-fetch-site': 'same-origin' } };
const ask = (fault: string, init: RequestInit = {}) =>
  fetch(`${url}/demo/${fault}`, { method: 'POST', ...own, ...init });

/** Opens a stream, and waits for its first bytes. */
async function openStream() {
  const answer = await fetch(`${url}/api/stream`);
  const reader = answer.body?.getReader();
  if (reader === undefined) throw new Error('the answer has no body');
  const { value } = await reader.read();
  return { reader, text: new TextDecoder().decode(value) };
}

describe('the proxy in front of the demo', () => {
  test('passes requests and streams on at once', async () => {
    expect(await (await fetch(`${url}/page?x=1`)).text()).toBe('first last');
    expect((await openStream()).text).toBe('first ');
  });

  test('cuts the connections of the feed, and says how many', async () => {
    const { reader } = await openStream();

    expect(await (await ask('cut')).json()).toEqual({
      detail: "All connections were cut (1): those of this page, and the demo's own.",
    });
    await expect(reader.read()).rejects.toThrow();
    expect((await openStream()).text).toBe('first ');
  });

  test('holds streams back while they are blocked, and lets polls through', async () => {
    front.blockStreams(true);
    let isOpen = false;
    const opening = openStream().then((opened) => {
      isOpen = true;
      return opened;
    });

    expect(await (await fetch(`${url}/api/events`)).text()).toBe('first last');
    expect(isOpen).toBe(false);
    front.blockStreams(false);
    expect((await opening).text).toBe('first ');
  });

  test('resets every connection of the feed while it is unreachable; the page and its controls answer', async () => {
    front.makeUnreachable(true);

    await expect(fetch(`${url}/api/events`)).rejects.toThrow();
    await expect(fetch(`${url}/api/stream`)).rejects.toThrow();
    expect((await fetch(`${url}/`)).status).toBe(200);
    expect((await fetch(`${url}/demo/state`, own)).status).toBe(200);
    front.makeUnreachable(false);
    expect((await fetch(`${url}/api/events`)).status).toBe(200);
  });

  test('resets a connection whose app is gone', async () => {
    app.closeAllConnections();
    app.close();

    await expect(fetch(`${url}/api/events`)).rejects.toThrow();
  });
});

describe('the controls of the demo', () => {
  test('list the faults that this machine can make, and the newest event', async () => {
    const state = await (await fetch(`${url}/demo/state`, own)).json();

    expect(state).toMatchObject({ running: null, newestId: '1000-7' });
    expect(state.faults.map(({ name }: { name: string }) => name)).toEqual([
      'cut',
      'block',
      'offline',
      'restart',
      'burst',
      'gap',
    ]);
  });

  test.each([{}, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])(
    'refuse a request that is not of the page: %j',
    async (headers) => {
      expect((await ask('burst', { headers })).status).toBe(403);
      expect(bursts).toEqual([]);
    },
  );

  test('refuse what they do not know, and name the faults', async () => {
    const answer = await ask('explode');

    expect(answer.status).toBe(404);
    expect((await answer.json()).detail).toMatch(/^There is no fault "explode". It is one of: cut, block/);
    expect((await fetch(`${url}/demo/cut`, own)).status).toBe(404);
  });

  test('run one fault at a time, and answer when it is over', async () => {
    const first = ask('burst');
    while (bursts.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));

    expect((await ask('cut')).status).toBe(409);
    expect(await (await fetch(`${url}/demo/state`, own)).json()).toMatchObject({ running: 'burst' });
    endBurst?.();
    expect(await (await first).json()).toEqual({ detail: '1,000 events were published.' });
    expect(bursts).toEqual([1_000]);
  });
});

describe('the processes of the machine', () => {
  test('are events when they start and when they end', () => {
    const before = new Map([
      [1, 'init'],
      [7, 'node'],
    ]);
    const now = new Map([
      [1, 'init'],
      [8, 'redis-server'],
    ]);

    expect(processChanges(before, now)).toEqual([
      { channel: 'feed', type: 'process', data: { name: 'redis-server', pid: 8, state: 'started' } },
      { channel: 'feed', type: 'process', data: { name: 'node', pid: 7, state: 'ended' } },
    ]);
    expect(processChanges(now, now)).toEqual([]);
  });

  test('are five events at most in one look', () => {
    const many = new Map(Array.from({ length: 40 }, (_, index) => [index, 'cc'] as const));

    expect(processChanges(new Map(), many)).toHaveLength(5);
  });
});
