import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectFeed } from '../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../lib/client/feed-options.ts';
import { feedServer } from '../support/client/feed-server.ts';

/** What React Native has of `URLSearchParams` (`Libraries/Blob/URLSearchParams.js`): all the rest throws. */
class ReactNativeSearchParams {
  readonly #pairs: string[] = [];
  append(name: string, value: string): void {
    this.#pairs.push(`${name}=${value}`);
  }
  set(): never {
    throw new Error('URLSearchParams.set is not implemented');
  }
  get(): never {
    throw new Error('URLSearchParams.get is not implemented');
  }
  toString(): string {
    return this.#pairs.join('&');
  }
}

/** A response as React Native has it: it has no `body`. */
const withoutBody = (response: Response, text: () => Promise<string>) =>
  ({
    status: response.status,
    headers: response.headers,
    text,
    json: async () => JSON.parse(await text()),
  }) as unknown as Response;

const nodeFetch = globalThis.fetch;

/** React Native's `fetch`, which uses XMLHttpRequest: it answers when the whole body has come. */
const wholeBodyFetch: typeof fetch = async (input, init) => {
  const response = await nodeFetch(input, init);
  const text = await response.text();
  return withoutBody(response, async () => text);
};

/** A `fetch` that answers with the headers, and still has no `body`. */
const headersFetch: typeof fetch = async (input, init) => {
  const response = await nodeFetch(input, init);
  return withoutBody(response, () => response.text());
};

const closing: (() => unknown)[] = [];
beforeEach(() => void vi.stubGlobal('URLSearchParams', ReactNativeSearchParams));
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  vi.unstubAllGlobals();
});

async function setUp(options: FeedOptions) {
  const server = await feedServer();
  server.publish(3);
  const times = { probeMs: 100, maxProbeMs: 200, backoffMs: 10, minPollMs: 20 };
  const feed = connectFeed({ url: server.url, after: '0-0', ...times, ...options });
  closing.push(() => feed.close(), server.close);
  return { server, feed };
}

const seqs = (feed: Feed) => feed.getSnapshot().events.map((event) => Number(event.id.split('-')[1]));
const hasSeqs = (feed: Feed, expected: readonly number[]) =>
  vi.waitFor(() => expect(seqs(feed)).toEqual(expected), { timeout: 30_000 });

describe('in React Native', () => {
  test('a feed polls at once, and opens no stream', async () => {
    vi.stubGlobal('Response', class {});
    vi.stubGlobal('fetch', wholeBodyFetch);
    const { server, feed } = await setUp({});
    await hasSeqs(feed, [1, 2, 3]);
    server.publish(2);
    await hasSeqs(feed, [1, 2, 3, 4, 5]);

    expect(server.asked.filter((address) => address.startsWith('/api/stream'))).toEqual([]);
    expect(feed.getSnapshot().status).toBe('polling');
  });

  test('a feed whose fetch is the app’s and has no body polls after the second stream', async () => {
    const { server, feed } = await setUp({ fetch: headersFetch, probeMs: 60_000 });
    await hasSeqs(feed, [1, 2, 3]);

    const paths = server.asked.map((address) => address.split('?')[0]);
    expect(paths.slice(0, 3)).toEqual(['/api/stream', '/api/stream', '/api/events']);
  });

  test('a feed whose streams come only at their end polls, and goes on after a handover', async () => {
    const { server, feed } = await setUp({ fetch: wholeBodyFetch, firstByteMs: 100 });
    await hasSeqs(feed, [1, 2, 3]);
    // Probes are open: each gets all that its stream has sent at once, and too late.
    await vi.waitFor(() => expect(server.streams).toBe(1), { timeout: 30_000, interval: 5 });
    server.publish(2);
    server.handOver();
    server.endAll();
    server.publish(2);

    await hasSeqs(feed, [1, 2, 3, 4, 5, 6, 7]);
    expect(feed.getSnapshot().status).toBe('polling');
  });

  test('a feed encodes what stands in its addresses', async () => {
    const { server, feed } = await setUp({ transport: 'poll', after: '0-0~abc123', types: ['a:b'] });
    await vi.waitFor(() => expect(server.asked).not.toEqual([]));
    feed.close();

    const { searchParams } = new URL(server.asked[0] ?? '', server.url);
    expect([...searchParams]).toEqual([
      ['channel', 'feed'],
      ['type', 'a:b'],
      ['after', '0-0~abc123'],
    ]);
  });
});
