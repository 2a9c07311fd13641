import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectFeed } from '../../../lib/client/connect-feed.ts';
import { readStream, type StreamNews } from '../../../lib/client/transport/sse.ts';
import { heartbeatFrame } from '../../../lib/core/sse-frames.ts';
import { feedServer } from '../../support/client/feed-server.ts';

/* Statuses, redirects and content types over real sockets, by the `fetch` of the runtime. */

type Answer = (response: ServerResponse, url: URL) => void;

let answer: Answer = (response) => void response.end();
const asked: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
const server = createServer((request, response) => {
  const path = request.url ?? '';
  asked.push({ path, headers: request.headers });
  answer(response, new URL(path, 'http://feed'));
});
const port = () => (server.address() as AddressInfo).port;

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
beforeEach(() => void asked.splice(0));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Reads the server's response: its frames, and how the stream ended. */
async function read(what: Answer, token: string | null = null): Promise<string> {
  answer = what;
  const news: StreamNews[] = [];
  const request = {
    address: `http://127.0.0.1:${port()}/api/stream?channel=feed&after=10-1`,
    token,
    channels: ['feed'],
    signal: AbortSignal.timeout(5_000),
    fetch,
    now: () => 0,
  };
  await readStream(request, (more) => void news.push(...more));
  const words = news.map((each) => {
    if (each.kind === 'frame') return each.frame.kind;
    return each.kind === 'refused' ? `refused ${each.refusal.status}` : each.kind;
  });
  return words.filter((word) => word !== 'bytes' && word !== 'answered').join(', ');
}

const frame = heartbeatFrame('10-1~aaaaaa', 1_763_841_234_567);
const stream = (response: ServerResponse, type = 'text/event-stream; charset=utf-8') =>
  void response.writeHead(200, { 'content-type': type }).end(frame);

describe('an answer', () => {
  const types = [
    'text/event-stream',
    'text/event-stream;',
    'text/event-stream;charset=UTF-8',
    'text/event-stream ; charset="utf-8"; x=y',
    'Text/Event-STREAM',
  ];
  test.each(types)('is a stream when its content type is "%s"', async (type) => {
    expect(await read((response) => stream(response, type))).toBe('heartbeat, ended');
  });

  test('is read as UTF-8, whatever charset it names', async () => {
    expect(await read((response) => stream(response, 'text/event-stream; charset=utf-16'))).toBe(
      'heartbeat, ended',
    );
  });

  const others = [
    'text/html',
    'text/plain',
    'application/json',
    'text/event-streams',
    'text/event-stream-x; charset=utf-8',
    'x-text/event-stream',
    'text',
  ];
  test.each(others)('is no stream when its content type is "%s"', async (type) => {
    expect(await read((response) => stream(response, type))).toBe('refused 200');
  });

  test('is no stream when it has no content type', async () => {
    expect(await read((response) => void response.writeHead(200).end(frame))).toBe('refused 200');
  });

  test.each([201, 204, 205, 206, 304, 400, 404, 410, 500, 502])(
    'is no stream when its status is %i',
    async (status) => {
      const refuse: Answer = (response) =>
        void response.writeHead(status, { 'content-type': 'text/event-stream' }).end();
      expect(await read(refuse)).toBe(`refused ${status}`);
    },
  );

  test('without a body is a stream that ended', async () => {
    expect(
      await read((response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end()),
    ).toBe('ended');
  });

  test('that breaks off within a frame is disconnected', async () => {
    const cut: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frame + frame.slice(0, -1), () => response.socket?.end());
    };
    expect(await read(cut)).toBe('heartbeat, disconnected');
  });
});

describe('a redirect', () => {
  const redirect =
    (status: number, to: string): Answer =>
    (response, { pathname }) => {
      if (pathname === '/elsewhere') return stream(response);
      response.writeHead(status, { location: to }).end();
    };

  test.each([301, 302, 303, 307, 308])('of status %i is followed', async (status) => {
    expect(await read(redirect(status, '/elsewhere'))).toBe('heartbeat, ended');
    expect(asked.map(({ path }) => path)).toEqual(['/api/stream?channel=feed&after=10-1', '/elsewhere']);
    expect(asked[1]?.headers.accept).toBe('text/event-stream, application/problem+json');
  });

  test('within the origin keeps the token', async () => {
    await read(redirect(307, '/elsewhere'), 'secret');
    expect(asked[1]?.headers.authorization).toBe('Bearer secret');
  });

  test('to another origin is followed, and the token stays here', async () => {
    expect(await read(redirect(307, `http://localhost:${port()}/elsewhere`), 'secret')).toBe(
      'heartbeat, ended',
    );
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret', undefined]);
  });

  test('to a page is a refusal', async () => {
    const toPage: Answer = (response, { pathname }) =>
      pathname === '/elsewhere'
        ? stream(response, 'text/html')
        : redirect(302, '/elsewhere')(response, new URL('http://feed'));
    expect(await read(toPage)).toBe('refused 200');
  });

  test('without a location is a refusal, and a loop of redirects disconnects', async () => {
    expect(await read((response) => void response.writeHead(302).end())).toBe('refused 302');
    expect(await read((response) => void response.writeHead(302, { location: '/again' }).end())).toBe(
      'disconnected',
    );
  });
});

describe('a feed', () => {
  async function follow(misbehave: Parameters<typeof feedServer>[0]) {
    const honest = await feedServer(misbehave);
    honest.publish(3);
    const times = { backoffMs: 5, maxBackoffMs: 10, minPollMs: 5, probeMs: 60_000 };
    const feed = connectFeed({ url: honest.url, after: '0-0', ...times });
    await expect.poll(() => feed.getSnapshot().events.length, { timeout: 30_000, interval: 5 }).toBe(3);
    const { status, events } = feed.getSnapshot();
    feed.close();
    await honest.close();
    return { status, seqs: events.map(({ id }) => id.split('-')[1]), asked: honest.asked };
  }

  test('reads through a redirect of its stream', async () => {
    const {
      status,
      seqs,
      asked: addresses,
    } = await follow((serving) => {
      const { url = '' } = serving.request;
      if (url.endsWith('&moved')) return serving.begin();
      serving.response.writeHead(307, { location: `${url}&moved` }).end();
    });
    expect({ status, seqs }).toEqual({ status: 'streaming', seqs: ['1', '2', '3'] });
    expect(addresses).toHaveLength(2);
  });

  // A 204 says that the channel has ended. The page that the feed then asks for does not say so.
  test.each([
    [204, 1],
    [205, 2],
    [404, 2],
  ])('whose stream is answered %i polls after %i such answers', async (status, answers) => {
    const outcome = await follow(({ response }) => void response.writeHead(status).end());
    expect(outcome).toMatchObject({ status: 'polling', seqs: ['1', '2', '3'] });
    expect(outcome.asked.filter((url) => url.startsWith('/api/stream'))).toHaveLength(answers);
  });
});
